"""Bits that flip in the lake, clocks that are wrong, and readers who open what they must not."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

import roster
from rollcall.intake import lake, take
from rollcall.refresh import clock

USE = ("2020-10-05T10:00:00Z", "s1@schools.example", "https://a.example/")


def flip(file: Path) -> None:
    """Flips one bit of the data of a Parquet file, uncompressed here, so that it can be read all the same."""
    content = bytearray(file.read_bytes())
    content[content.index(b"a.example")] ^= 1
    file.write_bytes(content)


def uncompressed(house, file: Path) -> None:
    """Writes a file of the lake anew, as a delivery with a checksum of its own would have."""
    from rollcall.intake import checksums

    with duckdb.connect() as connection:
        connection.execute(
            f"copy (from read_parquet('{file}', hive_partitioning = false)) to '{file}.new' (format parquet, compression uncompressed)"
        )
    Path(f"{file}.new").rename(file)
    inside = file.relative_to(house.lake)
    checksums.add(house.settings, "d", "test", {inside: checksums.of(file)})


@pytest.fixture
def lived_in(house):
    roster.write(house.landing / "d" / "roster_2020-10-01.zip")
    roster.usage(house.landing / "d" / "usage_2020-10-05.csv", [USE])
    house.take()
    return house


@pytest.mark.long
def test_one_flipped_bit_is_noticed_before_marts_are_published_from_it(lived_in):
    house = lived_in
    (loads,) = house.lake.glob("extension/page_loads/district_id=d/*/*.parquet")
    uncompressed(house, loads)
    kept = loads.read_bytes()
    flip(loads)
    with duckdb.connect() as connection:
        assert connection.execute(f"select host from read_parquet('{loads}')").fetchall() != [("a.example",)]
    done = house.run("refresh", code=1)
    assert done.stderr.startswith(f"rollcall: the lake is damaged: {loads} cannot be read.")
    assert not (house.warehouse / "rollcall.duckdb").exists()
    assert "the lake is damaged" in house.run("status").stdout

    loads.write_bytes(kept)
    house.refresh()
    assert house.query("select host from bridge_product_hosts") == [("a.example",)]


def test_what_a_delivery_is_compared_with_is_as_it_was_written(lived_in):
    house = lived_in
    (orgs,) = house.lake.glob("oneroster/orgs/district_id=d/*.parquet")
    content = bytearray(orgs.read_bytes())
    content[len(content) // 3] ^= 1
    orgs.write_bytes(content)
    new = roster.write(house.landing / "d" / "roster_2020-10-02.zip", roster.good())
    assert f"the lake is damaged: {orgs} cannot be read" in house.run("refresh", code=1).stderr
    assert new.exists(), "it is taken when the lake is whole again"


def test_verify_reads_what_is_new_and_the_whole_on_demand(lived_in):
    house = lived_in
    first = json.loads(house.run("verify", "--json").stdout)
    assert first["files"] == len(lake.all_files(house.settings)) and first["adopted"] == 0
    assert json.loads(house.run("verify", "--json").stdout)["files"] == 0
    # Coreutils agree.
    for file in house.lake.glob("checksums/*/*.sha256"):
        subprocess.run(["sha256sum", "--check", "--quiet", "--strict", file], cwd=house.lake, check=True)

    victim = lake.all_files(house.settings)[3]
    kept = victim.read_bytes()
    victim.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    house.run("verify")
    assert str(victim) in house.run("verify", "--all", code=1).stderr
    assert str(victim) in house.run("status").stdout
    assert str(victim) in house.run("verify", code=1).stderr, "until it is whole again"
    victim.unlink()
    assert str(victim) in house.run("verify", "--all", code=1).stderr
    victim.write_bytes(kept)
    house.run("verify")
    assert "the lake is damaged" not in house.run("status").stdout


def test_a_lake_without_checksums_works_and_gets_them(lived_in):
    house = lived_in
    shutil.rmtree(house.lake / "checksums")
    house.refresh()
    files = len(lake.all_files(house.settings))
    assert f"{files} of them had no checksum before" in house.run("verify").stdout
    assert json.loads(house.run("verify", "--all", "--json").stdout) | {"bytes": 0} == {
        "files": files, "bytes": 0, "adopted": 0,
    }  # fmt: skip


def test_usage_before_any_roster_is_published(house):
    roster.usage(house.landing / "d" / "usage_2020-10-05.csv", [USE])
    house.refresh()
    assert house.query("select roster_status, page_loads from fct_product_usage") == [("unrostered", 1)]


@pytest.mark.long
def test_a_reader_who_opens_it_to_write_makes_nothing_of_a_good_version(lived_in):
    house = lived_in
    house.refresh()
    pointer = house.warehouse / "rollcall.duckdb"
    version = pointer.resolve()
    assert not version.stat().st_mode & 0o222
    roster.usage(house.landing / "d" / "usage_2020-10-06.csv", [("2020-10-06T10:00:00Z", *USE[1:])])
    connection = duckdb.connect(str(version))  # root may, whatever the mode
    try:
        assert "open for writing" in house.run("status").stdout
        run = house.refresh()
        assert run["mended"] == [] and run["published"] != version.stem
    finally:
        connection.close()
    assert house.query("select sum(page_loads)::int from fct_usage_days") == [(2,)]


@pytest.mark.long
def test_a_delivery_that_is_dated_ahead_waits_and_does_not_lock_its_district_out(house):
    roster.write(house.landing / "d" / "roster_2020-10-01.zip")
    house.take()
    far = roster.write(house.landing / "d" / "roster_2099-09-04.zip", roster.good() | {"demographics.csv": []})
    assert '"delivery-date-ahead"' in house.run("check", str(far), "--json", code=20).stdout
    (run,) = house.refresh(code=20)["deliveries"]
    assert (run["verdict"], [f["rule"] for f in run["findings"] if f["severity"] == "hold"]) == (
        "held",
        ["delivery-date-ahead"],
    )
    files = roster.good()
    files["users.csv"].pop(0)
    roster.write(house.landing / "d" / "roster_2020-10-02.zip", files)
    (run,) = house.refresh()["deliveries"]
    assert run["verdict"] == "accepted"
    house.run("release", "roster_2099-09-04.zip", "--by", "Ada", "--why", "it is so")
    house.refresh()
    assert house.query("select delivery_date::varchar, verdict from fct_deliveries order by 1 desc limit 1") == [
        ("2099-09-04", "accepted")
    ]


def test_tomorrow_is_no_day_too_far(house):
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    roster.write(house.landing / "d" / f"roster_{tomorrow}.zip")
    assert [outcome.verdict for outcome in house.take()] == ["accepted"]


def test_rows_that_a_clock_that_is_behind_takes_for_the_future_wait(house):
    rows = [("2099-10-05T10:00:00Z", "a@b.example", f"https://a.example/{n}") for n in range(50)]
    file = roster.usage(house.landing / "d" / "usage_2020-10-05.csv", [USE, *rows])
    (outcome,) = house.take()
    assert outcome.verdict == "held" and not file.exists() and not list(house.archive.rglob("*.csv"))
    (held,) = [f for f in outcome.report.findings if f.rule == "usage-time-ahead"]
    assert held.count == 50
    # Released, what is not ahead is taken; with a clock that is right, that is all of it.
    house.run("release", file.name, "--by", "Ada", "--why", "the clock is set")
    (run,) = house.refresh()["deliveries"]
    assert (run["verdict"], run["rows"]["added"], run["rows"]["set_aside"]) == ("accepted", 1, 50)


def test_a_device_with_a_wrong_clock_does_not_hold_the_others_up(house):
    rows = [("2020-10-05T10:00:00Z", "a@b.example", f"https://a.example/{n}") for n in range(199)]
    roster.usage(house.landing / "d" / "usage_2020-10-05.csv", [*rows, ("2099-10-05T10:00:00Z", *USE[1:])])
    (outcome,) = house.take()
    assert (outcome.verdict, outcome.changes.set_aside) == ("accepted", 1)


def test_a_clock_that_jumps_ahead_empties_nothing(house):
    settings, now = house.settings, datetime(2020, 10, 20, 2, tzinfo=UTC)
    archived = settings.archive / "d" / "2020-10-01" / "roster.zip"
    archived.parent.mkdir(parents=True)
    archived.touch()

    def night(when: datetime) -> None:
        take.retire(settings, clock.read(settings, when).believed)

    night(now)
    for days in (400, 401, 402):
        night(now + timedelta(days=days))
        assert archived.exists(), days
    assert clock.last(settings).is_ahead
    assert "Rollcall deletes nothing for its age beyond that date" in house.run("status").stdout
    for days in range(1, 20):
        night(now + timedelta(days=days))
    assert not archived.exists() and not clock.last(settings).is_ahead, "the clock is right again, and time has passed"


def test_after_a_long_rest_dated_deliveries_say_what_day_it_is(house):
    now = datetime(2020, 10, 20, 2, tzinfo=UTC)
    clock.read(house.settings, now)
    roster.write(house.landing / "d" / "roster_2021-03-01.zip")
    house.take()
    later = now + timedelta(days=133)
    assert clock.read(house.settings, later).believed == datetime(2021, 3, 1, tzinfo=UTC)
