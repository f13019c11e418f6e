"""Each rule of the container, columns, orgs and users: a good set made bad in one place, and the finding it must give."""

from __future__ import annotations

import codecs
import csv
import io
import os
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import roster
from rollcall import rules
from rollcall.districts import District
from rollcall.errors import RollcallError
from rollcall.intake import lake, landing, take
from rollcall.intake.findings import Report
from rollcall.rules import RULES, Check, Severity, schema
from rollcall.rules.rule import sql
from rollcall.settings import Settings


def check(path: Path, tmp_path: Path) -> Report:
    private = Settings(build=tmp_path / "build", lake=tmp_path / "lake")
    return take.check(landing.describe(path, District(district_id="d")), private)


def without(name: str) -> Callable[[dict], object]:
    return lambda made: made.pop(name)


def replaced(name: str, old: str, new: str, count: int = -1) -> Callable[[dict[str, bytes]], None]:
    def change(made: dict[str, bytes]) -> None:
        assert old.encode() in made[name]
        made[name] = made[name].replace(old.encode(), new.encode(), count)

    return change


def renamed(old: str, new: str) -> Callable[[dict], object]:
    return lambda made: made.update({new: made.pop(old)})


def prefixed(name: str, prefix: bytes) -> Callable[[dict], object]:
    return lambda made: made.update({name: prefix + made[name]})


def cells(name: str, row: int, /, **values: str) -> Callable[[dict[str, bytes]], None]:
    """Puts values into a row, as a spreadsheet numbers them; one after the last copies that one."""

    def change(made: dict[str, bytes]) -> None:
        reader = csv.DictReader(io.StringIO(made[name].decode()))
        rows = list(reader)
        rows += [dict(rows[-1])] if row - 2 == len(rows) else []
        rows[row - 2] |= values
        made[name] = _csv(reader.fieldnames, rows)

    return change


def widened(name: str, column: str) -> Callable[[dict[str, bytes]], None]:
    def change(made: dict[str, bytes]) -> None:
        reader = csv.DictReader(io.StringIO(made[name].decode()))
        made[name] = _csv([*reader.fieldnames, column], [row | {column: "x"} for row in reader])

    return change


def swapped(name: str, one: str, other: str) -> Callable[[dict[str, bytes]], None]:
    def change(made: dict[str, bytes]) -> None:
        reader = csv.DictReader(io.StringIO(made[name].decode()))
        rows, names = list(reader), list(reader.fieldnames)
        a, b = names.index(one), names.index(other)
        names[a], names[b] = other, one
        made[name] = _csv(names, rows)

    return change


def _csv(names: list[str], rows: list[dict[str, str]]) -> bytes:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue().encode()


# rule, what is done to the good set, and what the finding must say: (file, row, value or None)
BROKEN: list[tuple[str, Callable[[dict[str, bytes]], object], str, int | None, str | None]] = [
    ("file-required", without("users.csv"), "users.csv", None, None),
    ("file-required", without("manifest.csv"), "manifest.csv", None, None),
    ("file-name-exact", renamed("academicSessions.csv", "academicsessions.csv"), "academicsessions.csv", None, None),
    ("file-name-exact", renamed("users.csv", "user.csv"), "user.csv", None, None),
    ("zip-layout", renamed("classes.csv", "more/classes.csv"), "more/classes.csv", None, "more"),
    ("encoding-utf8", lambda made: made.update({"orgs.csv": made["orgs.csv"].replace(b"Beta", b"B\xe9ta")}), "orgs.csv", 4, "0xE9"),
    ("encoding-no-bom", prefixed("users.csv", codecs.BOM_UTF8), "users.csv", 1, "EF BB BF"),
    ("csv-readable", replaced("orgs.csv", "Alpha School", "Alpha, School"), "orgs.csv", 3, None),
    ("csv-readable", replaced("orgs.csv", "Beta School", '"Beta School'), "orgs.csv", 4, None),
    ("file-not-empty", lambda made: made.update({"courses.csv": b""}), "courses.csv", None, None),
    ("manifest-valid", replaced("manifest.csv", "file.orgs,bulk", "file.orgs,absent"), "manifest.csv", None, "absent"),
    ("manifest-valid", replaced("manifest.csv", "oneroster.version,1.1", "oneroster.version,9"), "manifest.csv", 3, "9"),
    ("header-exact", replaced("users.csv", "enabledUser", "enableduser"), "users.csv", 1, "'enabledUser', not 'enableduser'"),
    ("header-exact", replaced("users.csv", "orgSourcedIds", "OrgSourcedIds"), "users.csv", 1, "'orgSourcedIds', not 'OrgSourcedIds'"),
    ("header-exact", replaced("orgs.csv", "parentSourcedId", "parentsourcedId"), "orgs.csv", 1, "'parentSourcedId', not 'parentsourcedId'"),
    ("header-exact", replaced("demographics.csv", "birthDate", "birthDate "), "demographics.csv", 1, "'birthDate', not 'birthDate '"),
    ("header-exact", replaced("orgs.csv", "identifier", "name"), "orgs.csv", 1, "keep one 'name'"),
    ("user-enabled-column", replaced("users.csv", "enabledUser", "metadata.x"), "users.csv", 1, None),
    ("org-district-present", replaced("orgs.csv", "district", "local"), "orgs.csv", None, None),
    ("org-parent-resolves", replaced("orgs.csv", "school,,D", "school,,X", 1), "orgs.csv", 3, "X"),
    ("org-school-under-district", replaced("orgs.csv", "school,,D", "school,,A", 1), "orgs.csv", 3, "A"),
    ("org-id-unique", replaced("orgs.csv", "\nB,", "\nA,,,Alpha again,school,,D\nB,"), "orgs.csv", 4, "A"),
    ("user-id-unique", replaced("users.csv", "\nS2,", "\nT1,"), "users.csv", 5, "T1"),
    ("user-orgs-resolve", replaced("users.csv", '"A, B"', '"A, Q"'), "users.csv", 6, "Q"),
    ("user-role-valid", replaced("users.csv", "B,student", "B,pupal"), "users.csv", 4, "[5 characters: aaaaa]"),
    ("user-enabled-valid", replaced("users.csv", "true,B", "yes,B"), "users.csv", 4, "yes"),
    ("user-grade-valid", replaced("users.csv", "Kindergarten", "13th?"), "users.csv", 4, "13th?"),
    ("student-pii-present", lambda made: None, "users.csv", 2, None),
    ("file-unexpected", lambda made: made.update({"notes.csv": b"a"}), "notes.csv", None, None),
    ("header-order", swapped("courses.csv", "title", "courseCode"), "courses.csv", 1, None),
    ("header-unknown", widened("courses.csv", "room"), "courses.csv", 1, None),
    ("org-type-valid", cells("orgs.csv", 5, sourcedId="Z", type="campus"), "orgs.csv", 5, "campus"),
    ("org-name-present", cells("orgs.csv", 5, sourcedId="Z", name=" "), "orgs.csv", 5, "Z"),
    ("user-org-present", cells("users.csv", 2, orgSourcedIds=""), "users.csv", 2, "student"),
    ("user-grade-valid", cells("courses.csv", 2, grades="K1"), "courses.csv", 2, "K1"),
    ("student-grade-present", cells("users.csv", 2, grades=""), "users.csv", 2, None),
    ("staff-email-present", cells("users.csv", 5, email=""), "users.csv", 5, None),
    ("email-valid", cells("users.csv", 5, email="t1 at schools"), "users.csv", 5, "[13 characters: a9 aa aaaaaaa]"),
    ("email-valid", cells("users.csv", 2, email="parent@"), "users.csv", 2, None),
    ("staff-email-shared", cells("users.csv", 6, identifier="E2", email="T1@schools.example"), "users.csv", 5, "[18 characters: a9@aaaaaaa.aaaaaaa]"),
    ("student-email-shared", cells("users.csv", 3, email="s1@schools.example"), "users.csv", 2, None),
    ("name-missing", cells("users.csv", 6, givenName=""), "users.csv", 6, None),
    ("value-required", cells("courses.csv", 2, title=" "), "courses.csv", 2, None),
    ("value-required", cells("enrollments.csv", 2, userSourcedId=""), "enrollments.csv", 2, None),
    ("value-vocabulary", cells("classes.csv", 2, classType="elective"), "classes.csv", 2, "[8 characters: aaaaaaaa]"),
    ("value-vocabulary", cells("enrollments.csv", 3, role="Teacher"), "enrollments.csv", 3, "Teacher"),
    ("value-format", cells("enrollments.csv", 2, endDate="28.05.2021"), "enrollments.csv", 2, "28.05.2021"),
    ("value-format", cells("enrollments.csv", 2, endDate="2021-02-30"), "enrollments.csv", 2, "2021-02-30"),
    ("value-format", cells("academicSessions.csv", 2, schoolYear="20/21"), "academicSessions.csv", 2, "20/21"),
    ("reference-resolves", cells("enrollments.csv", 2, classSourcedId="K9"), "enrollments.csv", 2, "K9"),
    ("reference-resolves", cells("classes.csv", 2, termSourcedIds="Y, X"), "classes.csv", 2, "X"),
    ("reference-resolves", cells("demographics.csv", 2, sourcedId="S9"), "demographics.csv", 2, "[2 characters: a9]"),
    ("status-in-bulk", cells("courses.csv", 2, status="active"), "courses.csv", 2, None),
    ("enrollment-unique", cells("enrollments.csv", 4, sourcedId="again"), "enrollments.csv", 4, "T1"),
    ("term-current", cells("academicSessions.csv", 2, endDate="2020-09-30"), "academicSessions.csv", None, None),
    ("manifest-valid", lambda made: (made.pop("manifest.csv"), made.update({"manifest.json": b'{"manifest.version": "1.0", "oneroster.version": "2"}'})), "manifest.json", None, "2"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "change", "file", "row", "value"), BROKEN, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_broken_rule_is_named_with_file_line_value_and_fix(rule, change, file, row, value, tmp_path):
    report = check(roster.write(tmp_path / "d" / "roster_2020-10-01.zip", change=change), tmp_path)
    found = [finding for finding in report.findings if finding.rule == rule]
    assert found, report.as_text()
    assert file in {finding.file for finding in found}
    assert row is None or row in {finding.row for finding in found}, report.as_text()
    assert value is None or any(value in (finding.value or "") or value in finding.fix for finding in found), (
        report.as_text()
    )
    assert all(finding.fix and "{" not in finding.message + finding.fix for finding in found)
    assert (report.verdict == "rejected") == (RULES[rule].severity == Severity.REJECT)
    heavy = {finding.rule for finding in report.findings if finding.severity in (Severity.REJECT, Severity.ERROR)}
    assert heavy <= {rule}, report.as_text()


GOOD_ROW = {
    "educators": {
        "sis_id": "T1", "first_name": "Ada", "last_name": "Byron", "email": "ada@d.example", "role": "Teacher",
        "school_id": "A", "school_name": "Alpha School", "grade_level": "03",
    },
    "students": {"sis_id": "S1", "first_name": "Cy", "last_name": "Dee", "school_id": "A", "grade_level": "03"},
    "members": {"first_name": "Ada", "last_name": "Byron", "email": "ada@d.example", "role": "teacher"},
}  # fmt: skip
# rule, template, what is done to its second row, and what the finding must say: (column, value)
BROKEN_ROWS = [
    ("template-school-resolves", "educators", {"school_id": "", "school_name": "Alfa School"}, "school_name", "[11 characters: aaaa aaaaaa]"),
    ("template-school-resolves", "students", {"school_id": "A;Q"}, "school_id", "Q"),
    ("template-school-present", "students", {"school_id": ""}, "school_id", None),
    ("template-grade-valid", "students", {"grade_level": "03;13th?"}, "grade_level", "13th?"),
    ("template-email-present", "educators", {"email": " "}, "email", None),
    ("template-email-present", "members", {"email": ""}, "email", None),
    ("template-id-present", "students", {"sis_id": ""}, "sis_id", None),
    ("template-role-valid", "educators", {"role": "Wizard"}, "role", "[6 characters: aaaaaa]"),
    ("template-role-valid", "members", {"role": "Wizard"}, "role", "[6 characters: aaaaaa]"),
    ("template-admin-district", "educators", {"role": "Principal", "school_id": "", "school_name": ""}, "school_id", None),
    ("template-row-duplicate", "students", {}, "sis_id", None),
    ("template-student-in-educators", "educators", {"role": "Student"}, "role", None),
    ("staff-email-of-student", "educators", {"email": "s1@schools.example"}, "email", None),
    ("member-is-student", "members", {"email": "s1@schools.example"}, "email", None),
    ("template-school-resolves", "members", {"school": "A; Q"}, "school", "Q"),
    ("template-grade-valid", "members", {"school": "A", "grade_level": "03;13th?"}, "grade_level", "13th?"),
    ("member-end-valid", "members", {"end_date": "2020-10-01"}, "end_date", "[10 characters: 9999-99-99]"),
    ("member-end-valid", "members", {"end_date": "2021-6-30"}, "end_date", "[9 characters: 9999-9-99]"),
    ("member-school-present", "members", {"grade_level": "03"}, "school", None),
]  # fmt: skip


@pytest.fixture(scope="module")
def with_a_roster(session_house) -> Settings:
    """The lake of a district that has delivered the good set."""
    root = session_house("rules").root
    private = _settings(root)
    path = roster.write(root / "landing" / "d" / "roster_2020-10-01.zip")
    assert take.take(landing.describe(path, District(district_id="d")), private).verdict == "accepted"
    return private


def check_template(tmp_path: Path, settings: Settings, kind: str, rows: list[dict[str, str]]) -> Report:
    path = roster.template(tmp_path / "d" / f"{kind}_2020-10-01.csv", kind, rows)
    return take.check(landing.describe(path, District(district_id="d")), settings)


@pytest.mark.parametrize(("rule", "kind", "change", "column", "value"), BROKEN_ROWS)
def test_a_template_that_breaks_a_rule_is_told_where(rule, kind, change, column, value, tmp_path, with_a_roster):
    good = GOOD_ROW[kind]
    other = good | ({"sis_id": "T2"} if kind == "educators" else {"sis_id": "S2"} if kind == "students" else {})
    other |= {"email": "bo@d.example"} if kind != "students" and rule != "template-email-present" else {}
    other = good if rule == "template-row-duplicate" else other | change
    assert check_template(tmp_path, with_a_roster, kind, [good]).findings == []
    report = check_template(tmp_path, with_a_roster, kind, [good, other])
    assert [(f.rule, f.row, f.column, f.value) for f in report.findings] == [(rule, 3, column, value)], report.as_text()
    assert report.verdict == "accepted" and report.findings[0].fix


def test_a_member_whose_rows_contradict_each_other_is_set_aside(tmp_path, with_a_roster):
    """Which of two schools holds is for the district to say: a list in one cell has both."""
    good = GOOD_ROW["members"]
    rows = [good | {"school": "A"}, good | {"email": "bo@d.example"}, good | {"school": "B"}]
    report = check_template(tmp_path, with_a_roster, "members", rows)
    assert [(f.rule, f.row, f.column, f.count) for f in report.findings] == [("member-listed-once", 2, "email", 2)]
    assert check_template(tmp_path, with_a_roster, "members", [good, good]).findings == []


def test_a_template_whose_header_is_wrong_is_refused_with_the_right_spelling(tmp_path, with_a_roster):
    path = roster.template(tmp_path / "d" / "educators.csv", "educators", [GOOD_ROW["educators"]])
    path.write_text(
        path.read_text().replace("sis_id", "SIS ID").replace("grade_level", "grade").replace("role", "Role,room")
    )
    report = take.check(landing.describe(path, District(district_id="d")), with_a_roster)
    assert {(f.rule, f.column, f.value) for f in report.findings if f.severity == "reject"} == {
        ("template-header", "sis_id", "SIS ID"),
        ("template-header", "grade_level", "grade"),
        ("template-header", "role", "Role"),
    }


def test_a_template_may_have_columns_of_its_own_in_any_order(tmp_path, with_a_roster):
    path = tmp_path / "d" / "students.csv"
    path.parent.mkdir()
    path.write_text("room,grade_level,school_name,school_id,email,last_name,first_name,sis_id\n1,3,,A,,Dee,Cy,S1\n")
    report = take.check(landing.describe(path, District(district_id="d")), with_a_roster)
    assert [(f.rule, f.column, f.severity) for f in report.findings] == [("template-header-extra", "room", "info")]


def test_a_list_of_educators_without_its_role_column_is_not_one_of_students(tmp_path, with_a_roster):
    path = roster.template(tmp_path / "d" / "staff_2020-10-01.csv", "students", [GOOD_ROW["students"]])
    report = take.check(landing.describe(path, District(district_id="d")), with_a_roster)
    assert [(f.rule, f.column) for f in report.findings] == [("template-header", "role")]


def _people(students: int, teachers: int = 12, grade: str = "03", **more: str) -> dict[str, list[dict[str, str]]]:
    files = roster.good()
    files["users.csv"] = [roster.user(f"S{n}", "student", "A", grade, **more) for n in range(students)]
    files["users.csv"] += [roster.user(f"T{n}", "teacher", "A", identifier=f"E{n}") for n in range(teachers)]
    files["enrollments.csv"] = []
    files.pop("demographics.csv")
    return files


def _moved(files: dict, **values: str) -> dict:
    return files | {"users.csv": [user | (values if user["sourcedId"] == "T0" else {}) for user in files["users.csv"]]}


def _template_of(count: int) -> list[dict[str, str]]:
    return [GOOD_ROW["educators"] | {"sis_id": f"T{n}", "email": f"t{n}@d.example"} for n in range(count)]


def _enrolled(count: int) -> dict:
    rows = [roster.enrollment("K1", "A", f"S{n}", "student") for n in range(count)]
    return _people(100) | {"enrollments.csv": rows}


# rule, what was taken before, what comes now (a set, or rows of a template), and what the finding must say: (column, words)
AGAINST = [
    ("removal-threshold", _people(100), _people(89), None, "11 of 100 students would be removed"),
    ("removal-threshold", _people(100, 30), _people(100, 19), None, "11 of 31 staff would be removed"),
    ("removal-threshold", _enrolled(100), _enrolled(89), None, "11 of 100 enrollments would be removed"),
    ("removal-threshold", _template_of(100), _template_of(89), None, "11 of 100 educators would be removed"),
    ("update-threshold", _people(100), _people(100, grade="04"), None, "100 of 100 students would change"),
    ("school-emptied", _people(5), _people(5) | {"orgs.csv": roster.good()["orgs.csv"][:2], "users.csv": _people(5)["users.csv"]}, "sourcedId", "The school 'B' would disappear (Beta School)"),
    ("identity-churn", _people(5), _moved(_people(5), sourcedId="T99"), "identifier", "1 user has a new sourcedId and a known identifier"),
]  # fmt: skip
_PASSING = [
    (_people(100), _people(91)),
    (_people(8), _people(0)),
    (_people(10), _people(10, grade="04")),
    (_template_of(20), _template_of(10)),
]


def _write(folder: Path, said: dict | list, day: str) -> Path:
    if isinstance(said, list):
        return roster.template(folder / "d" / f"educators_{day}.csv", "educators", said)
    return roster.write(folder / "d" / f"roster_{day}.zip", said)


def _settings(root: Path) -> Settings:
    private = Settings(
        landing=root / "landing", build=root / "build", lake=root / "lake", archive=root / "archive",
        quarantine=root / "quarantine", warehouse=root / "warehouse",
    )  # fmt: skip
    lake.prepare(private)
    return private


def _second(tmp_path: Path, before, now, district: District) -> Report:
    """What is said of a delivery that comes after another."""
    private = _settings(tmp_path)
    if isinstance(before, dict) and before["users.csv"][0]["orgSourcedIds"] == "A":
        # Someone belongs to the school that may vanish.
        before = before | {"users.csv": [*before["users.csv"], roster.user("T98", "teacher", "B")]}
        now = now | {
            "users.csv": [*now["users.csv"], roster.user("T98", "teacher", "B" if len(now["orgs.csv"]) > 2 else "A")]
        }
    first = landing.describe(_write(tmp_path / "landing", before, "2020-10-01"), district)
    assert take.take(first, private).verdict == "accepted"
    return take.check(landing.describe(_write(tmp_path / "landing", now, "2020-10-02"), district), private)


@pytest.mark.parametrize(("rule", "before", "now", "column", "words"), AGAINST)
def test_what_would_change_too_much_is_held_or_told(rule, before, now, column, words, tmp_path):
    report = _second(tmp_path, before, now, District(district_id="d"))
    found = [f for f in report.findings if f.rule == rule]
    assert {f.column for f in found} == {column} and any(words in f.message for f in found), report.as_text()
    assert {f.rule for f in report.findings if f.severity in ("reject", "hold", "error")} <= {rule}, report.as_text()
    assert report.verdict == ("held" if RULES[rule].severity == Severity.HOLD else "accepted")


@pytest.mark.parametrize(("before", "now"), _PASSING)
def test_what_changes_within_bounds_passes(before, now, tmp_path):
    assert _second(tmp_path, before, now, District(district_id="d")).verdict == "accepted"


def test_a_district_has_thresholds_and_severities_of_its_own(tmp_path):
    (tmp_path / "d").mkdir()
    toml = tmp_path / "d" / "district.toml"
    toml.write_text(
        '[thresholds]\nremoval = 0.2\n\n[rules]\nstudent-grade-present = "error"\nupdate-threshold = "info"\n'
    )
    district = District.load(tmp_path / "d")
    assert _second(tmp_path / "a", _people(100), _people(89), district).verdict == "accepted"
    report = _second(tmp_path / "b", _people(100), _people(100, grade="04"), district)
    assert {f.rule: f.severity for f in report.findings}["update-threshold"] == "info"
    report = _second(tmp_path / "c", _people(100), _people(100, grade=""), district)
    assert {f.rule: f.severity for f in report.findings}["student-grade-present"] == "error"
    # What is set aside has gone.
    assert {f.rule for f in report.findings if f.severity == "hold"} == {"row-loss", "removal-threshold"}


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ('nme = "x"', ("nme: is not a known key, did you mean 'name'?",)),
        (
            '[rules]\nuser-org-resolves = "error"',
            ("'user-org-resolves' is not a rule, did you mean 'user-orgs-resolve'?",),
        ),
        ('[rules]\nuser-orgs-resolve = "eror"', ("'eror' is not a severity, did you mean 'error'?",)),
        ('[rules]\nzip-safe = "info"', ("'zip-safe' cannot be changed",)),
        ("[thresholds]\nremoval = 7", ("thresholds.removal",)),
    ],
)
def test_a_wrong_setting_of_a_district_is_refused_with_the_closest_name(toml, words, tmp_path):
    (tmp_path / "district.toml").write_text(toml)
    with pytest.raises(RollcallError) as refused:
        District.load(tmp_path)
    for word in words:
        assert word in str(refused.value)


USAGE_HEADER = "occurred_at,user_email,url,event_id"
GOOD_USE = ("2020-10-01T09:00:00Z", "s1@d.example", "https://a.example", "e1")
PRODUCT = {"product_id": "P1", "product_name": "Docs", "url": "https://docs.example", "product_status": "approved"}
# rule, the file as text, and what the finding must say: (row, column, value, count)
BROKEN_FILES = [
    ("usage-header", "usage.csv", f"{USAGE_HEADER.replace('url', 'URL')}\n{','.join(GOOD_USE)}\n", (1, "url", "URL", 1)),
    ("usage-time-valid", "usage.csv", f"{USAGE_HEADER}\n{','.join(GOOD_USE)}\n2020-10-01 09:00:00,a@b.example,https://a.example,e2\n", (3, "occurred_at", "2020-10-01 09:00:00", 1)),
    ("usage-url-valid", "usage.csv", f"{USAGE_HEADER}\n{','.join(GOOD_USE)}\n{GOOD_USE[0]},a@b.example,about:blank,e2\n", (3, "url", None, 1)),
    ("usage-user-present", "usage.csv", f"{USAGE_HEADER}\n{GOOD_USE[0]},,https://a.example,e1\n", (None, "user_email", None, 1)),
    ("usage-duplicate", "usage.csv", f"{USAGE_HEADER}\n" + 3 * f"{','.join(GOOD_USE)}\n", (None, "event_id", None, 2)),
    ("product-header", "products.csv", "product_id,product_name,provider,url,sector,essential_function,status,privacy_status\n", (1, "product_status", "status", 1)),
    ("product-id-unique", "products.csv", [PRODUCT, PRODUCT], (3, "product_id", "P1", 1)),
    ("product-url-valid", "products.csv", [PRODUCT, PRODUCT | {"product_id": "P2", "url": "none"}], (3, "url", "Docs", 1)),
    ("product-status-known", "products.csv", [PRODUCT, PRODUCT | {"product_id": "P2", "product_status": "superb"}], (3, "product_status", "superb", 1)),
    ("access-header", "access.csv", "email,role,School\nada@d.example,director,\n", (1, "school", "School", 1)),
    ("access-email-valid", "access.csv", "email,role,school\nada@d.example,director,\nada,director,\n", (3, "email", "[3 characters: aaa]", 1)),
    ("access-role-valid", "access.csv", "email,role,school\nada@d.example,director,\nbo@d.example,wizard,\n", (3, "role", "[6 characters: aaaaaa]", 1)),
    ("access-school-present", "access.csv", "email,role,school\nada@d.example,director,\nbo@d.example,principal,\n", (3, "school", "principal", 1)),
    ("kind-known", "letter.csv", "dear,sir\n", (None, None, None, 1)),
    ("file-within-limits", "usage.csv", f"{USAGE_HEADER}{',more' * 1000}\n", (1, None, None, 1)),
    ("file-readable", "usage.parquet", "this is no parquet", (None, None, None, 1)),
    ("zip-required", "users.csv", "sourcedId,status\n", (None, None, None, 1)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "name", "content", "expected"),
    BROKEN_FILES,
    ids=lambda value: value if isinstance(value, str) and "\n" not in value else "",
)
def test_a_file_that_breaks_a_rule_is_told_where(rule, name, content, expected, tmp_path):
    path = tmp_path / "d" / name
    path.parent.mkdir()
    path.write_text(content if isinstance(content, str) else _csv(schema.PRODUCT_COLUMNS, content).decode())
    report = check(path, tmp_path)
    assert [(f.rule, f.row, f.column, f.value, f.count) for f in report.findings] == [(rule, *expected)], (
        report.as_text()
    )
    assert report.findings[0].fix


def test_good_files_of_other_kinds_have_no_finding(tmp_path):
    usage = roster.usage(tmp_path / "d" / "usage.csv", [GOOD_USE], USAGE_HEADER)
    products = tmp_path / "d" / "products.csv"
    products.write_bytes(_csv(schema.PRODUCT_COLUMNS, [PRODUCT]))
    assert check(usage, tmp_path).findings == check(products, tmp_path).findings == []


def test_use_that_is_in_the_lake_already_is_told(tmp_path):
    private, district = _settings(tmp_path), District(district_id="d")
    first = roster.usage(tmp_path / "landing" / "d" / "usage_1.csv", [GOOD_USE], USAGE_HEADER)
    take.take(landing.describe(first, district), private)
    other = (GOOD_USE[0], "s2@d.example", "https://b.example", "e2")
    second = roster.usage(tmp_path / "landing" / "d" / "usage_2.csv", [GOOD_USE, other], USAGE_HEADER)
    report = take.take(landing.describe(second, district), private).report
    assert [(f.rule, f.count) for f in report.findings] == [("usage-duplicate", 1)]


def test_an_access_list_is_held_to_the_roster(tmp_path):
    private, district = _settings(tmp_path), District(district_id="d")
    first = roster.write(tmp_path / "landing" / "d" / "roster_2020-10-01.zip")
    take.take(landing.describe(first, district), private)
    path = tmp_path / "landing" / "d" / "access_2020-10-02.csv"
    path.write_text(
        "email,role,school\nada@d.example,principal,A\nbo@d.example,principal,Nowhere\ns1@schools.example,director,\n"
    )
    report = take.take(landing.describe(path, district), private).report
    found = {(f.rule, f.severity, f.row, f.column, f.count) for f in report.findings}
    assert found == {
        ("access-school-resolves", "error", 3, "school", 1),
        ("access-of-student", "error", 4, "email", 1),
    }


def test_every_rule_has_a_failing_fixture():
    """`zip-readable` and `zip-safe` are below; `delivery-order`, `delta-needs-bulk` are those of whole deliveries."""
    covered = {rule for rule, *_ in [*BROKEN, *BROKEN_ROWS, *AGAINST, *BROKEN_FILES]} | {
        rule for rule, _ in HOSTILE.values()
    }
    elsewhere = {"delivery-order", "delta-needs-bulk", "template-header", "template-header-extra"}
    # In test_one_bad_file.
    elsewhere |= {"delivery-builds", "delivery-failed", "row-id-unique", "usage-duration-valid"}
    elsewhere |= {"file-no-workbook"}
    elsewhere |= {"delivery-date-ahead", "usage-time-ahead"}  # in test_damage
    elsewhere |= {"row-loss", "row-loss-total"}  # in test_loss
    elsewhere |= {"extension-missing", "delivery-in-blackout"}  # in test_vocabularies
    elsewhere |= {"csv-separator", "school-name-similar"}  # in test_headers, as are these:
    elsewhere |= {"school-id-unique", "school-name-present", "school-name-unique"}
    elsewhere |= {"access-school-resolves", "access-of-student", "member-listed-once"}  # above
    assert set(RULES) - covered == elsewhere
    assert covered <= set(RULES)


def test_every_check_names_tables_and_columns_that_there_are():
    assert rules.proven(RULES) is RULES


@pytest.mark.parametrize(
    ("check", "words"),
    [
        (Check("orgs", "select _row_number as row_number, nme as value from orgs"), "nme"),
        (Check("orgs", str(sql("org-parent-resolves")).replace("known_orgs", "known_org"), needs=("known_org",)), "known_org"),
        (Check("orgs", sql("org-parent-resolves")), "needs ['known_orgs'], and says []"),
        (Check("roles", sql("user-role-valid.roles")), "roles"),
    ],
    ids=["column", "table", "a table that it does not say it needs", "a table that one version does not have"],
)  # fmt: skip
def test_a_check_that_cannot_run_is_no_check(check, words):
    broken = replace(RULES["org-parent-resolves"], checks=(check,))
    with pytest.raises(ValueError, match=f"the check of 'org-parent-resolves' on {check.table}") as refused:
        rules.proven({broken.id: broken})
    assert words in str(refused.value)


def test_a_good_set_has_no_finding_but_that_names_of_students_are_not_kept(tmp_path):
    report = check(roster.write(tmp_path / "d" / "roster_2020-10-01.zip"), tmp_path)
    assert [(f.rule, f.count) for f in report.findings] == [("student-pii-present", 3)]


def test_all_problems_are_told_at_once(tmp_path):
    changes = [
        change for rule, change, *_ in BROKEN if rule in ("org-parent-resolves", "user-role-valid", "user-grade-valid")
    ]

    def change(made):
        for each in changes:
            each(made)
        replaced("classes.csv", "classType", "classtype")(made)

    report = check(roster.write(tmp_path / "d" / "r_2020-10-01.zip", change=change), tmp_path)
    assert {"org-parent-resolves", "user-role-valid", "header-exact"} <= {f.rule for f in report.findings}, (
        report.as_text()
    )


def test_fifteen_things_that_are_wrong_are_told_at_once(tmp_path):
    broken = {
        "file-unexpected": lambda made: made.update({"notes.csv": b"a"}),
        "header-unknown": widened("courses.csv", "room"),
        "manifest-valid": replaced("manifest.csv", "manifest.version,1.0", "manifest.version,7"),
        "org-parent-resolves": cells("orgs.csv", 3, parentSourcedId="X"),
        "org-type-valid": cells("orgs.csv", 5, sourcedId="Z", type="campus", name="Zeta"),
        "org-name-present": cells("orgs.csv", 6, sourcedId="W", type="school", name=""),
        "user-orgs-resolve": cells("users.csv", 6, orgSourcedIds="A, Q"),
        "user-role-valid": cells("users.csv", 2, role="pupil"),
        "user-enabled-valid": cells("users.csv", 3, enabledUser="yes"),
        "user-grade-valid": cells("users.csv", 4, grades="13th?"),
        "staff-email-present": cells("users.csv", 5, email=""),
        "name-missing": cells("users.csv", 7, familyName=""),
        "value-required": cells("courses.csv", 2, title=""),
        "value-vocabulary": cells("classes.csv", 2, classType="elective"),
        "reference-resolves": cells("enrollments.csv", 2, classSourcedId="K9"),
        "value-format": cells("enrollments.csv", 3, endDate="28.05.2021"),
        "term-current": cells("academicSessions.csv", 2, endDate="2020-09-30"),
    }

    def change(made):
        for each in broken.values():
            each(made)

    report = check(roster.write(tmp_path / "d" / "r_2020-10-01.zip", change=change), tmp_path)
    assert set(broken) <= {f.rule for f in report.findings}, report.as_text()
    assert report.verdict == "rejected"


def test_many_rows_with_one_cause_are_one_finding(tmp_path):
    files = roster.good()
    files["users.csv"] += [roster.user(f"X{n}", "student", "GONE", "03") for n in range(500)]
    report = check(roster.write(tmp_path / "d" / "r.zip", files), tmp_path)
    assert [(f.value, f.count, f.row) for f in report.findings if f.rule == "user-orgs-resolve"] == [
        ("[4 characters: aaaa]", 500, 8)
    ]


def test_a_loose_oneroster_file_is_refused_with_advice(tmp_path):
    path = tmp_path / "d" / "users.csv"
    path.parent.mkdir()
    path.write_bytes(roster.texts(roster.good())["users.csv"])
    report = check(path, tmp_path)
    assert [f.rule for f in report.findings] == ["zip-required"] and "zip" in report.findings[0].fix


def _zip_of(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def _link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("users.csv")
    info.external_attr = 0o120777 << 16
    return info


HOSTILE = {
    "path": ("zip-safe", lambda p: _zip_of(p, ("../users.csv", b"x"))),
    "absolute": ("zip-safe", lambda p: _zip_of(p, ("/etc/users.csv", b"x"))),
    "link": ("zip-safe", lambda p: _zip_of(p, (_link(), b"/etc/passwd"))),
    "nested": ("zip-safe", lambda p: _zip_of(p, ("inner.zip", b"x"))),
    "bomb": ("zip-safe", lambda p: _zip_of(p, ("users.csv", b"0" * 300_000_000))),
    "many": ("zip-safe", lambda p: _zip_of(p, *((f"f{n}.csv", b"x") for n in range(100)))),
    "twice": ("zip-safe", lambda p: _zip_of(p, ("users.csv", b"x"), ("Users.csv", b"y"))),
    "no zip": ("zip-readable", lambda p: roster.write(p).write_bytes(b"no zip at all") and p),
    "empty": ("zip-readable", lambda p: (roster.write(p).write_bytes(b""), p)[1]),
    "truncated": ("zip-readable", lambda p: (roster.write(p), p.write_bytes(p.read_bytes()[:700]), p)[2]),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_zip_is_refused_quickly(name, tmp_path):
    rule, make = HOSTILE[name]
    path = make(tmp_path / "d" / "roster.zip")
    started = time.perf_counter()
    report = check(path, tmp_path)
    assert rule in {finding.rule for finding in report.findings}, report.as_text()
    assert report.verdict == "rejected" and time.perf_counter() - started < 5


@settings(
    max_examples=int(os.environ.get("ROLLCALL_FUZZ", "20")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
@pytest.mark.long
def test_a_mutated_delivery_ends_in_a_verdict(data, tmp_path):
    texts = roster.texts(roster.good())
    name = data.draw(st.sampled_from(sorted(texts)))
    content = bytearray(texts[name])
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    report = check(
        roster.write(tmp_path / "d" / "r.zip", change=lambda made: made.update({name: bytes(content)})), tmp_path
    )
    assert report.verdict in ("accepted", "rejected")


@settings(
    max_examples=int(os.environ.get("ROLLCALL_FUZZ", "20")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
@pytest.mark.long
def test_a_mutated_zip_ends_in_a_verdict(data, tmp_path):
    content = bytearray(roster.write(tmp_path / "d" / "r.zip").read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    (tmp_path / "d" / "r.zip").write_bytes(bytes(content))
    assert check(tmp_path / "d" / "r.zip", tmp_path).verdict in ("accepted", "rejected")


def test_line_ends_and_columns_of_others_do_no_harm(tmp_path):
    """Windows line ends, no last line end, blank and doubled extra columns: told where worth telling, never refused."""

    def change(made):
        lines = made["orgs.csv"].decode().splitlines()
        extra = [",metadata.a,,,Name", *[",x,,,y"] * (len(lines) - 1)]
        made["orgs.csv"] = "\r\n".join(line + more for line, more in zip(lines, extra, strict=True)).encode()
        made["users.csv"] = made["users.csv"].replace(b"\n", b"\r\n")

    report = check(roster.write(tmp_path / "d" / "r_2020-10-01.zip", change=change), tmp_path)
    assert report.verdict == "accepted", report.as_text()
    assert {(f.rule, f.column) for f in report.findings if f.severity == "warning"} == {
        ("header-unknown", ""),
        ("header-unknown", "Name"),
    }


@pytest.mark.parametrize("name", ["u.parquet", "u.csv.gz", "products.csv", "x.csv", "x.txt"])
def test_a_file_that_is_not_what_it_says_is_refused(name, tmp_path):
    path = tmp_path / "d" / name
    path.parent.mkdir()
    path.write_bytes(b"PAR1 this is none of it \xff\x00" * 20)
    report = check(path, tmp_path)
    assert report.verdict == "rejected" and {f.rule for f in report.findings} <= {"file-readable", "kind-known"}
