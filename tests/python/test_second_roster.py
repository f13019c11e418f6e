"""A roster after another is judged and kept as if it were the first; what changed is counted over the files in plain Python."""

from __future__ import annotations

import random
from collections import Counter
from copy import deepcopy
from pathlib import Path

import duckdb
import pytest

import mutations
import roster
from conftest import House
from rollcall.districts import District
from rollcall.intake import lake, landing, take
from rollcall.intake.lake_tables import CHANGE_COLUMNS
from rollcall.rules import RULES
from rollcall.rules.history import SECTION as HISTORY
from test_loss import _PlainGate, big

TABLES = ("orgs", "users", "roles", "academicSessions", "courses", "classes", "enrollments")
State = dict[str, dict[str, tuple]]


@pytest.fixture(autouse=True)
def alike(monkeypatch):
    """All houses hash with one key; the checks are asked without Great Expectations, which takes longer than they do."""
    monkeypatch.setenv("ROLLCALL_PII_KEY", "5e" * 32)
    monkeypatch.setattr("rollcall.intake.findings.start.gate", _PlainGate)


def deliver(house: House, day: str, files: mutations.Files, deltas: set[str] | None = None) -> take.Outcome:
    """Takes a roster, released if need be."""
    path = roster.write(house.landing / "d" / f"roster_{day}.zip", files, deltas=deltas)
    lake.prepare(house.settings)
    decision = take.Decision("Ada", "to see")
    return take.take(landing.describe(path, District(district_id="d")), house.settings, released=decision)


def state(house: House) -> State:
    """Table → key → row: the last that the lake says of each key, without the columns of the change log."""
    found: State = {}
    for table in TABLES:
        files = sorted(map(str, (house.lake / "oneroster" / table / "district_id=d").glob("*.parquet")))
        if not files:
            continue
        with duckdb.connect() as connection:
            cursor = connection.execute(f"select * from read_parquet({files}, union_by_name = true)")
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        last: dict[str, dict] = {}
        for row in sorted(rows, key=lambda row: (row["_effective_at"], row["_arrived_at"], row["_row_number"] or 0)):
            last[(row["sourcedId"] or "").strip()] = row
        found[table] = {
            key: tuple(value for name, value in row.items() if name not in (*CHANGE_COLUMNS, "district_id"))
            for key, row in last.items()
            if row["_op"] == "upsert"
        }
    return {table: rows for table, rows in found.items() if rows}


def findings(outcome: take.Outcome) -> list[tuple]:
    """What rules that look at the delivery alone have found, row by row."""
    report = outcome.report
    rows = [row for row in report.rows if RULES[row[0]].section != HISTORY]
    return sorted([*rows, *(
        (f.rule, f.severity, f.file, f.row, f.column, f.value, f.count, f.message)
        for f in report.findings if RULES[f.rule].section != HISTORY
    )], key=repr)  # fmt: skip


def changes(before: State, after: State) -> tuple[int, int, int]:
    """Rows that are added, changed and removed between two states."""
    count = Counter()
    for table in before.keys() | after.keys():
        was, now = before.get(table, {}), after.get(table, {})
        count["added"] += len(now.keys() - was.keys())
        count["removed"] += len(was.keys() - now.keys())
        count["changed"] += sum(was[key] != now[key] for key in was.keys() & now.keys())
    return count["added"], count["changed"], count["removed"]


def moved(files: mutations.Files, draw: random.Random) -> None:
    """What a night changes: some move up, leave, come, or have another address; some ids and cells get blanks around them."""
    users = files["users.csv"]
    for row in draw.sample(users, 5):
        row["grades"] = draw.choice(["04", "05", ""])
    for row in draw.sample(users, 3):
        row |= {"email": f"new.{draw.random()}@schools.example", "identifier": draw.choice(["", f"N{draw.random()}"])}
    for row in draw.sample(users, 3):
        row["sourcedId"] = draw.choice([" {} ", "{} ", "{}"]).format(row["sourcedId"])
        row["username"] = draw.choice(["", " ", row["username"].upper()])
    gone = draw.choice(users)
    users.remove(gone)
    for name, column in (("enrollments.csv", "userSourcedId"), ("roles.csv", "userSourcedId")):
        if name in files:
            files[name] = [row for row in files[name] if row[column] != gone["sourcedId"].strip()]
    draw.shuffle(users)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.long
def test_a_roster_after_others_is_taken_as_if_it_were_the_first(tmp_path: Path, seed: int):
    draw = random.Random(seed)
    version = ("1.1", "1.2")[seed % 2]
    first = big(version)
    for row in first["users.csv"][::7]:
        row["identifier"] = f"I{row['sourcedId']}"
    second = deepcopy(first)
    moved(second, draw)
    if seed % 4 > 1:
        mutations.mutate(second, draw)
    third = deepcopy(second)
    moved(third, draw)
    mutations.mutate(third, draw)

    house = House(tmp_path / "all")
    assert deliver(house, "2020-10-01", first).verdict == "accepted"
    for day, files in (("2020-10-02", second), ("2020-10-03", third), ("2020-10-04", first)):
        before = state(house)
        done = deliver(house, day, files)
        alone = House(tmp_path / f"alone-{day}")
        fresh = deliver(alone, day, files)
        assert findings(done) == findings(fresh)
        assert done.verdict == fresh.verdict
        if done.verdict == "accepted":
            assert state(house) == state(alone)
            assert (done.changes.added, done.changes.changed, done.changes.removed) == changes(before, state(house))
        else:
            assert state(house) == before
    # The roster of the first day again, after whatever came between.
    assert done.verdict == "accepted"


def test_a_delta_changes_what_it_says_and_nothing_else(tmp_path: Path):
    house = House(tmp_path)
    files = big()
    assert deliver(house, "2020-10-01", files).verdict == "accepted"
    before = state(house)
    changed = [dict(row, grades="05", status="active") for row in files["users.csv"][:5]]
    same = [dict(row, status="") for row in files["users.csv"][5:8]]
    gone = [dict(row, status="tobedeleted") for row in files["users.csv"][8:10]]
    new = [roster.user("S99", "student", "A", "03", status="active", dateLastModified="2020-10-02T08:00:00Z")]
    done = deliver(house, "2020-10-02", {"users.csv": [*changed, *same, *gone, *new]}, {"users.csv"})
    assert done.verdict == "accepted", done.report.as_text()
    after = state(house)
    assert (done.changes.added, done.changes.changed, done.changes.removed) == changes(before, after) == (1, 5, 2)
