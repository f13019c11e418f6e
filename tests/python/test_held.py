"""A delivery that would change too much is held, told, and released or discarded by name."""

from __future__ import annotations

import csv
import json
import shutil

import duckdb
import pytest

import roster


def _district(students: int) -> dict[str, list[dict[str, str]]]:
    files = roster.good()
    files["users.csv"] = [roster.user(f"S{n}", "student", "A", "03") for n in range(students)]
    files["users.csv"].append(roster.user("T1", "teacher", "A", identifier="E1"))
    files["users.csv"] += [roster.user("S99x", "student", "B", "05")] if students == 100 else []
    files["enrollments.csv"] = []
    files.pop("demographics.csv")
    return files


def _active(house) -> int:
    ((count,),) = house.query("select count(*) from dim_users where user_type = 'student' and is_active")
    return count


@pytest.mark.long
def test_a_delivery_that_removes_too_much_waits_for_a_decision(house):
    roster.write(house.landing / "d" / "roster_2020-10-01.zip", _district(100))
    house.take()
    roster.write(house.landing / "d" / "roster_2020-10-02.zip", _district(89))
    (delivery,) = house.refresh(code=20)["deliveries"]
    assert delivery["verdict"] == "held" and _active(house) == 101
    (folder,) = house.quarantine.glob("d/*")
    assert {file.name for file in folder.iterdir()} == {
        "roster_2020-10-02.zip", "report.txt", "report.html", "report.json", "report-rows.csv", "data_docs",
    }  # fmt: skip
    assert "12 of 101 students would be removed" in (folder / "report.html").read_text()
    assert json.loads(house.run("status", "--json").stdout)["held"] == [f"d/{delivery['delivery_id']}"]
    assert "rollcall release" in house.run("status").stdout

    missing = house.run("release", "nothing", "--by", "Ada", "--why", "x", code=1).stderr
    assert delivery["delivery_id"] in missing
    house.run("release", "roster_2020-10-02.zip", "--by", "Ada Byron", "--why", "a school has closed")
    run = house.refresh()
    (applied,) = run["deliveries"]
    assert applied["verdict"] == "accepted" and _active(house) == 89
    assert house.query(
        "select verdict, decided_by, decided_why from fct_deliveries where delivery_date = '2020-10-02'"
    ) == [("accepted", "Ada Byron", "a school has closed")]
    assert house.query("select severity, finding_count from fct_rule_results where rule_id = 'removal-threshold'") == [
        ("info", 2)
    ]
    assert not folder.exists()
    # The school whose only student has left is named, and the version is published.
    assert run["drift"] == ["grade 05 of d lost all its people (1)", "Beta School lost all its people (1)"]

    # The same file again is one that is known.
    (archived,) = house.archive.glob("d/*/roster_2020-10-02.zip")
    shutil.copy(archived, house.landing / "d" / "again_2020-10-02.zip")
    assert house.refresh()["repeated"] == ["d/again_2020-10-02.zip"]
    roster.write(house.landing / "d" / "roster_2020-10-03.zip", _district(20))
    (held,) = house.take()
    house.run("discard", held.delivery.delivery_id, "--by", "Ada", "--why", "half of the export is missing")
    assert json.loads(house.run("status", "--json").stdout)["held"] == []
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select verdict, decided_why from read_parquet('{house.lake}/deliveries/*/*-discarded.parquet')"
        ).fetchall()
    assert rows == [("discarded", "half of the export is missing")]


def test_the_report_lists_every_row_and_a_spreadsheet_executes_none(house):
    def change(made):
        lines = made["users.csv"].decode().splitlines(keepends=True)
        made["users.csv"] = "".join(line.replace(",09,", ",=1+1,") for line in lines).encode()
        made["orgs.csv"] = made["orgs.csv"].replace(b"school,,D", b"school,,=1+1")

    roster.write(house.landing / "d" / "roster_2020-10-01.zip", change=change)
    house.refresh(code=20)
    (report,) = house.quarantine.glob("d/*/report-rows.csv")
    with report.open(newline="") as stream:
        rows = [(row["rule"], row["row"], row["value"]) for row in csv.DictReader(stream)]
    assert {("org-parent-resolves", row, "'=1+1") for row in ("3", "4")} <= {*rows}
    assert [value for rule, _, value in rows if rule == "user-grade-valid"] == ["[4 characters: =9+9]"]
    for file in report.parent.glob("report*"):
        assert "Quillfeather" not in file.read_text() and "s1@schools.example" not in file.read_text().lower()
