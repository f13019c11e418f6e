"""One lake, built on both engines step by step: after each, every mart has the same rows.

`make test-spark` takes the first, and most others at once, ROLLCALL_SPARK_STEPS=first the first alone; ROLLCALL_SPARK_STEPS=all (`make test-spark-full`) takes each by itself.
"""

from __future__ import annotations

import json
import os
import shutil

import duckdb
import pytest
from history import STEPS, all_at_once
from houses import House

from rollcall.engines import marts, spark
from rollcall.refresh import purge

# "all", or names of steps with commas between them.
NAMED = os.environ.get("ROLLCALL_SPARK_STEPS", "first,all_at_once")
IS_FULL = NAMED == "all" or "withdrawn" in NAMED
KNOWN = STEPS | {all_at_once.__name__: all_at_once}
TAKEN = STEPS if NAMED == "all" else {name: KNOWN[name] for name in NAMED.split(",")}


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """A house after all steps, with what differed after each, and what each run did."""
    house = House(tmp_path_factory.mktemp("lived"))
    house.differences_after, house.empty_after, house.runs = {}, {}, {}
    for step in TAKEN:
        backfill = TAKEN[step](house)
        for engine in ("duckdb", "spark"):
            run = house.refresh(engine, backfill=backfill if engine == "duckdb" else None)
            assert run.version == run.run_id and not run.failures, (step, engine, run.failures, run.skipped)
            house.runs[step, engine] = run
        house.differences_after[step] = house.differences()
        print(step, house.differences_after[step])
        house.empty_after[step] = [mart for mart, rows in house.row_counts("spark").items() if not rows]
    yield house
    spark.stop()


@pytest.mark.parametrize("step", TAKEN)
def test_every_mart_is_the_same_on_both_engines(lived, step):
    assert lived.differences_after[step] == {}


@pytest.mark.parametrize("step", TAKEN)
def test_no_mart_is_empty(lived, step):
    """Two tables without rows are the same, and prove nothing."""
    assert lived.empty_after[step] == []


def test_what_a_district_sets_is_on_spark(lived):
    (own,) = lived.query("spark", "select count(distinct extensions) from dim_users where extensions like '%7%R%1%é%'")
    assert own == (1,)
    assert lived.query("spark", "select count(distinct access_role) > 1 from bridge_user_access") == [(True,)]
    assert lived.query("spark", "select count(distinct school_year_start) > 2 from fct_usage_days") == [(True,)]
    assert lived.query("spark", "select count(*) > 0 from dim_users where is_relative") == [(True,)]
    is_held = bool({"other_settings", "all_at_once"} & set(TAKEN))
    assert lived.query("spark", "select count(*) from fct_deliveries where verdict = 'held'") == [(int(is_held),)]


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
    # In the first roster each has an address of their own; the second passes them on.
    is_passed_on = bool({"late_roster", "all_at_once"} & set(TAKEN))
    assert lived.query("spark", sql) == [(1 if is_passed_on else 18,)]


def test_each_version_that_is_kept_has_its_tag_and_no_other_has(lived):
    kept = {f"v{path.stem}" for path in lived.pointer("spark").parent.glob("versions/*.duckdb")}
    tags = marts._tags(spark.running())
    assert len(tags) > 20 and all(named == kept for named in tags.values())


@pytest.mark.skipif(not IS_FULL, reason="make test-spark-full: it builds anew")
def test_a_purge_leaves_nothing_of_a_district(lived):
    before = lived.root / "before.duckdb"
    shutil.copy(lived.pointer("spark"), before)
    for text in ("south", "Zanzibar"):
        found = lived.files_with(text)
        for place in (
            "warehouse/spark/marts/dim_orgs/data",
            "warehouse/spark/marts/dim_orgs/metadata",
            "warehouse/versions",
        ):
            assert any(name.startswith(place) for name in found), (text, place)
    # The lake is one for both: DuckDB's purge finds its own rooms only.
    spark.stop()
    done = json.loads(
        lived.run("spark", "purge", "--district", "south", "--by", "Ada", "--why", "it ended", "--yes", "--json").stdout
    )
    assert done["is_clean"] and done["removed"]["tables_on_spark"] > 20
    counted = {where: left for where, left in done["checks"].items() if "on Spark" in where}
    assert len(counted) > 40 and not any(counted.values()), "each mart in its branch and its tag"
    # What says that it was purged names it, as on DuckDB.
    assert {name for name in lived.files_with("south") if not name.startswith("warehouse/purges/")} <= {
        "build/rollcall.log"
    }
    assert lived.files_with("Zanzibar") == set()

    assert purge.district(lived.settings("duckdb"), "south", "Ada", "it ended", lambda *_: None).is_clean
    assert lived.differences() == {}
    with duckdb.connect(str(lived.pointer("spark")), read_only=True) as connection:
        connection.execute(f"attach '{before}' as before (read_only)")
        marts_of_districts = connection.execute(
            "select table_name from duckdb_columns() where database_name = 'before' and column_name = 'district_id'"
        ).fetchall()
        assert len(marts_of_districts) > 10
        for (mart,) in marts_of_districts:
            columns = f"select * from {{}}marts.{mart} where district_id <> 'south'"
            was, now = columns.format("before."), columns.format("")
            changed = connection.execute(
                f"select count(*) from (({was} except all {now}) union all ({now} except all {was}))"
            ).fetchone()
            assert changed == (0,), mart
            assert connection.execute(f"select count(*) from marts.{mart}").fetchone() > (0,), mart
