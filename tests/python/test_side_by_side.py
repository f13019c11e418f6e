"""Deliveries of several districts are taken by several processes: with the same results, and whichever of them is killed."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import duckdb
import pytest

import roster
from rollcall.districts import District
from rollcall.intake import lake, landing, privacy, side_by_side
from rollcall.intake.side_by_side import Intake

pytestmark = pytest.mark.long

DISTRICTS = [f"d{number}" for number in range(6)]
DAY = "2020-10-01"


def deliver(house) -> None:
    """Rosters and use of six districts: one roster has a wrong header, and the second one of another is dated ahead."""
    for district in DISTRICTS:
        folder = house.landing / district
        change = lambda made: None  # noqa: E731
        if district == "d3":
            change = lambda made: made.update({"users.csv": made["users.csv"].replace(b"enabledUser", b"enableduser")})  # noqa: E731
        roster.write(folder / f"roster_{DAY}.zip", change=change)
        roster.usage(folder / f"usage_{DAY}.csv", [(f"{DAY}T09:00:00Z", "s1@schools.example", "https://a.example")])
    roster.write(house.landing / "d4" / "roster_2099-10-02.zip", roster.good() | {"demographics.csv": []})


def taken(house, processes: int) -> tuple[list[tuple], list[tuple]]:
    """(verdict and changes of each delivery, every record of the lake), both without what is of the moment."""
    settings = house.settings.model_copy(update={"intake_processes": processes})
    privacy.pii_key(settings)
    lake.prepare(settings)
    deliveries = [
        landing.describe(file, District.load(folder, settings.rules))
        for folder in sorted(settings.landing.iterdir())
        for file in sorted(folder.iterdir())
    ]
    begun: list[str] = []
    found = list(Intake(settings, False, {}, begins=lambda delivery: begun.append(delivery.name)).all(deliveries))
    assert sorted(begun) == sorted(delivery.name for delivery in deliveries)
    assert not [one.left or one.stops_all for one in found if not one.outcome]
    verdicts = sorted(
        (one.delivery.name, one.outcome.verdict, str(one.outcome.changes), one.outcome.report.as_text())
        for one in found
    )
    records = lake.ask(settings, lambda records: f"select * exclude (arrived_at) from {records} order by all")
    files = sorted(str(file.relative_to(settings.lake)) for file in lake.all_files(settings))
    return verdicts, [tuple(record.values()) for record in records] + [(file,) for file in files]


def test_side_by_side_the_same_becomes_of_every_delivery(session_house):
    one, two = session_house("one"), session_house("two")
    for house in (one, two):
        deliver(house)
    (two.lake).mkdir(parents=True)
    (two.lake / ".pii_key").write_text("ab" * 32)
    (one.lake).mkdir(parents=True)
    (one.lake / ".pii_key").write_text("ab" * 32)
    alone, together = taken(one, 1), taken(two, 3)
    assert [verdict for _, verdict, *_ in alone[0]].count("rejected") == 1
    assert [verdict for _, verdict, *_ in alone[0]].count("held") == 1
    assert alone == together


def test_one_thread_is_for_small_deliveries_of_a_worker(house, monkeypatch):
    deliver(house)
    settings = house.settings.model_copy(update={"threads": 7})
    file = house.landing / "d0" / f"roster_{DAY}.zip"
    delivery = landing.describe(file, District.load(file.parent, settings.rules))
    seen = []
    monkeypatch.setattr(side_by_side.take, "take", lambda _, given, *more, **released: seen.append(given.threads))
    for threads, small in ((None, 2**20), (1, 2**20), (1, file.stat().st_size)):
        monkeypatch.setattr(side_by_side, "_SMALL", small)
        Intake(settings, False, {}, threads=threads).one(delivery)
    assert seen == [7, 1, 7]


def workers(process: int) -> list[int]:
    """The processes below one that take deliveries."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == process and b"side_by_side" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def begun(house):
    """A refresh that has begun to take deliveries, and its workers."""
    command = house.start("refresh", intake_processes="3")  # itself, and two workers
    end = time.monotonic() + 60
    while len(found := workers(command.pid)) < 2:
        assert time.monotonic() < end, "no worker was started"
        time.sleep(0.005)
    return command, found


def test_no_refresh_begins_before_the_workers_of_a_killed_one_have_ended(house):
    deliver(house)
    command, left = begun(house)
    command.kill()
    command.join()
    assert "another refresh is running" in house.run("refresh", code=40).stderr
    end = time.monotonic() + 60
    while any(Path(f"/proc/{worker}").exists() for worker in left):
        assert time.monotonic() < end, "a worker goes on without its refresh"
        time.sleep(0.05)
    assert command.wait().returncode == -signal.SIGKILL
    run = house.refresh(code=20)
    assert sorted(d["verdict"] for d in run["deliveries"]).count("rejected") <= 1
    assert house.query("select verdict, count(*) from fct_deliveries group by all order by all") == [
        ("accepted", 11), ("held", 1), ("rejected", 1),
    ]  # fmt: skip


def test_a_worker_that_is_killed_ends_the_refresh_with_one_line_and_loses_nothing(house):
    deliver(house)
    command, left = begun(house)
    os.kill(left[0], signal.SIGKILL)
    done = command.wait()
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done.stderr
    assert "ended (exit code -9). Nothing was published, and nothing is lost." in done.stderr
    assert not (house.warehouse / "rollcall.duckdb").exists()
    run = json.loads(house.run("refresh", "--json", code=20).stdout)
    assert run["published"]
    with duckdb.connect() as connection:
        rows = f"read_parquet('{house.lake}/deliveries/*/[!_]*.parquet')"
        assert connection.execute(f"select verdict, count(*) from {rows} group by all order by all").fetchall() == [
            ("accepted", 11), ("held", 1), ("rejected", 1),
        ]  # fmt: skip


# The command's own deliveries take so long that one is at hand whenever it is interrupted.
SLOW = """
import signal, time
from rollcall.intake import take
signal.signal(signal.SIGINT, signal.default_int_handler)  # tests that run in the background ignore it
real = take.take
def slow(*given, **more):
    open("begun", "a").write("x")
    time.sleep(6)  # longer than a worker takes for its own
    outcome = real(*given, **more)
    open("finished", "a").write("x")
    return outcome
take.take = slow
"""


@pytest.mark.parametrize("times", [1, 2])
def test_whoever_interrupts_it_once_or_twice_waits_for_the_delivery_at_hand_and_loses_nothing(house, times):
    deliver(house)
    command = house.start("refresh", before=SLOW, intake_processes="3")
    marks, end = [house.root / "begun", house.root / "finished"], time.monotonic() + 60
    # Both workers as well: one that is interrupted while Python starts says so on the terminal.
    while not marks[0].exists() or len(list(house.build.glob(".intake-*"))) < 2:
        assert time.monotonic() < end, "no delivery was begun"
        time.sleep(0.005)
    for _ in range(times):
        os.killpg(command.pid, signal.SIGINT)  # as a terminal does: all of its processes have it
        time.sleep(0.5)
    command.join()
    assert marks[0].read_text() == marks[1].read_text(), "a delivery is still at hand"
    done = command.wait()
    assert done.returncode == 130 and "Traceback" not in done.stderr, done.stderr
    assert not (house.warehouse / "rollcall.duckdb").exists()
    house.refresh(code=20)
    assert house.query("select verdict, count(*) from fct_deliveries group by all order by all") == [
        ("accepted", 11), ("held", 1), ("rejected", 1),
    ]  # fmt: skip
