"""A rule of one's own is asked like any other; a bad one is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import roster
from rollcall.errors import RollcallError
from rollcall.rules import RULES, own

HEADER = """-- id: grade-of-ours
-- severity: {severity}
-- table: users
-- message: '{{value}}' is not a grade of our district
-- fix: Use our grades
"""
SELECT = "select _row_number as row_number, 'grades' as column_name, grades as value from users where grades = '09'"


def write(folder: Path, text: str = SELECT, severity: str = "warning", name: str = "grade") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.sql"
    file.write_text(HEADER.format(severity=severity) + text)
    return file


def checked(house, path: Path, code: int) -> dict:
    return json.loads(house.run("check", "--json", str(path), code=code).stdout)


def test_a_rule_of_ones_own_is_listed_reported_and_decides(house):
    file = write(house.rules)
    path = roster.write(house.landing / "d" / "roster_2020-10-01.zip")
    (found,) = [f for f in checked(house, path, 0)["findings"] if f["rule"] == "grade-of-ours"]
    assert (found["severity"], found["file"], found["row"], found["column"]) == ("warning", "users.csv", 2, "grades")
    assert found["message"] == "'09' is not a grade of our district" and found["fix"] == "Use our grades"

    (house.landing / "d" / "district.toml").write_text('[rules]\ngrade-of-ours = "reject"\n')
    listed = {rule["id"]: rule for rule in json.loads(house.run("rules", "--district", "d", "--json").stdout)}
    assert set(listed) == {*RULES, "grade-of-ours"}
    assert (listed["grade-of-ours"]["severity"], listed["grade-of-ours"]["from"]) == ("reject", str(file))
    (outcome,) = house.take()
    assert outcome.verdict == "rejected" and outcome.report_folder
    pages = "".join(page.read_text("utf-8") for page in (outcome.report_folder / "data_docs").rglob("*.html"))
    assert "grade-of-ours (reject)" in pages
    assert "grade-of-ours" in (outcome.report_folder / "report.html").read_text("utf-8")


def test_a_rule_of_one_district_is_not_asked_of_another_and_shows_no_names(house):
    names = "select _row_number as row_number, email as column_name, email as value from users where email <> ''"
    write(house.rules / "north", names, "reject")
    paths = {name: roster.write(house.landing / name / "roster_2020-10-01.zip") for name in ("north", "south")}
    report = checked(house, paths["north"], 20)
    assert {f["column"] for f in report["findings"] if f["rule"] == "grade-of-ours"} == {None}
    assert "@schools.example" not in json.dumps(report)
    assert checked(house, paths["south"], 0)["verdict"] == "accepted"


def test_a_bad_rule_stops_its_district_or_everyone_and_no_file_is_lost(house):
    file = write(house.rules / "north", "select nme as value from users")
    paths = {name: roster.write(house.landing / name / "roster_2020-10-01.zip") for name in ("north", "south")}
    done = house.run("check", str(paths["north"]), code=1)
    (line,) = done.stderr.splitlines()
    assert f"{file}: it cannot be run" in line and "nme" in line
    run = house.refresh(code=20)
    assert [each["district_id"] for each in run["deliveries"]] == ["south"] and str(file) in run["skipped"][0]
    assert paths["north"].exists()

    everyone = write(house.rules, "drop table users", name="bad")
    again = roster.write(house.landing / "south" / "roster_2020-10-02.zip")
    done = house.run("refresh", code=1)
    assert str(everyone) in done.stderr and again.exists() and paths["north"].exists()


BAD = {
    "copy users to '/tmp/x'": "not a SELECT",
    "select 1 as row_count; select 2 as row_count": "2 statements",
    "select content as value from read_text('/etc/passwd')": "read_text()",
    "select a as value from '/etc/passwd'": "there is no table '/etc/passwd'",
    "select grades as value from users where (select count(*) from glob('/*')) > 0": "glob()",
    "select getenv('HOME') as value from users": "getenv()",
    "select sql as value from duckdb_tables": "there is no table 'duckdb_tables'",
    "select nme as value from users": "nme",
    "select grades as value from pupils": "there is no table 'pupils'",
    "select grades as detail from users": "'detail'",
}


@pytest.mark.parametrize("statement", BAD)
def test_a_statement_that_is_more_than_a_question_is_refused(statement, tmp_path):
    file = write(tmp_path, statement)
    with pytest.raises(RollcallError) as refused:
        own.load(tmp_path)
    assert str(refused.value).startswith(f"{file}: ") and BAD[statement] in str(refused.value)


@pytest.mark.parametrize(
    ("line", "instead", "words"),
    [
        ("grade-of-ours", "user-grade-valid", "there is a rule 'user-grade-valid' already"),
        ("grade-of-ours", "Our Grade", "id: 'Our Grade'"),
        ("warning", "bad", "severity: 'bad' is none of reject"),
        ("-- fix: Use our grades\n", "", "no '-- fix: …'"),
        ("{value}", "{detail}", "may use {column}"),
        ("table: users", "table: pupils", "'pupils' is not a table of a delivery"),
        ("-- fix:", "-- cure: x\n-- fix:", "'cure' is not a key"),
    ],
)
def test_a_header_that_is_wrong_is_refused(line, instead, words, tmp_path):
    file = write(tmp_path)
    file.write_text(file.read_text().replace(line, instead))
    with pytest.raises(RollcallError) as refused:
        own.load(tmp_path)
    assert words in str(refused.value)
