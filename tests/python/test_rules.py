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
from rollcall.intake import landing, take
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


def test_every_rule_of_the_guide_on_rosters_has_a_failing_fixture():
    starred = {rule.id for rule in RULES.values() if rule.in_guide}
    assert starred - {rule for rule, *_ in BROKEN} == {"zip-required"}


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
