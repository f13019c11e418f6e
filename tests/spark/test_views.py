"""Marts that are too large to copy, which are views in the published file: through every step of a history. `make test-spark-full`."""

from __future__ import annotations

import json
import os

import pytest
from history import first, further_day, late_roster, other_templates
from houses import House

from rollcall.dashboard.queries import Inventory
from rollcall.dashboard.warehouse import Warehouse
from rollcall.engines import marts, spark
from rollcall.refresh import publish, purge
from rollcall.refresh.lock import refresh_lock
from rollcall.refresh.run import refresh

pytestmark = pytest.mark.skipif(os.environ.get("ROLLCALL_SPARK_STEPS") != "all", reason="make test-spark-full")

# Between the small marts and the large ones of this history: some are copied, and some are not.
LIMIT = 6000


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("views"))
    yield house
    spark.stop()


def _views(house: House) -> set[str]:
    return {
        name for (name,) in house.query("spark", "select view_name from duckdb_views() where schema_name = 'marts'")
    }


def _rows(house: House) -> dict[str, list[tuple]]:
    """Mart → its rows, as a reader of the published file gets them."""
    return {mart: sorted(house.query("spark", f"from {mart}"), key=repr) for mart in house.row_counts("spark")}


def _shown(house: House, engine: str) -> list[object]:
    """What the dashboard says of every period that it prepares: it opens nothing but the version, and what its views are of."""
    inventory = Inventory(Warehouse(house.settings(engine)).version())
    return [
        [repr(filters), *sorted(map(repr, inventory.products(filters)))]
        for filters in sorted(inventory.newest(), key=repr)
    ]


def _build(house: House) -> str:
    """Builds on both engines, holds them and their dashboards to each other, and returns Spark's version."""
    assert house.refresh("duckdb").version
    run = house.refresh("spark", spark_view_bytes=LIMIT)
    assert run.version == run.run_id and not run.failures and not run.mended
    assert house.differences() == {}
    views = _views(house)
    assert "fct_product_usage" in views and len(views) > 3 and views < set(house.row_counts("spark"))
    shown = _shown(house, "spark")
    assert len(shown) > 5 and any(len(rows) > 1 for rows in shown) and shown == _shown(house, "duckdb")
    return run.version


def test_a_mart_that_is_a_view_is_published_rolled_back_and_purged_as_one_that_is_copied(house):
    """One history, since each build takes a minute."""
    first(house)
    one = _build(house)
    of_one = _rows(house)
    further_day(house)
    two = _build(house)
    of_two = _rows(house)
    assert of_one != of_two

    # A reader of the version before has the rows of then, though the tables have gone on.
    assert publish.rollback(house.settings("spark"), None).version == one
    assert _rows(house) == of_one

    # The next build goes on from there, takes what it has not got, and leaves the version in between as it was.
    late_roster(house)
    three = _build(house)
    log = (house.rooms("spark")["build"] / "rollcall.log").read_text("utf-8")
    bases = [json.loads(line)["base"] for line in log.splitlines() if "marts unloaded" in line]
    assert bases == [None, one, one]
    assert publish.rollback(house.settings("spark"), two).version == two
    assert _rows(house) == of_two
    assert publish.rollback(house.settings("spark"), three).version == three

    # A version that is not kept goes with its files; those of the others stay.
    settings = house.settings("spark", keep_versions=2)
    publish.retire(settings)
    marts.forget(settings, publish.kept(settings))
    assert publish.kept(settings) == [two, three]
    assert publish.rollback(settings, two).version == two and _rows(house) == of_two
    assert publish.rollback(settings, three).version == three

    # A purge: what the views were of goes, too.
    assert house.files_with("Zanzibar")
    done = purge.district(house.settings("spark", spark_view_bytes=LIMIT), "south", "Ada", "it ended", lambda *_: None)
    assert done.is_clean and done.checks[f"fct_product_usage of version {done.published}"] == 0
    assert house.files_with("Zanzibar") == set()
    assert purge.district(house.settings("duckdb"), "south", "Ada", "it ended", lambda *_: None).is_clean
    assert house.differences() == {} and "fct_product_usage" in _views(house)
    assert _shown(house, "spark") == _shown(house, "duckdb")

    # DuckDB has nothing to go on from there, and builds from the whole lake.
    other_templates(house)
    settings = house.settings("spark").model_copy(update={"engine": "duckdb"})
    with refresh_lock(settings):
        run = refresh(settings, lambda *_: None)
    assert run.version == run.run_id and not run.mended
    assert _views(house) == set()
    assert house.refresh("duckdb").version
    assert house.differences() == {}
