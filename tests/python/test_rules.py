"""Each rule of the container, columns, orgs and users: a good set made bad in one place, and the finding it must give."""

from __future__ import annotations

import codecs
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import roster
from rollcall.expectations.rules import RULES, Severity
from rollcall.intake import lake, landing, take
from rollcall.intake.findings import Report
from rollcall.settings import District, Settings


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
    ("user-role-valid", replaced("users.csv", "B,student", "B,pupil"), "users.csv", 4, "pupil"),
    ("user-enabled-valid", replaced("users.csv", "true,B", "yes,B"), "users.csv", 4, "yes"),
    ("user-grade-valid", replaced("users.csv", "Kindergarten", "13th?"), "users.csv", 4, "13th?"),
    ("student-pii-present", lambda made: None, "users.csv", 2, None),
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
    ("template-school-resolves", "educators", {"school_id": "", "school_name": "Alfa School"}, "school_name", "Alfa School"),
    ("template-school-resolves", "students", {"school_id": "A;Q"}, "school_id", "Q"),
    ("template-school-present", "students", {"school_id": ""}, "school_id", None),
    ("template-grade-valid", "students", {"grade_level": "03;13th?"}, "grade_level", "13th?"),
    ("template-email-present", "educators", {"email": " "}, "email", None),
    ("template-email-present", "members", {"email": ""}, "email", None),
    ("template-id-present", "students", {"sis_id": ""}, "sis_id", None),
    ("template-role-valid", "educators", {"role": "Wizard"}, "role", "Wizard"),
    ("template-role-valid", "members", {"role": "Wizard"}, "role", "Wizard"),
    ("template-admin-district", "educators", {"role": "Principal", "school_id": "", "school_name": ""}, "school_id", None),
    ("template-row-duplicate", "students", {}, "sis_id", None),
]  # fmt: skip


@pytest.fixture(scope="module")
def with_a_roster(session_house) -> Settings:
    """The lake of a district that has delivered the good set."""
    root = session_house("rules").root
    private = Settings(
        landing=root / "landing", build=root / "build", lake=root / "lake", archive=root / "archive",
        quarantine=root / "quarantine", warehouse=root / "warehouse",
    )  # fmt: skip
    lake.prepare(private)
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


def test_a_template_whose_header_is_wrong_is_refused_with_the_right_spelling(tmp_path, with_a_roster):
    path = roster.template(tmp_path / "d" / "educators.csv", "educators", [GOOD_ROW["educators"]])
    path.write_text(
        path.read_text().replace("sis_id", "SIS ID").replace("grade_level", "grade").replace("role", "Role,room")
    )
    report = take.check(landing.describe(path, District(district_id="d")), with_a_roster)
    assert {(f.rule, f.column, f.value) for f in report.findings if f.severity == "reject"} == {
        ("template-header", "sis_id", "SIS ID"),
        ("template-header", "grade_level", None),
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


def test_every_rule_of_the_guide_on_rosters_has_a_failing_fixture():
    starred = {rule.id for rule in RULES.values() if rule.in_guide}
    covered = {rule for rule, *_ in BROKEN} | {rule for rule, *_ in BROKEN_ROWS}
    assert starred - covered == {"zip-required", "template-header"}


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


def test_many_rows_with_one_cause_are_one_finding(tmp_path):
    files = roster.good()
    files["users.csv"] += [roster.user(f"X{n}", "student", "GONE", "03") for n in range(500)]
    report = check(roster.write(tmp_path / "d" / "r.zip", files), tmp_path)
    assert [(f.value, f.count, f.row) for f in report.findings if f.rule == "user-orgs-resolve"] == [("GONE", 500, 8)]


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


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
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
