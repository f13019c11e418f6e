"""The Dagster definitions, run for real. In an environment with the `dagster` extra: see `.ci/run`."""

from __future__ import annotations

import importlib.util
from datetime import date
from pathlib import Path

import dagster as dg
import duckdb
import pytest

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def definitions(tmp_path_factory):
    root = tmp_path_factory.mktemp("rooms")
    with pytest.MonkeyPatch.context() as patch:
        for room in ("landing", "archive", "lake", "build", "warehouse", "quarantine"):
            patch.setenv(f"ROLLCALL_{room.upper()}", str(root / room))
        patch.setenv("ROLLCALL_SETTLE_SECONDS", "0")
        patch.setenv("DAGSTER_HOME", str(root))
        spec = importlib.util.spec_from_file_location("definitions", PROJECT / "deploy/dagster/definitions.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.root = root
        yield module


def run(definitions):
    job = definitions.defs.resolve_job_def("rollcall_nightly")
    return job.execute_in_process(raise_on_error=False)


def test_a_refresh_is_assets_and_checks(definitions):
    from rollcall.sample import make

    list(make(definitions.root / "landing", 200, 2, 1, date(2025, 9, 2), None))
    result = run(definitions)
    assert result.success
    made = {key.path[-1] for key in (event.asset_key for event in result.get_asset_materialization_events())}
    assert {"lake", "published", "fct_memberships", "stg_oneroster__users", "agg_inventory_usage"} <= made
    checks = result.get_asset_check_evaluations()
    assert len(checks) > 50 and all(check.passed for check in checks)
    assert "audit" in {check.check_name for check in checks}
    with duckdb.connect(str(definitions.root / "warehouse" / "rollcall.duckdb"), read_only=True) as connection:
        assert connection.execute("select count(*) from marts.dim_users").fetchone()[0] > 150


def test_nothing_new_is_nothing_made(definitions):
    result = run(definitions)
    assert result.success and not result.get_asset_materialization_events()


def test_a_refresh_that_fails_is_a_failure_with_its_words(definitions):
    lake = definitions.root / "lake"
    file = next(lake.glob("oneroster/users/district_id=maplewood/*.parquet"))
    file.write_bytes(file.read_bytes()[:100])
    next(lake.glob("deliveries/district_id=maplewood/*-usage-*")).unlink()
    result = run(definitions)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.event_type == dg.DagsterEventType.STEP_FAILURE]
    assert "the lake is damaged" in str(failure.event_specific_data.error)
