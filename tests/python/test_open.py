"""Every open problem stays in sight until something covers it or someone closes it; what `status` prints can be pasted."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb

import roster
from rollcall.intake import held, lake, privacy, take
from rollcall.watch import state

USE = [("2020-10-01T10:00:00Z", "s1@schools.example", "https://a.example/")]


def open_files(house) -> set[str]:
    return {delivery.file_name for delivery in state.open_deliveries(house.settings)}


def land_usage(house, name: str, header: str = "occurred_at,user_email,url") -> None:
    roster.usage(house.landing / "d" / name, USE, header)


def test_a_refused_day_of_usage_stays_open_until_that_day_comes(house):
    privacy.pii_key(house.settings)  # as a refresh does before it takes anything
    land_usage(house, "usage_2020-10-01.csv", "occurred_at,user_mail,url")
    house.take()
    land_usage(house, "usage_2020-10-02.csv")
    house.take()
    assert open_files(house) == {"usage_2020-10-01.csv"}
    land_usage(house, "usage_2020-10-03.csv", "occurred_at,url")
    house.take()
    assert open_files(house) == {"usage_2020-10-01.csv", "usage_2020-10-03.csv"}
    assert {p.key.split("/")[-1][:10] for p in state.problems(house.settings, datetime.now(UTC)) if p.key.startswith("delivery")} == {
        "2020-10-01", "2020-10-03",
    }  # fmt: skip
    roster.usage(house.landing / "d" / "usage_2020-10-01_corrected.csv", USE * 2)
    house.take()
    assert open_files(house) == {"usage_2020-10-03.csv"}


def test_a_refused_roster_is_covered_by_a_newer_full_one_and_not_by_a_delta(house):
    roster.write(house.landing / "d" / "roster_2020-10-01.zip")
    house.take()
    roster.write(house.landing / "d" / "roster_2020-10-02.zip", change=lambda made: made.pop("orgs.csv"))
    house.take()
    user = roster.user("S1", "student", "A", "10") | {"status": "active", "dateLastModified": "2020-10-03T00:00:00Z"}
    roster.write(house.landing / "d" / "roster_2020-10-03.zip", {"users.csv": [user]}, deltas={"users.csv"})
    assert [outcome.verdict for outcome in house.take()] == ["accepted"]
    # Another list says nothing of it.
    land_usage(house, "usage_2020-10-04.csv")
    house.take()
    assert open_files(house) == {"roster_2020-10-02.zip"}
    roster.write(house.landing / "d" / "roster_2020-10-05.zip")
    house.take()
    assert open_files(house) == set()


def test_a_refused_delivery_is_closed_by_name_and_the_record_says_by_whom(house):
    land_usage(house, "usage_2020-10-01.csv", "occurred_at,url")
    (outcome,) = house.take()
    held.discard(house.settings, outcome.delivery.delivery_id[:20], take.Decision("Ada", "a test file"))
    assert open_files(house) == set() and (outcome.report_folder / "report.html").exists()
    with duckdb.connect() as connection:
        assert connection.execute(
            f"select verdict, decided_by, decided_why from read_parquet('{house.lake}/deliveries/*/2020*.parquet')"
        ).fetchall() == [("discarded", "Ada", "a test file")]


def test_commands_that_status_prints_can_be_pasted(house):
    odd = house.landing / "O Brien & Co. -x".replace("&", "und")
    users = roster.good() | {
        "users.csv": [roster.user(f"S{n}", "student", "A", "09") for n in range(40)],
        "enrollments.csv": [],
    }
    users.pop("demographics.csv")
    roster.write(odd / "roster_2020-10-01.zip", users)
    roster.write(odd / 'it\'s $HOME; "a" `b` 2020-10-02.zip', users | {"users.csv": users["users.csv"][:20]})
    roster.write(odd / "-rf * 2020-10-03.zip", users | {"orgs.csv": []})
    assert [outcome.verdict for outcome in house.take()] == ["accepted", "held", "rejected"]
    said = house.run("status").stdout
    commands = re.findall(r"`(rollcall (?:release|discard) [^`]+)`", said)
    assert sorted(command.split()[1] for command in commands) == ["discard", "discard", "release"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in [c for c in commands if " release " in c or "2020-10-03" in c]:
        done = subprocess.run(
            ["sh", "-c", command],
            env=house.environment | {"PATH": path},
            cwd=house.root,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, (command, done.stderr)
    assert len(held.released(house.settings)) == 1
    assert [delivery.verdict for delivery in state.open_deliveries(house.settings)] == ["held"]


def test_a_record_that_a_refresh_replaces_while_it_is_read_is_read_again(house, monkeypatch):
    land_usage(house, "usage_2020-10-01.csv", "occurred_at,user_mail,url")
    house.take()
    (record,) = lake.records(house.settings)
    read = lake.read

    def replaced_meanwhile(paths):
        sql = read(paths)
        if record.exists():  # as a refresh does when the same file comes again, after the records were listed
            record.rename(record.with_stem(record.stem.replace("-rejected", "-held")))
        return sql

    monkeypatch.setattr(lake, "read", replaced_meanwhile)
    assert [delivery.file_name for delivery in state.open_deliveries(house.settings)] == ["usage_2020-10-01.csv"]
    assert [arrival.verdict for arrival in state.arrivals(house.settings)] == ["rejected"]
