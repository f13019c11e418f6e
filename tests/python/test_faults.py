"""Faults, done for real: kills at every boundary and at random moments, full disks, damaged files, clocks that jump.

One house lives through all of them in turn, with a reader at it throughout, and ends with the marts of a house that nothing
ever happened to. The tests kill it five times, CI ten times and
`make faults` a hundred times (ROLLCALL_KILLS).
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import threading
import time
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

import roster
from rollcall.intake import lake
from rollcall.refresh import publish

pytestmark = pytest.mark.long

KILLS = int(os.environ.get("ROLLCALL_KILLS", "5"))
SEED = int(os.environ.get("ROLLCALL_SEED", "6"))
KILLED = -signal.SIGKILL

# Python that the command's process runs first: it dies at the AT-th change to a file below ROOT whose path has PART in it.
# DuckDB's own writing is not seen by this; kills at random moments hit that.
_DIE = """
import os, signal, sys
count = 0
def watch(event, arguments):
    global count
    if event == "open":
        path, _, flags = arguments
        if not isinstance(flags, int) or not flags & (os.O_WRONLY | os.O_RDWR):
            return
    elif event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir"):
        path = arguments[0]
    elif event == "os.symlink":
        path = arguments[1]
    else:
        return
    path = os.fspath(path) if not isinstance(path, int) else ""
    if not path.startswith({root!r}) or {part!r} not in path or "/build/target" in path or "/build/logs" in path:
        return
    count += 1
    if {log!r}:
        with open({log!r}, "a") as file:
            file.write(path + chr(10))
    if count == {at}:
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watch)
"""


def dies(house, at: int, part: str = "", log: str = "") -> str:
    return _DIE.format(root=f"{house.root}/", part=part, at=at, log=log)


class Reader:
    """Someone who reads all the time. What they see has to be whole: the totals of three marts agree."""

    def __init__(self, house):
        self.house, self.read, self.faults = house, 0, []

    def begin(self) -> None:
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.stopped.set()
        self.thread.join()

    def _read(self) -> None:
        while not self.stopped.wait(0.5):
            try:
                ((facts, days, products),) = self.house.query(
                    """select (select sum(page_loads) from fct_product_usage), (select sum(page_loads) from fct_usage_days),
                    (select sum(page_loads) from agg_product_days)"""
                )
                if not facts == days == products:
                    self.faults.append((facts, days, products))
            except duckdb.Error as error:
                self.faults.append(str(error))
            self.read += 1


class Nights:
    """A district that delivers every night."""

    def __init__(self, house):
        self.house, self.day, self.random = house, date(2020, 10, 1), random.Random(SEED)
        self.kept = house.root / "kept"

    def deliver(self, district: str = "oakdale") -> None:
        """The next night's files: usage, and every third night a roster that has changed."""
        self.day += timedelta(days=1)
        people = [f"{name}@schools.example" for name in ("s1", "s2", "s3", "t1", "t2")]
        rows = [
            (
                f"{self.day}T{10 + n % 5:02d}:00:{n:02d}Z",
                people[(n + self.day.day) % 5],
                f"https://{'abc'[n % 3]}.example/",
            )
            for n in range(30)
        ]
        roster.usage(self.kept / district / f"usage_{self.day}.csv", rows)
        if self.day.day % 3 == 0:
            files = roster.good()
            files["users.csv"].append(roster.user(f"N{self.day:%m%d}", "student", "B", "05"))
            roster.write(self.kept / district / f"roster_{self.day}.zip", files)
        for file in (self.kept / district).glob(f"*_{self.day}.*"):
            target = self.house.landing / district / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)

    def killed(self) -> None:
        """After a kill: readers have a whole version, and, in the long run of the tests, the next refresh succeeds.

        In the short run what comes next is killed at a later stage, and so has survived the stages before it.
        """
        version(self.house)
        if KILLS >= 100:
            self.house.refresh()


@pytest.fixture(scope="module")
def nights(session_house):
    house = session_house("nights")
    nights = Nights(house)
    for district in ("oakdale", "quillburg"):
        roster.write(nights.kept / district / "roster_2020-10-01.zip")
        shutil.copytree(nights.kept / district, house.landing / district)
    nights.deliver("quillburg")
    nights.deliver()
    house.refresh()
    reader = nights.reader = Reader(house)
    reader.begin()
    yield nights
    reader.stop()
    assert reader.read > 5 and not reader.faults, reader.faults[:3]


def version(house) -> str:
    """The version that readers have, which is whole."""
    return publish.current(house.settings).version


def events(house) -> list[dict]:
    return [json.loads(line) for line in (house.build / "rollcall.log").read_text().splitlines()]


def test_a_kill_at_any_change_of_the_intake_is_survived(nights):
    house = nights.house
    for _ in range(KILLS * 3 // 5):
        nights.deliver()
        # About forty changes to files are the intake of one delivery.
        done = house.start("refresh", before=dies(house, nights.random.randint(1, 45))).wait()
        assert done.returncode == KILLED, done
        nights.killed()


def test_a_kill_at_a_random_moment_of_the_build_and_the_audit_is_survived(nights):
    house = nights.house
    kills, tries = 0, 0
    while kills < KILLS // 5:
        tries += 1
        assert tries <= KILLS, "nearly every run was over before it could be killed"
        nights.deliver()
        begun = len(events(house))
        command = house.start("refresh")
        stage = "audit" if tries % 4 == 0 else "build"
        wait_for(lambda stage=stage, begun=begun: any(
            event.get("stage") == stage and event["event"] == "stage begins" for event in events(house)[begun:]
        ))  # fmt: skip
        time.sleep(nights.random.uniform(0, 1 if stage == "audit" else 4))
        before = version(house)
        command.kill()
        if command.wait().returncode == KILLED:
            kills += 1
            has_published = any(event.get("stage") == "publish" for event in events(house)[begun:])
            assert version(house) == before or has_published
            assert ": it was killed, or the machine went down\n" in house.run("status").stdout
            nights.killed()


def wait_for(happened, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_a_build_that_is_killed_alone_publishes_nothing_and_says_so(nights):
    house = nights.house
    nights.deliver()
    before, begun = version(house), len(events(house))
    done = house.start("refresh", before=_BUILD_DIES).wait()
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done
    assert done.stderr.startswith(
        "rollcall: the build ended before it was done (exit code -9): was it killed, or out of memory?"
    )
    assert version(house) == before and any(event["event"] == "run ends" for event in events(house)[begun:])
    nights.killed()


def test_what_breaks_the_build_off_is_one_line_and_its_traceback_is_in_the_log(nights):
    house = nights.house
    nights.deliver()
    before = version(house)
    breaks = "from rollcall.refresh import build\ndef breaks(*_): raise ValueError(\"no sum of 'Ada'\")\nbuild.dbt_build = breaks"
    done = house.start("refresh", before=breaks).wait()
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1, done
    assert done.stderr.startswith("rollcall: ValueError: no sum of '…' (the traceback is in rollcall.log")
    (broke,) = [event for event in events(house) if event["event"] == "the build broke off"]
    assert "in breaks" in broke["traceback"] and "Ada" not in broke["traceback"]
    assert version(house) == before
    house.refresh()
    assert version(house) > before


# The process of the build, and no other, dies at the third node that is done.
_BUILD_DIES = """
import os, signal
from rollcall.refresh import build
real = build.dbt_build
def dies(settings, say, *more):
    def count(doing, done=0, total=None):
        say(doing, done, total)
        if done == 3:
            os.kill(os.getpid(), signal.SIGKILL)
    return real(settings, count, *more)
build.dbt_build = dies
"""


def test_a_kill_around_the_switch_of_the_pointer_is_survived(nights):
    house = nights.house
    # In the warehouse: the lock and the mark that a refresh has begun (three changes), then the sidecar, the version, the pointer made and put in place, the beat, the ledger…
    for number in range(KILLS // 5):
        nights.deliver()
        before = version(house)
        done = house.start("refresh", before=dies(house, 4 + number % 6, "/warehouse/")).wait()
        assert done.returncode == KILLED, (number, done)
        assert version(house) >= before
        nights.killed()


def test_two_refreshes_at_once_are_one_and_all_that_was_killed_is_made_good(nights):
    house = nights.house
    nights.deliver()
    begun = len(events(house))
    first = house.start("refresh")
    wait_for(lambda: any(event["event"] == "run begins" for event in events(house)[begun:]))
    assert "\nA refresh is running: it began just now (process " in house.run("status").stdout
    second = house.run("refresh", code=40)
    assert second.stderr == f"rollcall: another refresh is running (process {first.pid})\n"
    assert first.wait().returncode == 0
    assert "went down" not in house.run("status").stdout and not (house.warehouse / ".running.json").exists()


def test_a_kill_at_each_step_of_a_publish_leaves_a_whole_version(house):
    """The publish room alone, where every step is tried."""
    settings = house.settings
    settings.build.mkdir()
    house.warehouse.mkdir()
    act = """
from datetime import UTC, datetime
from rollcall.intake import lake
from rollcall.refresh import publish
from rollcall.settings import Settings
publish.publish(Settings(), publish.Version({name!r}, "lake", "code", datetime.now(UTC).isoformat()))
"""
    code, at, before = KILLED, 0, ""
    while code == KILLED:
        at += 1
        name = f"v{at:02d}"
        _candidate(settings, name)
        code = (
            house.start("--help", before=dies(house, at, "/warehouse/") + act.format(name=name), keep_versions="3")
            .wait()
            .returncode
        )
        publish.mend(settings)
        if settings.pointer.is_symlink():
            one, other = _stamps(settings)
            assert one == other >= before
            before = one
    assert code == 0 and at > 6 and before == name
    assert len(publish.kept(settings)) <= 3


def _candidate(settings, name: str) -> None:
    settings.candidate.unlink(missing_ok=True)
    with duckdb.connect(str(settings.candidate)) as connection:
        connection.execute("create schema marts; create table marts.dim_districts as select '" + name + "' as stamp")
        connection.execute("create table marts.other as select '" + name + "' as stamp from range(1000)")


def _stamps(settings) -> tuple[str, str]:
    with duckdb.connect(str(settings.pointer), read_only=True) as connection:
        return connection.execute(
            "select (select max(stamp) from marts.dim_districts), (select min(stamp) from marts.other)"
        ).fetchone()


def test_fifty_publishes_under_twenty_readers_fail_no_read_and_mix_no_version(house):
    # As many versions are kept as by default: fifty publishes follow each other in seconds here, and a reader whom a busy machine
    # leaves waiting between looking the pointer up and opening what it names must find that.
    settings = house.settings
    settings.build.mkdir()
    house.warehouse.mkdir()
    faults, reads, stopped = [], [], threading.Event()

    def read() -> None:
        while not stopped.wait(0.1):
            try:
                one, other = _stamps(settings)
                if one != other:
                    faults.append((one, other))
            except duckdb.Error as error:
                faults.append(str(error))
            reads.append(one)

    readers = [threading.Thread(target=read) for _ in range(20)]
    for number in range(50):
        _candidate(settings, f"v{number:02d}")
        publish.publish(settings, publish.Version(f"v{number:02d}", "lake", "code", "2020-10-01T00:00:00+00:00"))
        if number == 0:
            for reader in readers:
                reader.start()
    stopped.set()
    for reader in readers:
        reader.join()
    assert not faults, faults[:3]
    assert len(reads) > 100 and len(set(reads)) > 10


FULL = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))
"""


@pytest.mark.parametrize("room", ["less than the intake needs", "less than a copy of the version", "half of a rebuild"])
def test_a_full_disk_ends_the_run_with_one_line_and_loses_nothing(nights, room):
    house = nights.house
    if room == "half of a rebuild":
        house.refresh("--full")  # a version that has grown by many refreshes is larger than that
    size = (house.warehouse / "rollcall.duckdb").resolve().stat().st_size
    size = {"less than the intake needs": 1500, "less than a copy of the version": 200_000}.get(room, size // 2)
    rebuilds = room == "half of a rebuild"
    nights.deliver()
    before, waiting = version(house), sorted(file.name for file in (house.landing / "oakdale").iterdir())
    done = house.run("refresh", *(["--full"] if rebuilds else []), code=1, before=FULL.format(size=size))
    assert done.stderr.startswith("rollcall: the disk refused: ") and len(done.stderr.splitlines()) == 1, done.stderr
    assert "Nothing was published, and nothing is lost. Make room (free now: lake" in done.stderr
    assert version(house) == before
    taken = {file.name for file in house.archive.glob("oakdale/*/*")}
    assert all(name in taken or (house.landing / "oakdale" / name).exists() for name in waiting)
    if rebuilds:
        house.refresh()
        assert version(house) > before


def test_a_truncated_upload_is_refused_and_a_growing_one_is_left(nights):
    house = nights.house
    before = version(house)
    whole = roster.write(nights.kept / "whole.zip").read_bytes()
    (house.landing / "oakdale" / f"roster_{nights.day}.zip").write_bytes(whole[: len(whole) // 2])
    growing = house.landing / "oakdale" / "growing.csv"
    stopped = threading.Event()

    def upload() -> None:
        with growing.open("w") as file:
            file.write("occurred_at,user_email,url\n")
            while not stopped.wait(0.05):
                file.write(f"{nights.day}T12:00:00Z,s1@schools.example,https://a.example/\n")
                file.flush()

    thread = threading.Thread(target=upload)
    thread.start()
    time.sleep(2.2)
    run = json.loads(house.run("refresh", "--json", code=20, settle_seconds="2").stdout)
    assert [(d["file"], d["verdict"]) for d in run["deliveries"]] == [(f"roster_{nights.day}.zip", "rejected")]
    assert growing.exists() and version(house) == before
    stopped.set()
    thread.join()
    growing.unlink()


def test_a_damaged_lake_is_named_and_comes_back_from_the_archive(nights):
    house = nights.house
    before = version(house)
    records = [record for record in lake.records(house.settings, "oakdale") if lake.is_accepted(record)]
    record = max(record for record in records if "-oneroster-" in record.name)
    damaged = house.lake / "oneroster" / "users" / "district_id=oakdale" / record.name
    kept = damaged.read_bytes()
    damaged.write_bytes(kept[: len(kept) // 2])
    nights.deliver()
    while not (new := house.landing / "oakdale" / f"roster_{nights.day}.zip").exists():
        nights.deliver()
    for _ in range(2):
        done = house.run("refresh", code=1)
        assert done.stderr.startswith(f"rollcall: the lake is damaged: {damaged} cannot be read.")
        assert new.exists(), "the district's file is not to blame"
    assert version(house) == before
    # As docs/operations.md says: the record goes with its checksums, and the file is taken again from the archive.
    record.rename(house.root / "record")
    (house.lake / "checksums" / record.parent.name / f"{record.stem}.sha256").unlink()
    day = record.stem[:10]
    run = json.loads(house.run("backfill", day, day, "--json").stdout)
    assert [d["verdict"] for d in run["deliveries"]] == ["accepted"]
    assert damaged.read_bytes() != kept[: len(kept) // 2]
    house.refresh()
    assert version(house) > before and not new.exists()


def test_a_damaged_record_of_a_delivery_is_named_by_the_refresh_and_by_status(nights):
    house = nights.house
    record = max(record for record in lake.records(house.settings, "oakdale") if "-oneroster-" in record.name)
    kept = record.read_bytes()
    record.write_bytes(b"PAR1 and no more")
    words = f"the lake is damaged: {record} cannot be read"
    assert f"What to do:\n  1. {words}" in house.run("status").stdout
    nights.deliver()
    assert words in house.run("refresh", code=1).stderr
    record.write_bytes(kept)
    house.refresh()
    assert "What to do: nothing." in house.run("status", freshness_days="{}").stdout


def test_damaged_ledgers_pointers_versions_and_build_files_are_put_right(nights):
    house = nights.house
    # What is done here to the pointer no reader is spared.
    nights.reader.stop()
    with (house.lake / "runs.jsonl").open("a") as ledger:
        ledger.write('garbage\n{"run_id": "2020')
    (house.build / "target" / "partial_parse.msgpack").write_bytes(b"garbage")
    for name in ("candidate.duckdb", "candidate.duckdb.wal", "work.duckdb"):
        (house.build / name).write_bytes(b"garbage")
    (start,) = house.build.glob("start-*.duckdb")
    start.write_bytes(b"garbage")
    for name in (".last_run.json", "alerts.json"):
        (house.warehouse / name).write_text("garbage")
    pointer, now = house.warehouse / "rollcall.duckdb", version(house)
    pointer.unlink()
    pointer.symlink_to("versions/no_such.duckdb")
    assert "What to do:\n  1. version no_such cannot be opened" in house.run("status").stdout
    run = house.refresh()
    assert "readers have version " + now in run["mended"][0] and version(house) == now
    assert "2 lines of" in house.run("status").stdout

    # The version that readers have is damaged: they get the one before, and the refresh publishes a new one.
    file = house.warehouse / "versions" / f"{now}.duckdb"
    file.write_bytes(b"x" * 50_000)
    nights.deliver()
    run = house.refresh()
    assert f"version {now} cannot be opened" in run["mended"][0] and version(house) > now
    with duckdb.connect(str(start), read_only=True) as connection:
        assert connection.execute("select count(*) from seeds.grades").fetchone() == (21,)
    nights.reader.begin()


CLOCK = """
from datetime import datetime, timedelta
from rollcall.refresh import run
class Shifted(datetime):
    @classmethod
    def now(cls, zone=None):
        return datetime.now(zone) + timedelta(days={days})
run.datetime = Shifted
"""


def test_a_clock_that_jumps_back_publishes_in_order(nights):
    house = nights.house
    before = version(house)
    nights.deliver()
    # A file whose time is in the future is not waited for.
    for file in (house.landing / "oakdale").iterdir():
        os.utime(file, (time.time() + 10**8,) * 2)
    time.sleep(1.1)
    run = json.loads(house.run("refresh", "--json", before=CLOCK.format(days=-40), settle_seconds="1").stdout)
    after = version(house)
    assert run["deliveries"] and after > before
    house.run("rollback")
    assert version(house) == before
    house.run("rollback", after)


# Root may write anywhere, unless it gives that up.
UNPRIVILEGED = """
import ctypes
class Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]
ctypes.CDLL(None).capset(ctypes.byref(Header(0x20080522, 0)), (ctypes.c_uint32 * 6)())
"""


@pytest.mark.parametrize("room", ["warehouse", "versions", "lake"])
def test_a_folder_that_cannot_be_written_to_is_named_before_anything_is_taken(nights, room):
    house = nights.house
    nights.deliver()
    folder = getattr(house.settings, room)
    before, waiting = version(house), list((house.landing / "oakdale").iterdir())
    folder.chmod(0o555)
    try:
        done = house.run("refresh", code=1, before=UNPRIVILEGED)
    finally:
        folder.chmod(0o755)
    assert done.stderr == (
        f"rollcall: {folder} cannot be written to: let the account that runs the refresh write there. Nothing was taken\n"
    )
    assert version(house) == before and all(file.exists() for file in waiting)


def test_a_purge_that_is_killed_goes_on_and_proves_that_the_district_is_gone(nights):
    house = nights.house
    before = version(house)
    assert b"quillburg" in b"".join(file.read_bytes() for file in house.lake.rglob("runs.jsonl"))
    wrong = house.run("purge", "--district", "nobody", "--by", "Ada", "--why", "asked", "--yes", code=1).stderr
    assert "nothing is kept of a district 'nobody'; there are: oakdale, quillburg" in wrong
    command = ("purge", "--district", "quillburg", "--by", "Ada", "--why", "the contract ended", "--yes", "--json")
    for at in (2, 9, 15):
        assert house.start(*command, before=dies(house, at)).wait().returncode == KILLED
        assert version(house) == before
    report = json.loads(house.run(*command).stdout)
    assert report["is_clean"] and report["published"] == version(house) > before
    assert report["removed"]["lake_files"] > 5 and report["removed"]["archive_files"] == 2
    assert set(report["checks"].values()) == {0} and len(report["checks"]) > 15
    assert json.loads(Path(report["file"]).read_text())["by"] == "Ada"
    for room in ("landing", "archive", "quarantine", "lake", "build"):
        assert not [
            path for path in (house.root / room).rglob("*quillburg*") if path.suffix not in (".sql", ".json")
        ], room
    for file in [*house.lake.rglob("*.jsonl"), *house.warehouse.rglob("*.duckdb"), *house.build.glob("*.log")]:
        if file.name != "rollcall.log":
            assert b"quillburg" not in file.read_bytes(), file
    assert len(publish.kept(house.settings)) == 1


def test_after_all_of_that_the_marts_are_those_of_one_backfill_in_a_house_that_nothing_happened_to(
    nights, session_house
):
    house = nights.house
    house.run("refresh", code=None)
    calm = session_house("calm")
    calm.lake.mkdir()
    shutil.copy(house.lake / ".pii_key", calm.lake)
    shutil.copytree(nights.kept / "oakdale", calm.landing / "oakdale")
    calm.run("backfill", "2020-10-01", str(nights.day))
    of_arrival = ("fct_deliveries", "fct_rule_results", "fct_usage_days", "fct_roster_states")
    found, expected = house.marts(of_arrival), calm.marts(of_arrival)
    assert found.keys() == expected.keys() and len(expected["fct_product_usage"]) > KILLS * 5
    for mart in expected:
        assert found[mart] == expected[mart], mart
    runs = house.query("select count(*), count(*) filter (outcome = 'published') from fct_refresh_runs")[0]
    assert runs[0] > runs[1] > 3
