"""What must hold around a refresh: the audit gates, one runs at a time, keys are kept, a killed run leaves nothing."""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import shutil
import subprocess
import sys

import duckdb
import pytest

import roster
from rollcall.districts import District
from rollcall.errors import RollcallError
from rollcall.intake import checksums, lake, privacy
from rollcall.refresh import publish
from rollcall.settings import Settings


@pytest.fixture(scope="module")
def published(session_house):
    house = session_house("refresh")
    roster.write(house.landing / "d" / "roster_2020-10-01.zip")
    house.refresh()
    return house


def pointer(house):
    return (house.warehouse / "rollcall.duckdb").resolve()


def test_nothing_to_do_says_so_and_imports_no_heavy_library(published):
    program = (
        "import sys; from rollcall.cli import main\n"
        "try: main()\n"
        "finally: print([name for name in ('dbt', 'great_expectations') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "refresh"],
        env=published.environment,
        cwd=published.root,
        text=True,
        capture_output=True,
    )
    assert done.returncode == 0 and "Nothing new" in done.stdout and done.stdout.endswith("[]\n"), done


def test_a_file_that_replaced_rows_have_left_loose_is_made_compact(tmp_path):
    settings = Settings(build=tmp_path)
    compatible = {"storage_compatibility_version": "v1.4.0"}
    with duckdb.connect(str(settings.candidate), config=compatible) as connection:
        connection.execute(
            "create schema marts; create table marts.kept as select range::varchar as id from range(100000)"
        )
        connection.execute(
            "comment on column marts.kept.id is 'an id'; create table loose as select random() as r from range(1000000)"
        )
        connection.execute(
            "checkpoint; create table marts.last as select 1 as one; checkpoint; drop table loose; checkpoint"
        )
    loose = settings.candidate.stat().st_size
    publish.compact(settings)
    compact = settings.candidate.stat().st_size
    assert compact < loose / 1.2
    publish.compact(settings)
    assert settings.candidate.stat().st_size == compact
    with duckdb.connect(str(settings.candidate), read_only=True) as connection:
        assert connection.execute("select count(distinct id) from marts.kept").fetchone() == (100_000,)
        assert connection.execute("select comment from duckdb_columns() where column_name = 'id'").fetchone() == (
            "an id",
        )
        (tags,) = connection.execute("select tags from duckdb_databases() where not internal").fetchone()
        assert "v1.4" in str(tags)


def test_a_candidate_that_fails_the_audit_is_not_published(published):
    before = pointer(published)
    tamper = """
import duckdb
from rollcall.refresh import build
real = build.dbt_build
def tampered(settings, *more):
    built = real(settings, *more)
    with duckdb.connect(str(settings.candidate)) as connection:
        connection.execute("update marts.dim_users set email = 'a@b' where user_type = 'student'")
    return built
build.dbt_build = tampered
"""
    roster.usage(
        published.landing / "d" / "u_2020-10-02.csv",
        [("2020-10-02T09:00:00Z", "s1@schools.example", "https://x.example")],
    )
    done = published.run("refresh", "--json", code=30, before=tamper)
    assert ["No student" in failure for failure in json.loads(done.stdout)["failures"]] == [True], done.stdout
    assert pointer(published) == before
    # The Data Docs of this candidate say what it failed, until the next one is audited.
    pages = published.build / "data_docs"
    assert any("No student" in page.read_text("utf-8") for page in pages.rglob("*.html"))
    # What was accepted is in the lake, so the next run, unharmed, publishes it.
    published.refresh()
    assert pointer(published) != before
    assert published.query("select sum(page_loads)::int from fct_product_usage") == [(1,)]
    assert not pages.exists()


def test_a_failing_dbt_test_publishes_nothing(published):
    before = pointer(published)
    files = sorted(published.lake.glob("oneroster/orgs/district_id=d/*.parquet"))
    good = files[0].read_bytes()
    with duckdb.connect() as connection:
        connection.execute(f"create table orgs as from read_parquet('{files[0]}')")
        connection.execute("insert into orgs select * from orgs where \"sourcedId\" = 'A'")
        connection.execute(f"copy (select * exclude (district_id) from orgs) to '{files[0]}' (format parquet)")
    # As if it had been written like that: a file that is not what was written is damage, and never gets as far as a test.
    (sums,) = [file for file in checksums.lists(published.settings, "d") if files[0].stem in file.stem]
    kept = sums.read_text()
    sums.write_text(kept.replace(hashlib.sha256(good).hexdigest(), checksums.of(files[0])))
    run = published.refresh("--full", code=30)
    assert any("one_row_per_stg_oneroster__orgs" in failure for failure in run["failures"])
    logged = [json.loads(line) for line in (published.build / "rollcall.log").read_text("utf-8").splitlines()]
    failed = [line for line in logged if line["event"] == "a node failed" and line["run"] == run["run_id"]]
    assert any("one_row_per_stg_oneroster__orgs" in one["node"] and one["said"] for one in failed)
    assert not (published.build / "logs" / "dbt.log").exists()
    assert pointer(published) == before
    files[0].write_bytes(good)
    sums.write_text(kept)


# What a later release has parsed, after someone went back to this one: dbt finds patches in it of what is not there any more.
_PARSED_BY_ANOTHER = """
import os
import dbt.cli.main as cli
real = cli.dbtRunner
class Runner(real):
    def invoke(self, arguments, **more):
        (target,) = [each.partition("=")[2] for each in arguments if each.startswith("--target-path=")]
        if arguments[0] == "parse" and os.path.exists(target + "/partial_parse.msgpack"):
            return cli.dbtRunnerResult(success=False, exception=ValueError("a patch of what is not there"))
        return real.invoke(self, arguments, **more)
cli.dbtRunner = Runner
"""


@pytest.mark.long
def test_what_dbt_has_parsed_costs_only_time_when_it_is_of_no_use(published):
    before = pointer(published)
    published.run("refresh", "--full", before=_PARSED_BY_ANOTHER)
    assert pointer(published) > before


@pytest.mark.long
def test_a_key_that_is_null_is_dropped_by_no_join_of_an_aggregate(house):
    """The contract refuses it: a row that was gone before that would be missing from the dashboard."""
    roster.write(house.landing / "d" / "roster_2020-10-01.zip")
    roster.usage(
        house.landing / "d" / "usage_2020-10-01.csv", [("2020-10-01T09:00:00Z", "s1@d.example", "https://a.example")]
    )
    house.refresh()
    (made,) = (house.build / "target" / "compiled").rglob("agg_inventory_usage.sql")
    with duckdb.connect() as connection:
        connection.execute(f"attach '{house.build}/work.duckdb' as work")
        connection.execute("update work.intermediate.int_increments__counted set roster_status = null")
        found = connection.execute(f"select count(*), count(roster_status) from ({made.read_text()})").fetchone()
    expected = house.query(
        "select count(distinct (period, period_start, user_key, product_key)) from agg_inventory_usage"
    )
    assert [found] == [(expected[0][0], 0)] and found[0] > 0


def test_only_one_refresh_runs(published):
    with (published.warehouse / ".lock").open("a") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        done = published.run("refresh", code=40)
    assert "another refresh is running" in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_lost_key_is_noticed_and_said(published):
    key = published.lake / ".pii_key"
    assert key.stat().st_mode & 0o777 == 0o600
    kept = key.read_text()
    roster.usage(
        published.landing / "d" / "u_2020-10-05.csv",
        [("2020-10-05T09:00:00Z", "s1@schools.example", "https://x.example")],
    )
    key.unlink()
    assert "key" in published.run("refresh", code=1).stderr
    key.write_text("00" * 32)
    assert "not the one that the lake was written with" in published.run("refresh", code=1).stderr
    key.write_text(kept)
    published.refresh()


def test_what_has_no_commit_record_is_not_in_the_lake(tmp_path):
    settings = Settings(lake=tmp_path / "lake", build=tmp_path / "build")
    lake.prepare(settings)
    with duckdb.connect() as connection:
        incoming = lake.Incoming(settings, connection, "d", "2020-01-01-usage-abc")
        incoming.write("extension/hosts", "select 'x.example' as host, '' as path_prefix, 'abc' as _delivery_id")
        half = settings.lake / "extension/hosts/district_id=d/2020-01-01-usage-abc.parquet"
        half.parent.mkdir()
        next(incoming.folder.rglob("*.parquet")).rename(half)
    assert lake.files(settings, "extension/hosts", "d") == []
    lake.sweep(settings)
    assert not half.exists() and not list(settings.lake.glob(".incoming-*"))


def test_duckdb_plans_for_the_rows_that_the_lake_has(house):
    """Of many files it looks at the first: were that the empty one, a join of ten million page loads would be planned as one of none."""
    roster.usage(
        house.landing / "d" / "usage_2020-10-01.csv",
        [(f"2020-10-01T09:{n % 60:02}:00Z", f"s{n}@d.example", "https://a.example") for n in range(1000)],
    )
    house.take()
    # As a lake has it that was written before the empty one came last, and nothing else is missing there.
    now = lake.empty_file(house.settings, "extension/page_loads").parents[1]
    shutil.copytree(now, once := now.with_name("district_id=_empty"))
    assert set(map(lake.district_of, lake.all_files(house.settings))) == {"d"}
    lake.prepare(house.settings)
    assert not once.exists()
    with duckdb.connect() as connection:
        loads = f"read_parquet('{house.lake}/extension/page_loads/**/*.parquet', hive_partitioning = true)"
        (estimate,) = re.findall(r"~([\d,]+) rows", str(connection.execute(f"explain from {loads}").fetchall()))
    assert int(estimate.replace(",", "")) >= 1000


def test_what_does_not_fit_into_memory_spills_and_names_nobody_on_disk(tmp_path):
    with lake.connect(Settings(memory_limit="100MB", threads=2), tmp_path) as connection:
        connection.execute(
            "create temp table roster as select concat(md5(i::varchar), 'Quillfeather') as name from range(4000000) as r(i)"
        )
        spilled = [file.read_bytes() for file in tmp_path.iterdir()]
        assert sum(map(len, spilled)) > 10_000_000
        assert not any(b"Quillfeather" in content for content in spilled)
        assert connection.execute("select count(*), min(length(name)) from roster").fetchone() == (4_000_000, 44)


def test_the_lake_key_is_checked_for_its_form(tmp_path):
    for bad in ("no hex", "00"):
        with pytest.raises(RollcallError, match="ROLLCALL_PII_KEY"):
            privacy.pii_key(Settings(lake=tmp_path / "lake", pii_key=bad))


def test_district_settings_are_refused_with_the_key_that_is_wrong(tmp_path):
    for text, words in {
        "nam = 'x'": "nam",
        "time_zone = 'Chicago'": "time_zone",
        "name =": "not readable as TOML",
    }.items():
        (tmp_path / "district.toml").write_text(text)
        with pytest.raises(RollcallError, match=words):
            District.load(tmp_path)


def test_check_says_what_is_wrong_and_changes_nothing(house):
    good = roster.write(house.root / "in" / "good_2020-10-01.zip")
    bad = roster.write(
        house.root / "in" / "bad_2020-10-01.zip",
        change=lambda made: made.update({"users.csv": made["users.csv"].replace(b"enabledUser", b"enableduser")}),
    )
    assert json.loads(house.run("check", str(good), "--json").stdout)["verdict"] == "accepted"
    report = json.loads(house.run("check", str(bad), "--json", code=20).stdout)
    assert (report["kind"], report["verdict"]) == ("oneroster", "rejected")
    assert set(report["findings"][0]) == {
        "rule",
        "severity",
        "file",
        "row",
        "column",
        "value",
        "count",
        "message",
        "fix",
    }
    assert "'enabledUser', not 'enableduser'" in house.run("check", str(bad), code=20).stdout
    assert not house.lake.exists() and not house.warehouse.exists()


def test_wrong_arguments_exit_with_2(house):
    house.run("refresh", "--no-such", code=2)
    house.run("sample", str(house.root), "--start", "yesterday", code=2)
    assert house.run("status").stdout.startswith("No refresh has run yet")


def test_one_districts_bad_settings_or_file_name_stop_nobody_else(house):
    for district in ("good", "settings", "name", "damaged"):
        roster.write(house.landing / district / "roster_2020-10-01.zip")
    (house.landing / "settings" / "district.toml").write_text("time_zone = 'Chicago'")
    (house.landing / "name" / "roster_2020-10-01.zip").rename(house.landing / "name" / "roster_2020-13-01.zip")
    (house.landing / "damaged" / "u.parquet").write_bytes(b"PAR1 and no more")
    told = house.run("refresh", code=20).stdout
    assert "skipped" in told and "time_zone" in told and "2020-13-01" in told and "file-readable" in told
    assert house.query("select district_id from dim_districts order by 1") == [("damaged",), ("good",)]
    assert (house.landing / "settings" / "roster_2020-10-01.zip").exists()
