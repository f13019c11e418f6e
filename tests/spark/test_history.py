"""One lake, built on both engines step by step: after each, every mart has the same rows.

CI takes the first steps; ROLLCALL_SPARK_STEPS=all (`make test-spark-full`) takes them all.
"""

from __future__ import annotations

import json
import os

import pytest
from history import STEPS, all_at_once, first
from houses import House

from rollcall.engines import marts, spark
from rollcall.refresh import purge

IS_FULL = os.environ.get("ROLLCALL_SPARK_STEPS") == "all"
TAKEN = STEPS if IS_FULL else {"first": first, "all_at_once": all_at_once}


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """A house after all steps, with what differed after each, and what each run did."""
    house = House(tmp_path_factory.mktemp("lived"))
    house.differences_after, house.runs = {}, {}
    for step in TAKEN:
        backfill = TAKEN[step](house)
        for engine in ("duckdb", "spark"):
            run = house.refresh(engine, backfill=backfill if engine == "duckdb" else None)
            assert run.version == run.run_id and not run.failures, (step, engine, run.failures, run.skipped)
            house.runs[step, engine] = run
        house.differences_after[step] = house.differences()
    yield house
    spark.stop()


@pytest.mark.parametrize("step", TAKEN)
def test_every_mart_is_the_same_on_both_engines(lived, step):
    assert lived.differences_after[step] == {}


def test_the_marts_are_not_empty(lived):
    for mart in (
        "fct_product_usage",
        "fct_memberships",
        "school_name_check",
        "bridge_usage_identities",
        "fct_rule_results",
    ):
        assert lived.query("spark", f"select count(*) from {mart}") > [(0,)], mart


def test_a_further_build_goes_on_from_the_version_before(lived):
    log = (lived.rooms("spark")["build"] / "rollcall.log").read_text("utf-8")
    unloaded = [json.loads(line) for line in log.splitlines() if "marts unloaded" in line]
    versions = [lived.runs[step, "spark"].version for step in TAKEN]
    # What was withdrawn is no start.
    assert [one["base"] for one in unloaded] == [
        None if step in ("first", "withdrawn") else before
        for step, before in zip(TAKEN, [None, *versions], strict=False)
    ]


def test_a_chain_of_addresses_is_one_person(lived):
    sql = "select count(distinct user_key) from bridge_user_sources where source_id like 'X%' and district_id = 'north'"
    assert lived.query("spark", sql) == [(1,)]


def test_each_version_that_is_kept_has_its_tag_and_no_other_has(lived):
    kept = {f"v{path.stem}" for path in lived.pointer("spark").parent.glob("versions/*.duckdb")}
    tags = marts._tags(spark.running())
    assert len(tags) > 20 and all(named == kept for named in tags.values())


@pytest.mark.skipif(not IS_FULL, reason="make test-spark-full: it builds anew")
def test_a_purge_leaves_nothing_of_a_district(lived):
    for engine in ("duckdb", "spark"):
        settings = lived.settings(engine)
        done = purge.district(settings, "south", "Ada", "contract ended", lambda *_: None)
        assert done.is_clean, done.checks
    assert lived.differences() == {}
    assert lived.query("spark", "select count(*) from dim_users where district_id = 'south'") == [(0,)]
    assert all("south" not in str(path) for path in (lived.root / "spark").rglob("*"))
