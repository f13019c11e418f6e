"""What a CSV is taken for, the mapping that is proposed for one that is nearly a template, and what is known and not read."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

import roster
from rollcall.districts import District
from rollcall.errors import RollcallError
from rollcall.intake import headers, lake, landing, privacy, take
from rollcall.intake.findings import Report
from rollcall.rules import schema
from rollcall.settings import Settings

STAFF = "first_name,last_name,email,role,school,grade"
LEARN_PLATFORM = "LP ID,URL,Product Name,Provider/Company Name,Sector(s),Primary Essential Function"
CLEVER_USE = (
    "date,sis_id,clever_user_id,clever_school_id,school_name,resource_type,resource_name,resource_id,num_access"
)
SDS_STUDENTS = "SIS ID,School SIS ID,First Name,Last Name,Username,Grade"

# header, file name, what it is (None: none of ours), and whether a mapping is proposed with which it is taken
KNOWN = [
    (STAFF, "list.csv", "educators", True),
    ("first_name,last_name,email,role", "list.csv", "members", False),
    ("first_name,last_name,email,role,campus", "list.csv", "educators", True),
    ("first_name,last_name,email,role,school,grade_level,end_date", "list.csv", "members", False),
    ("First Name,Last Name,Email,Role,School,End Date", "list.csv", "members", True),
    (f"sis_id,{STAFF},end_date", "list.csv", "educators", True),
    ("Teacher ID,First Name,Last Name,Email Address,Building", "teachers.csv", "educators", True),
    ("Teacher ID,First Name,Last Name,Email Address,Building", "teachers_of_students.csv", "students", True),
    ("First Name,Last Name,Job Title,School Name,Grade Level", "staff.csv", "educators", False),
    ("Student ID,Last Name,First Name,School Name,Grade", "list.csv", "students", True),
    (SDS_STUDENTS, "Student.csv", "students", True),
    ("SIS ID,Name,School Number", "School.csv", "schools", True),
    ("School_id,School_name,Principal_email", "schools.csv", "schools", True),
    ("id,name", "rooms.csv", None, False),
    ("id,name,aliases", "schools.csv", "schools", False),
    ("Timestamp,User Email,URL", "extension.csv", "usage", True),
    ("occurred_at,user_id,url", "x.csv", "usage", False),
    (LEARN_PLATFORM, "products_info.csv", "products", False),
    ("App Name,Vendor,Website,Status", "apps.csv", "products", False),
    (CLEVER_USE, "2026-10-01-resource-usage-students.csv", None, False),
    ("sourcedId,username,givenName,familyName,email,role,grades", "users.csv", None, False),
    ("Section SIS ID,SIS ID", "StudentEnrollment.csv", None, False),
]


@pytest.mark.parametrize(("header", "name", "kind", "is_proposed"), KNOWN)
def test_a_header_is_recognized_and_a_near_miss_gets_a_mapping_that_works(header, name, kind, is_proposed, tmp_path):
    path, found, district = tmp_path / name, header.split(","), District(district_id="d")
    form = headers.recognize(path, found, district)
    assert form.kind == kind
    proposed = headers.proposal(path, found, form, district)
    is_whole = bool(kind) and set(form.wanted(found)) <= set(form.renamed(found))
    assert (proposed is not None and not is_whole) == is_proposed
    if is_proposed:
        (tmp_path / "district.toml").write_text(proposed, "utf-8")
        mapped = headers.recognize(path, found, District.load(tmp_path))
        assert mapped.kind == kind and mapped.is_own
        assert set(mapped.wanted(found)) <= set(mapped.renamed(found)) and not mapped.lacking(found)


def test_headers_of_students_do_not_make_staff_of_them_nor_the_other_way_round(tmp_path):
    students = {"SIS ID": "sis_id", "School": "school_name", "Grade": "grade_level"}
    staff = students | {"Email": "email"}
    both = District(district_id="d", columns={"students": students, "educators": staff})
    found = [*staff, "First", "Last"]
    assert headers.recognize(tmp_path / "list.csv", found, both).kind == "students"
    assert headers.recognize(tmp_path / "teachers.csv", found, both).kind == "educators"
    # A role that the mapping does not read would be lost: every row would be a teacher's, or a student's.
    for name in ("list.csv", "teachers.csv"):
        form = headers.recognize(tmp_path / name, [*found, "Role"], both)
        assert (form.kind, form.is_own) == ("educators", False)
    schools = District(district_id="d", columns={"schools": {"school_id": "id", "school_name": "name"}})
    assert (
        headers.recognize(tmp_path / "x.csv", list(schema.TEMPLATE_COLUMNS["educators"]), schools).kind == "educators"
    )
    assert (
        headers.recognize(tmp_path / "x.csv", ["sis_id", "last_name", "school_id", "school_name"], schools).kind
        != "schools"
    )


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('[columns.teachers]\n"a" = "email"', "'teachers' is not a kind of file"),
        (
            '[columns.educators]\n"School" = "schoolname"',
            "'schoolname' is not a column of educators, did you mean 'school_name'?",
        ),
        ('[columns.educators]\n"A" = "email"\n"B" = "email"', "both 'B' and 'A' as 'email'"),
        ("[columns.educators]", "names no column"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused(lines, words, tmp_path):
    (tmp_path / "district.toml").write_text(lines, "utf-8")
    with pytest.raises(RollcallError, match="columns") as error:
        District.load(tmp_path)
    assert words in str(error.value)


@pytest.fixture(scope="module")
def house(session_house) -> Settings:
    root = session_house("headers").root
    settings = Settings(
        landing=root / "landing", build=root / "build", lake=root / "lake", archive=root / "archive",
        quarantine=root / "quarantine", warehouse=root / "warehouse",
    )  # fmt: skip
    lake.prepare(settings)
    privacy.pii_key(settings)
    return settings


def write(folder: Path, name: str, content: str | bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def check(path: Path, settings: Settings, **more) -> Report:
    return take.check(landing.describe(path, District(district_id=path.parent.name, **more)), settings)


def found(report: Report) -> list[tuple[str, str]]:
    return [(f.rule, f.message) for f in report.findings if f.severity in ("reject", "hold", "error")]


def test_a_near_miss_is_rejected_with_the_mapping_and_taken_as_it_is_with_it(house, tmp_path):
    path = write(tmp_path / "near", "staff.csv", f"{STAFF}\nAda,Byron,ada@d.example,Teacher,Alpha School,03\n")
    report = check(path, house)
    assert report.verdict == "rejected" and {rule for rule, _ in found(report)} == {"template-header"}
    assert "has another name for 2 columns: 'school_name' and 'grade_level'" in report.as_text()
    assert report.as_text().rstrip().endswith('"school" = "school_name"\n"grade" = "grade_level"')
    assert report.proposal in report.as_html().replace("&#34;", '"') and report.as_dict()["proposal"] == report.proposal
    write(path.parent, "district.toml", report.proposal)
    again = take.check(landing.describe(path, District.load(path.parent)), house)
    assert (again.verdict, again.counts, again.proposal) == ("accepted", "1 staff, 1 school; 0 rows set aside", None)


def test_the_product_list_of_learnplatform_is_taken_as_it_is(house, tmp_path):
    rows = "11,https://a.example/x,A,A Inc.,PreK-12,LC - Other\n12,https://b.example,B,B LLC,,\n"
    report = check(write(tmp_path / "lp", "products_info.csv", f"{LEARN_PLATFORM}\n{rows}"), house)
    assert (report.verdict, report.findings, report.counts) == ("accepted", [], "2 products; 0 rows set aside")


_SEMICOLONS = "sis_id;first_name;last_name;email\n1;a;b;c@d.example\n"
# file name, content, and the one thing to say of it
ODD = [
    ("educators.csv", _SEMICOLONS, ("csv-separator", "educators.csv separates its columns with semicolons, not with commas")),
    ("educators.tsv", _SEMICOLONS.replace(";", "\t"), ("csv-separator", "educators.tsv separates its columns with tabs, not with commas")),
    ("educators.csv", _SEMICOLONS.replace(";", "\t").encode("utf-16"), ("encoding-utf8", "educators.csv is not valid UTF-8: line 1, byte 0xFF")),
    ("usage.csv", "occurred_at,user_id,url\n2020-10-01T08:00:00Z,é,https://a.example\n".encode("latin-1"), ("encoding-utf8", "usage.csv is not valid UTF-8: line 2")),
    ("usage.csv", b"", ("file-not-empty", "usage.csv is empty (zero bytes)")),
    ("notes.docx", "a;b", ("kind-known", "Rollcall cannot use notes.docx: it reads .zip, .csv, .csv.gz and .parquet files only")),
    ("rooms.csv", "room,seats\n1,2\n", ("kind-known", "Rollcall cannot use rooms.csv: its header matches no list of people, schools, products or page loads")),
    ("use.csv", f"{CLEVER_USE}\n", ("kind-known", "Rollcall cannot use use.csv: it is a Clever report, which counts logins and resources by day and lists no page loads")),
    ("orgs.csv", "sourcedId,name,type,parentSourcedId\n", ("kind-known", "Rollcall cannot use orgs.csv: it is in the format of Microsoft School Data Sync, version 2, which lacks columns of OneRoster")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "expected"), ODD, ids=lambda value: value[0] if isinstance(value, tuple) else ""
)
def test_what_cannot_be_read_is_named_for_what_it_is(name, content, expected, house, tmp_path):
    report = check(write(tmp_path / "odd", name, content), house)
    assert found(report) == [expected] and report.proposal is None


def test_zips_in_another_format_or_without_commas_are_named_and_nothing_else_is_blamed(house, tmp_path):
    sets = {
        "version 1": {"School.csv": "SIS ID,Name", "Student.csv": SDS_STUDENTS, "Section.csv": "SIS ID,School SIS ID,Section Name", "TeacherRoster.csv": "Section SIS ID,SIS ID"},
        "version 2": {"orgs.csv": "sourcedId,name,type,parentSourcedId", "users.csv": "sourcedId,username,givenName,familyName,password", "roles.csv": "userSourcedId,orgSourcedId,role,sessionSourcedId"},
    }  # fmt: skip
    for version, files in sets.items():
        path = tmp_path / "sds" / f"{version}.zip"
        path.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(path, "w") as archive:
            for name, header in files.items():
                archive.writestr(name, f"{header}\n")
        ((rule, message),) = found(check(path, house))
        assert rule == "kind-known" and f"Microsoft School Data Sync, {version}" in message
    path = roster.write(
        tmp_path / "semi" / "roster_2020-10-01.zip",
        change=lambda made: made.update(
            {name: text.replace(b", ", b"|").replace(b",", b";") for name, text in made.items()}
        ),
    )
    assert {rule for rule, _ in found(check(path, house))} == {"csv-separator"}


SCHOOLS = [
    "Oak Hill Elementary School", "Oak Hill Elem.", "OAK HILL ES", "Oak Hill Middle School", "Lincoln High", "Lincoln Senior High School",
    "Lincoln Junior High", "P.S. 101", "PS 102", "PS 101 Elementary", "North Elementary", "South Elementary", "Jefferson Academy",
    "Jeferson Academy", "St. Mary", "Saint Mary School", "Room A School", "Room B School", "Doe", "Doe Jr.",
]  # fmt: skip


def test_names_that_are_nearly_one_are_found_and_different_schools_are_not(house, tmp_path):
    rows = [
        {"sis_id": f"T{n}", "email": f"t{n}@d.example", "role": "Teacher", "school_name": name}
        for n, name in enumerate(SCHOOLS)
    ]
    report = check(roster.template(tmp_path / "similar" / "educators.csv", "educators", rows), house)
    similar = [f for f in report.findings if f.rule == "school-name-similar"]
    assert {(f.row, f.severity) for f in similar} == {(row, "warning") for row in (3, 4, 7, 11, 15, 17, 21)}
    messages = {f.message for f in similar}
    said = "Two names are nearly one and count as two schools"
    assert f"{said}: 'Oak Hill Elementary School' in line 2 and 'Oak Hill Elem.' in line 3" in messages
    # No word of it says that it is a school's: it may be a student's.
    assert f"{said}: the school in line 20 and 'Doe Jr.' in line 21" in messages
    (issue,) = [issue for issue in report.issues if issue.rule == "school-name-similar"]
    assert issue.message.startswith(
        "7 pairs of names are nearly one and each count as two schools: 'Oak Hill Elementary"
    )


def test_a_list_of_schools_says_which_names_are_one_before_there_is_a_roster(house, tmp_path):
    listed = "id,name,aliases\n101,Oak Hill Elementary School,Oak Hill Elem.;OHES\n102,Pine Street School,\n"
    first = landing.describe(write(tmp_path / "listed", "schools.csv", listed), District(district_id="listed"))
    checked = take.check(first, house)
    assert (checked.verdict, checked.findings, checked.counts) == ("accepted", [], "2 schools; 0 rows set aside")
    assert take.take(first, house).verdict == "accepted"
    names = ["OAK HILL ELEM", "ohes", "Oak Hill Elementary School", "Pine St", "102"]
    rows = [
        {"sis_id": f"S{n}", "school_name" if n < 4 else "school_id": name, "grade_level": "03"}
        for n, name in enumerate(names)
    ]
    report = check(roster.template(tmp_path / "listed" / "students_2020-10-01.csv", "students", rows), house)
    (finding,) = report.findings
    assert (finding.rule, finding.row) == (
        "template-school-resolves",
        5,
    ) and "'Pine Street School' (102)" in finding.fix
    assert report.counts == "4 students, 2 schools; 1 row set aside"
    # A file that is dated before the list's arrival goes after it.
    older = landing.describe(tmp_path / "listed" / "students_2020-10-01.csv", District(district_id="listed"))
    assert first.order < older.order and first.delivery_date > older.delivery_date


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ("1,A,\n1,B,", "school-id-unique"), (",A,", "school-id-unique"), ("1,A,x\n2,X,", "school-name-unique"), ("1,,\n2,B,", "school-name-present"),
    ],
)  # fmt: skip
def test_a_list_of_schools_that_contradicts_itself_is_refused(rows, rule, house, tmp_path):
    report = check(write(tmp_path / "bad", "schools.csv", f"id,name,aliases\n{rows}\n"), house)
    assert rule in {each for each, _ in found(report)}
    assert report.verdict == ("accepted" if rule == "school-name-present" else "rejected")
