"""The dbt project's graph keeps the rules of dbt-project-evaluator that matter here. An exception is a line, with its reason."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from rollcall.intake.lake_tables import lake_tables
from rollcall.settings import Settings
from test_dbt_alone import dbt

LAYERS = ("staging", "intermediate", "marts")
PREFIXES = {"staging": ("stg_",), "intermediate": ("int_",), "marts": ("dim_", "fct_", "bridge_", "agg_")}
# A name that readers know already.
NAMED_OTHERWISE = {"school_name_check"}
# No test of its own: signed rows that are held to the facts by tests/reconciliation, and events, of which one may come twice.
UNTESTED = {
    # An educator may be enrolled in one class twice; int_memberships__pairings, which counts classes, is tested.
    "int_memberships__class_spans",
    # One number may be both a sourcedId and an identifier; int_usage__identity_spans, which weighs the claims, is tested.
    "int_usage__identity_claims",
    "int_increments__carried_districts",
    "int_increments__changes",
    "int_increments__person_day_changes",
    # What one model and the last version say, put together: tested where it comes from.
    "int_increments__identifiers",
    "int_increments__identity_spans",
    "int_increments__membership_groups",
    "int_increments__profiles",
    "int_increments__status_spans",
    "int_increments__student_grades",
    "int_usage__page_loads",
    "stg_extension__page_loads",
    "stg_lake__refresh_runs",
    "stg_lake__rule_results",
}
# They read the lake of people who are not staged, to say which of them are, and on which days something begins or ends.
BESIDE_STAGING = {"int_increments__people_scope", "int_deliveries__boundaries"}
# Whose rosters are read at all.
ASKED_BY_STAGING = {"int_increments__roster_scope", "int_increments__roster_parts", "int_increments__people_scope"}
# Sources that are no table of the lake: names of its files, and the ledger beside it.
NO_LAKE_TABLES = {"extension/page_load_files", "lake/refresh_runs"}


@pytest.fixture(scope="module")
def manifest(session_house) -> dict:
    house = session_house("manifest")
    dbt(house, "parse")
    return json.loads((house.root / "target" / "manifest.json").read_text("utf-8"))


def models(manifest: dict, *layers: str) -> dict[str, dict]:
    return {
        key: node
        for key, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and node["fqn"][1] in (layers or LAYERS)
    }


def test_every_model_is_in_its_layer_named_for_it_and_documented(manifest):
    assert len(models(manifest)) == sum(node["resource_type"] == "model" for node in manifest["nodes"].values())
    for node in models(manifest).values():
        assert node["name"].startswith(PREFIXES[node["fqn"][1]]) or node["name"] in NAMED_OTHERWISE, node["name"]
        assert node["description"].startswith("One row per"), node["name"]
        undescribed = [name for name, column in node["columns"].items() if not column["description"]]
        assert not undescribed, (node["name"], undescribed)


def test_every_model_is_tested(manifest):
    tested = {
        key
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        for key in node["depends_on"]["nodes"]
    }
    tested |= {key for test in manifest["unit_tests"].values() for key in test["depends_on"]["nodes"]}
    assert {node["name"] for key, node in models(manifest).items() if key not in tested} <= UNTESTED


def test_references_go_one_way(manifest):
    allowed = {"staging": {"source"}, "intermediate": {"staging", "intermediate", "seed"}, "marts": {*LAYERS, "seed"}}
    for node in models(manifest).values():
        for parent in node["depends_on"]["nodes"]:
            kind, _, name = parent.split(".", 2)
            if kind == "source" and name.startswith("published."):
                # What a build goes on from: only the increments read it.
                assert node["fqn"][2] == "increments", node["name"]
                continue
            if name in ASKED_BY_STAGING and node["fqn"][1] == "staging":
                continue
            if kind == "source" and node["name"] in BESIDE_STAGING:
                continue
            layer = manifest["nodes"][parent]["fqn"][1] if kind == "model" else kind
            assert layer in allowed[node["fqn"][1]], (node["name"], parent)
        assert node["depends_on"]["nodes"], f"{node['name']} has no parent"


def test_every_source_leads_to_an_exposure(manifest):
    above: dict[str, set[str]] = {}
    for key, node in {**manifest["nodes"], **manifest["exposures"]}.items():
        if node["resource_type"] in ("model", "exposure"):
            for parent in node["depends_on"]["nodes"]:
                above.setdefault(parent, set()).add(key)
    for source in manifest["sources"]:
        reached, waiting = set(), [source]
        while waiting:
            for child in above.get(waiting.pop(), set()) - reached:
                reached.add(child)
                waiting.append(child)
        assert any(key.startswith("exposure.") for key in reached), source


def test_only_marts_are_public_and_exposed(manifest):
    for node in models(manifest).values():
        is_mart = node["fqn"][1] == "marts"
        assert (node["access"] == "public") == is_mart, node["name"]
        if is_mart:
            assert node["config"]["group"] == node["fqn"][2], node["name"]
            assert node["config"]["contract"]["enforced"], node["name"]
    for exposure in manifest["exposures"].values():
        assert set(exposure["depends_on"]["nodes"]) <= set(models(manifest, "marts")), exposure["name"]


def test_sources_are_the_tables_of_the_lake(manifest):
    found = {
        f"{source['source_name']}/{source['name']}": source
        for source in manifest["sources"].values()
        if source["source_name"] != "published"
    }
    expected = {table if "/" in table else f"lake/{table}": columns for table, columns in lake_tables().items()}
    assert found.keys() - NO_LAKE_TABLES == expected.keys()
    for name, columns in expected.items():
        described = {column: said["data_type"] for column, said in found[name]["columns"].items()}
        of_the_path = {"district_id", "usage_date", "file_path"} - columns.keys()
        kinds = {column: "string" if kind == "varchar" else kind for column, kind in columns.items()}
        assert {column: kind for column, kind in described.items() if column not in of_the_path} == kinds, name
        assert all(column["description"] for column in found[name]["columns"].values()), name


def test_lateness_is_what_the_sources_say(manifest):
    said = {
        source["config"]["meta"]["delivery_kind"]: source["freshness"]["warn_after"]["count"]
        for source in manifest["sources"].values()
        if source["config"]["meta"].get("delivery_kind")
    }
    assert Settings().expected_days == said
    assert Settings(freshness_days={"usage": 9}).expected_days == {"usage": 9}


def test_freshness_works_from_the_root(house):
    assert "PASS freshness of extension.page_loads" in dbt(house, "source", "freshness")


def test_every_macro_is_documented_with_its_arguments(manifest):
    """dbt itself refuses arguments that are not those of the macro (`validate_macro_args`)."""
    own = [macro for macro in manifest["macros"].values() if macro["package_name"] == "rollcall"]
    # What a dispatched macro is on one engine is said of the macro; generic tests and materializations say it themselves.
    named = [
        macro for macro in own if not macro["name"].startswith(("default__", "spark__", "test_", "materialization_"))
    ]
    assert len(named) > 50
    for macro in named:
        assert macro["description"], macro["name"]
        assert all(argument["description"] and argument["type"] for argument in macro["arguments"]), macro["name"]


_TESTED = """
from rollcall.refresh import build
from rollcall.settings import Settings

for node in build.parse(Settings()).nodes.values():
    if node.resource_type == "test" and "left_out" not in node.tags:
        print(node.name)
"""


def test_a_refresh_runs_every_test_of_what_comes_in_and_of_the_marts(manifest, session_house):
    """A test that mentions what lies between, such as a scope, is not left out for that."""
    house = session_house("selection")
    done = subprocess.run(
        [sys.executable, "-c", _TESTED], env=house.environment, cwd=house.root, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    listed = done.stdout.split()
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    assert 60 < len(listed) < len(tests) - 30
    alone = {node["name"] for node in tests if not node.get("attached_node") and node["fqn"][1] != "config"}
    assert len(alone) >= 9 and alone <= set(listed)
    grains = {
        node["attached_node"]: node["name"]
        for node in tests
        if node["name"].startswith("one_row_per_") and node["fqn"][1] in ("staging", "marts")
    }
    assert set(models(manifest, "marts")) <= set(grains)
    assert set(grains.values()) <= set(listed)
