"""A report is one that a data manager can act on: what of which delivery, what is worst, what follows, and one issue for one fix."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

import roster
from conftest import House
from rollcall.districts import District
from rollcall.intake import landing, take
from rollcall.intake.findings import Report
from rollcall.watch import state
from test_loss import big, educators, every


@pytest.fixture(scope="module")
def before(session_house) -> House:
    """A district with a good roster."""
    house = session_house("reports")
    files = big()
    # With a zero in front, as many systems number their schools; the identifier is the state's number.
    files["orgs.csv"].append(roster.org("0101", "Gamma School", "school", "D") | {"identifier": "00077"})
    roster.write(house.landing / "d" / "roster_2020-10-01.zip", files)
    (house.landing / "d" / "district.toml").write_text('name = "Grand District"\n')
    assert [outcome.verdict for outcome in house.take()] == ["accepted"]
    return house


def checked(house: House, path: Path) -> Report:
    return take.check(landing.describe(path, District.load(house.landing / "d")), house.settings)


def issue(report: Report, rule: str):
    (found,) = [each for each in report.issues if each.rule == rule]
    return found


def columns_left_out(made: dict[str, bytes]) -> None:
    rows = list(csv.reader(io.StringIO(made["classes.csv"].decode())))
    kept = [n for n, name in enumerate(rows[0]) if name in ("sourcedId", "title", "courseSourcedId", "schoolSourcedId")]
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([row[n] for n in kept] for row in rows)
    made["classes.csv"] = stream.getvalue().encode()
    made |= {"notes.csv": b"x", "more.csv": b"x"}


def test_columns_that_a_file_lacks_are_one_issue(before, tmp_path):
    report = checked(before, roster.write(tmp_path / "roster_2020-10-02.zip", big(), columns_left_out))
    lacking = [f.column for f in report.findings if f.rule == "header-exact"]
    assert len(lacking) > 8 and report.verdict == "rejected"
    found = issue(report, "header-exact")
    assert found.message.startswith(f"classes.csv lacks {len(lacking)} columns: 'status', 'dateLastModified'")
    assert all(f"'{name}'" in found.message for name in lacking)
    assert issue(report, "file-unexpected").message.startswith("more.csv and notes.csv are not files of OneRoster")
    text = report.as_text()
    assert text.count("REJECT") == 1 and "(2 issues)" in text


def test_the_head_says_what_the_report_is_of(before, tmp_path):
    files = big()
    every("users.csv", 2, enabledUser="Y")(files)
    report = checked(before, roster.write(tmp_path / "roster_2020-10-02.zip", files))
    assert dict(report.heading) == {
        "District": "Grand District (d)",
        "Date": "October 2, 2020",
        "Kind": "OneRoster",
        "Rows": "3 orgs, 73 users, 12 classes, 72 enrollments, 1 course, 1 session; 37 cannot be used",
        "Usable": "30 students, 6 staff, 2 schools; 37 rows set aside",
    }
    found = issue(report, "user-enabled-valid")
    assert found.message == "enabledUser is 'Y' in 37 rows, which are set aside: only true and false are allowed"
    assert found.effect == "The people in these 37 rows are left off the roster, and leave it if they were on it"
    assert f"effect if applied: {found.effect}" in report.as_text()
    report.write(tmp_path / "report")
    page = (tmp_path / "report" / "report.html").read_text()
    for part in (
        "Grand District (d)",
        "October 2, 2020",
        "73 users",
        found.effect,
        "37 of 73 people would leave the roster",
    ):
        assert part in page
    # The page of a check has no delivery that could be released by its id.
    assert "rollcall release d/" not in page and "Nothing has changed yet" in page


def test_a_column_whose_every_value_is_wrong_is_one_issue(before, tmp_path):
    rows = [(f"2020-10-01 10:{n // 60:02}:{n % 60:02}", "s1@schools.example", "https://a.example/") for n in range(90)]
    rows.append(("2020-10-01T10:00:00Z", "s1@schools.example", "https://a.example/"))
    report = checked(before, roster.usage(tmp_path / "usage_2020-10-01.csv", rows))
    found = issue(report, "usage-time-valid")
    assert found.message.startswith("90 rows have an unusable occurred_at and are set aside: '2020-10-01 10:00:00'")
    assert found.message.endswith("and 85 others") and found.count == 90
    assert found.effect == "These 90 page loads are not counted"


def test_codes_that_differ_by_case_or_zeros_are_named(before, tmp_path):
    files = big()
    files["orgs.csv"] += [
        roster.org("0101", "Gamma School", "school", "D"),
        roster.org("Z", "Zeta School", "School", "d"),
    ]
    for row, orgs in zip(files["users.csv"], ("101", "a", "9", "A;B"), strict=False):
        row["orgSourcedIds"] = orgs
    files["users.csv"][10]["role"] = "Student"
    files["classes.csv"][0]["schoolSourcedId"] = "101"
    files["enrollments.csv"][20]["classSourcedId"] = "k3"
    files["enrollments.csv"][30]["role"] = "STUDENT"
    report = checked(before, roster.write(tmp_path / "roster_2020-10-02.zip", files))
    said = {(f.rule, f.column): f.message for f in report.findings}
    for rule, column, meant in (
        ("org-parent-resolves", "parentSourcedId", "D"), ("reference-resolves", "schoolSourcedId", "0101"),
        ("reference-resolves", "classSourcedId", "K3"), ("org-type-valid", "type", "school"),
        ("user-role-valid", "role", "student"), ("value-vocabulary", "role", "student"),
    ):  # fmt: skip
        assert said[rule, column].endswith(f" – did you mean '{meant}'?"), report.as_text()
    orgs = [f for f in report.findings if f.rule == "user-orgs-resolve"]
    assert [(f.value, f.meant) for f in orgs] == [
        ("101", "0101"), ("a", "A"), ("9", None), ("[3 characters: a;a]", None),
    ]  # fmt: skip
    assert orgs[0].message.endswith(" – did you mean '0101'?") and "did you mean" not in orgs[2].message
    assert orgs[3].fix == "Correct orgSourcedIds: separate ids with commas"


def test_a_school_id_of_a_template_is_named_too(before, tmp_path):
    rows = educators()
    for row, school in zip(rows, ("101", "77", "a", "55"), strict=False):
        row |= {"school_id": school, "school_name": ""}
    report = checked(before, roster.template(tmp_path / "educators_2020-10-02.csv", "educators", rows))
    found = issue(report, "template-school-resolves")
    assert [(f.value, f.meant) for f in found.findings] == [
        ("101", "0101"), ("77", "00077"), ("a", "A"), ("55", None),
    ]  # fmt: skip
    assert found.message.endswith("4 rows are set aside – did you mean '0101', '00077' and 'A'?")


def test_lines_that_cannot_be_read_are_one_issue_and_all_are_listed(before, tmp_path):
    def widen(made: dict[str, bytes]) -> None:
        lines = made["users.csv"].decode().splitlines()
        made["users.csv"] = "\n".join([*lines[:10], *(f"{line},x" for line in lines[10:50]), *lines[50:]]).encode()

    report = checked(before, roster.write(tmp_path / "roster_2020-10-02.zip", big(), widen))
    found = issue(report, "csv-readable")
    assert found.message == "40 lines of users.csv cannot be read: more fields than the header"
    assert found.where == "users.csv, first in line 11, 40 rows"
    assert [(file, row) for rule, _, file, row, *_ in report.rows if rule == "csv-readable"] == [
        ("users.csv", row) for row in range(11, 51)
    ]


def test_what_is_sent_to_the_district_is_the_report_with_its_rows(before):
    path = before.landing / "d" / "roster_2020-10-03.zip"
    files = big()
    every("users.csv", 2, enabledUser="Y")(files)
    roster.write(path, files)
    roster.write(before.landing / "d" / "roster_2020-10-04.zip", big(), columns_left_out)
    held, rejected = before.take()
    assert (held.verdict, rejected.verdict) == ("held", "rejected")
    fixes = {p.what.split()[0]: p.fix for p in state.problems(before.settings, datetime.now(UTC))}
    assert f"send {held.report_folder}/report.html and report-rows.csv beside it" in fixes["d/roster_2020-10-03.zip"]
    assert f"Send {rejected.report_folder}/report.html to the district" in fixes["d/roster_2020-10-04.zip"]
    page = (held.report_folder / "report.html").read_text()
    assert f"rollcall release d/{held.delivery.delivery_id} --by NAME --why REASON" in page


def test_ids_that_lost_their_case_or_zeros_are_named_as_the_cause(before, tmp_path):
    files = big()
    for row in files["users.csv"][:30]:
        row["sourcedId"] = row["sourcedId"].lower()
    files["enrollments.csv"] = files["enrollments.csv"][30:]
    report = checked(before, roster.write(tmp_path / "roster_2020-10-02.zip", files))
    assert (
        "30 of 60 students would be removed, more than the limit of 10%; "
        "30 of them come back with an id that differs by case or leading zeros only"
    ) in report.as_text()
