"""Every model compiles for the `spark` target, and Spark understands it: each parses, and resolves to its contract's types."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from dbt.cli.main import dbtRunner
from pyspark.sql import SparkSession
from pyspark.sql.types import DoubleType, StringType

PROJECT = Path(__file__).parents[2]
# What a contract says → what Spark calls it.
TYPES = {
    "integer": "int",
    "timestamp": "timestamp_ntz",
    "decimal(18, 3)": "decimal(18,3)",
    "decimal(20, 0)": "decimal(20,0)",
}


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse")))
        .config("spark.sql.timestampType", "TIMESTAMP_NTZ")
        .getOrCreate()
    )
    # Session functions that the engine registers.
    session.udf.register("strip_accents", lambda text: text, StringType())
    session.udf.register("jaro_winkler_similarity", lambda one, other: 1.0, DoubleType())
    yield session
    session.stop()


@pytest.fixture(scope="module")
def manifest(spark, tmp_path_factory) -> dict:
    target = tmp_path_factory.mktemp("target")
    rooms = [f"--project-dir={PROJECT}", f"--profiles-dir={PROJECT}", f"--target-path={target}", f"--log-path={target}"]
    done = dbtRunner().invoke(["compile", "--quiet", "--target=spark", *rooms])
    assert done.success, done.exception
    return json.loads((target / "manifest.json").read_text("utf-8"))


def test_every_query_parses(spark, manifest):
    parser = spark._jsparkSession.sessionState().sqlParser()
    queries = [node["compiled_code"] for node in manifest["nodes"].values() if node.get("compiled_code")]
    assert len(queries) > 100
    for query in queries:
        parser.parsePlan(query)


def test_every_model_resolves_to_the_types_of_its_contract(spark, manifest):
    models = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    sources = [source for source in manifest["sources"].values() if source["source_name"] != "published"]
    for schema in {node["schema"] for node in [*manifest["nodes"].values(), *sources]}:
        spark.sql(f"create database if not exists {schema}")

    def make(node: dict, fields: list[tuple[str, str]]) -> None:
        columns = ", ".join(f"`{name}` {kind}" for name, kind in fields)
        spark.sql(f"create table {node['schema']}.{node.get('identifier', node['name'])} ({columns}) using parquet")

    for source in sources:
        kinds = {name: column["data_type"] for name, column in source["columns"].items()}
        make(
            source,
            [
                (name, kind.replace("map(", "map<").replace(")", ">").replace("ubigint", "decimal(20, 0)"))
                for name, kind in kinds.items()
            ],
        )
    seeds = yaml.safe_load((PROJECT / "dbt_project.yml").read_text("utf-8"))["seeds"]["rollcall"]
    for node in manifest["nodes"].values():
        if node["resource_type"] == "seed":
            make(node, list(seeds[node["name"]]["+column_types"].items()))
    waiting = dict(models)
    while waiting:
        ready = [key for key, node in waiting.items() if not set(node["depends_on"]["nodes"]) & set(waiting)]
        for node in [waiting.pop(key) for key in ready]:
            if node["config"]["materialized"] == "ephemeral":
                continue
            found = [(field.name, field.dataType.simpleString()) for field in spark.sql(node["compiled_code"]).schema]
            if node["config"]["contract"]["enforced"]:
                contract = {name: column["data_type"] for name, column in node["columns"].items()}
                assert found == [(name, TYPES.get(kind, kind)) for name, kind in contract.items()], node["name"]
            make(node, [(name, "string" if kind == "void" else kind) for name, kind in found])
