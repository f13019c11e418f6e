"""Right people, right dates, right products: what a delivery says of a person, held to what is kept and counted."""

from __future__ import annotations

import csv
import logging
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import roster
from conftest import House
from rollcall import logs
from rollcall.intake import lake, privacy
from rollcall.intake.take import Outcome
from rollcall.rules import schema

DOCS, PATH = "https://docs.google.com/forms/x", "/forms"


def catalog(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, schema.PRODUCT_COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(
            {"product_id": id_, "product_name": id_, "url": url, "product_status": "Approved"}
            for id_, url in (("P1", "https://docs.google.com/forms"), ("P2", "https://docs.google.com"))
        )
    return file


def taken(house) -> list[Outcome]:
    privacy.pii_key(house.settings)  # as a refresh does before its first delivery
    return house.take()


def lake_rows(house, table: str, sql: str) -> list[tuple]:
    files = [str(file) for file in (house.lake / table).rglob("*.parquet") if "district_id=_" not in str(file)]
    return duckdb.connect().execute(sql, [files]).fetchall() if files else []


def test_a_catalog_of_today_holds_for_the_use_of_before_that_comes_with_it(house):
    folder = house.landing / "d"
    roster.usage(folder / "usage_2020-10-01.csv", [("2020-10-01T09:00:00Z", "x@d.example", DOCS)])
    catalog(folder / "products.csv")
    assert {outcome.verdict for outcome in taken(house)} == {"accepted"}
    assert lake_rows(house, "extension/page_loads", "select path_prefix from read_parquet($1)") == [(PATH,)]


class Person:
    """Someone whose name, address and phone are nobody else's, and easy to find in any file."""

    def __init__(self, id_: str):
        self.id = id_
        self.given, self.family = f"Given{id_}Quill", f"Family{id_}Feather"
        self.email, self.phone = f"mail.{id_}@oak.example".lower(), f"555-01{ord(id_[0])}{id_[1:]}"

    @property
    def secrets(self) -> set[str]:
        return {self.given.lower(), self.family.lower(), self.email, self.phone, f"login.{self.id}".lower()}

    def user(self, role: str, orgs: str = "A", id_: str | None = None, **more: str) -> dict[str, str]:
        return roster.user(
            id_ or self.id, role, orgs, "03" if role == "student" else "", name=f"{self.given} {self.family}",
            email=self.email, username=f"login.{self.id}", phone=self.phone, sms=self.phone, **more,
        )  # fmt: skip

    def user_1_2(self, id_: str | None = None) -> dict[str, str]:
        row = {key: value for key, value in self.user("", "", id_).items() if key not in ("role", "orgSourcedIds")}
        return row | {"primaryOrgSourcedId": ""}

    def row(self, role: str, id_: str = "") -> dict[str, str]:
        """A row of a list of educators, students or members."""
        names = {"first_name": self.given, "last_name": self.family, "email": self.email}
        return names | {"sis_id": id_, "role": role, "school_id": "A", "grade_level": "03"}


def listed(file: Path, kind: str, *rows: dict[str, str]) -> Path:
    names = {*schema.TEMPLATE_COLUMNS[kind], "status"}
    return roster.template(file, kind, [{key: value for key, value in row.items() if key in names} for row in rows])


def oneroster(file: Path, users: list[dict[str, str]], roles: list[dict[str, str]] | None = None) -> Path:
    orgs = [roster.org("D", "Grand District", "district"), roster.org("A", "Alpha School", "school", "D")]
    return roster.write(
        file, {"orgs.csv": orgs, "users.csv": users} | ({"roles.csv": roles} if roles is not None else {})
    )


def written(house) -> dict[Path, str]:
    """All that is in the rooms but the delivered files, which the archive and the quarantine keep as they came, for a time."""
    texts = {}
    with duckdb.connect() as connection:
        for file in (f for f in house.root.rglob("*") if f.is_file() and not f.is_symlink()):
            is_delivered = file.is_relative_to(house.archive) or (
                file.is_relative_to(house.quarantine)
                and file.name.startswith(("roster_", "educators_", "students_", "members_"))
            )
            if is_delivered:
                continue
            texts[file] = file.read_bytes().decode("latin-1").lower()
            if file.suffix == ".parquet":
                rows = connection.execute(f"from read_parquet('{file}', hive_partitioning = false)").fetchall()
                texts[file] += repr(rows).lower()
            elif file.suffix == ".duckdb":
                connection.execute(f"attach '{file}' as db (read_only)")
                tables = "select schema_name, table_name from duckdb_tables() where database_name = 'db'"
                for place, table in connection.execute(tables).fetchall():
                    texts[file] += repr(connection.execute(f'from db."{place}"."{table}"').fetchall()).lower()
                connection.execute("detach db")
    return texts


def leaks(house, people: list[Person]) -> set[tuple[str, str]]:
    secrets = {secret for person in people for secret in person.secrets}
    return {(secret, str(file)) for file, text in written(house).items() for secret in secrets if secret in text}


PUPILS, STAFF = [Person(f"S{n}") for n in range(4)], [Person(f"T{n}") for n in range(3)]
# What lists that are no list of students may call a student.
CALLED = st.sampled_from(["student", "Student", "Pupil", "teacher", "", "Wizard", "parent", "aide"])


@st.composite
def deliveries(draw) -> list[tuple[str, list, list | None]]:
    """(form, rows, roles) in the order of their dates: one says who the students are, the others call them what they like."""
    form = draw(st.sampled_from(["1.1", "1.2", "students"]))
    others = draw(st.lists(st.sampled_from(["1.1", "educators", "members"]), min_size=1, max_size=3, unique=True))
    made = []
    for other in [other for other in others if other != form and not (form == "1.2" and other == "1.1")]:
        if other == "1.1":
            said = [p.user(draw(st.sampled_from(["teacher", "aide", "proctor"])), id_=f"E{p.id}") for p in PUPILS]
            made.append((other, said + [p.user("teacher") for p in STAFF], None))
        else:
            rows = [
                p.row(draw(CALLED), draw(st.sampled_from(["", p.id])))
                for p in PUPILS
                for _ in range(draw(st.integers(1, 2)))
            ]
            made.append((other, rows + [p.row("teacher", p.id) for p in STAFF], None))
    if form == "students":
        says = (form, [p.row("", p.id) for p in PUPILS], None)
    elif form == "1.1":
        # The same person twice: as a student, and as someone who works there.
        twice = [p.user("aide", id_=f"W{p.id}") for p in PUPILS if draw(st.booleans())]
        says = (form, [*twice, *(p.user("student") for p in PUPILS), *(p.user("teacher") for p in STAFF)], None)
    else:
        roles = [roster.role(p.id, role, "A") for p in PUPILS for role in draw(st.permutations(["student", "teacher"]))]
        says = (form, [p.user_1_2() for p in PUPILS], roles)
    made.insert(draw(st.integers(0, len(made))), says)
    return made


@settings(
    max_examples=6,
    phases=[Phase.generate],
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(deliveries())
def test_no_student_is_named_in_any_room_whatever_the_lists_call_them(tmp_path_factory, made):
    house = House(tmp_path_factory.mktemp("named"))
    for number, (form, rows, roles) in enumerate(made):
        name = f"2020-10-{number + 1:02}"
        if form in ("1.1", "1.2"):
            oneroster(house.landing / "d" / f"roster_{name}.zip", rows, roles)
        else:
            listed(house.landing / "d" / f"{form}_{name}.csv", form, *rows)
    logs.to_file(house.settings)
    try:
        outcomes = taken(house)
    finally:
        logging.getLogger("rollcall").handlers.clear()
    assert {outcome.verdict for outcome in outcomes} == {"accepted"}, [o.report.as_text() for o in outcomes]
    for number, outcome in enumerate(outcomes):
        outcome.report.write(house.quarantine / f"report{number}")
    assert leaks(house, PUPILS) == set(), made
    # It finds what is there: staff are named.
    assert any(form != "students" and form != "1.2" for form, _, _ in made) == bool(leaks(house, STAFF))


@pytest.fixture(scope="module")
def counted(session_house):
    """A roster with guardians and staff of every kind, lists with the same people, and a teacher who becomes a student."""
    house = session_house("counted")
    teacher, nurse, turned, pupil, guardian, both = (Person(id_) for id_ in ("T5", "N5", "U5", "S5", "G5", "B5"))
    house.pupils, house.staff = [turned, pupil, both], [teacher, nurse, Person("T6")]
    shared = {"email": pupil.email}  # a guardian's address is often the child's
    folder = house.landing / "d"
    others = [p.user("student") | {"identifier": f"N{p.id}"} for p in (pupil,)]
    oneroster(
        folder / "roster_2020-10-01.zip",
        [*others, teacher.user("teacher"), turned.user("teacher"), guardian.user("guardian") | shared],
    )
    listed(
        folder / "educators_2020-10-01.csv", "educators",
        teacher.row("Teacher"), nurse.row("School Nurse", "N5"), Person("W5").row("Wizard", "W5"), both.row("student", "B5"),
        Person("P5").row("parent", "P5"),
    )  # fmt: skip
    users = [Person(id_).user_1_2() for id_ in ("T6", "G6", "C6")]
    roles = [
        roster.role("T6", "teacher", "A", end="2020-10-02"), roster.role("G6", "guardian", "A"),
        roster.role("C6", "ext:coach", "A"),
    ]  # fmt: skip
    oneroster(house.landing / "e" / "roster_2020-10-01.zip", users, roles)
    assert {outcome.verdict for outcome in taken(house)} == {"accepted"}
    assert {turned.email, f"login.{turned.id}".lower()} <= {secret for secret, _ in leaks(house, [turned])}
    house.before = lake.withdrawals(house.settings)
    oneroster(
        folder / "roster_2020-10-02.zip",
        [*others, teacher.user("teacher"), turned.user("student"), guardian.user("guardian") | shared],
    )
    lines = [
        ("2020-10-01T09:00:00Z", pupil.email, "", "https://a.example"),
        ("2020-10-02T09:00:00Z", "", "G5", "https://a.example"),
    ]
    roster.usage(folder / "usage_2020-10-02.csv", lines, "occurred_at,user_email,user_id,url")
    house.refresh()
    return house


def test_what_was_kept_of_a_teacher_who_is_a_student_now_is_gone_from_every_room(counted):
    # The versions of before are kept for a rollback; there was none here.
    assert leaks(counted, counted.pupils) == set()
    names = {name for (name,) in counted.query("select display_name from dim_users where display_name is not null")}
    assert names == {f"{person.given} {person.family}" for person in counted.staff}


def test_no_version_from_before_a_name_was_taken_out_is_gone_on_from(counted):
    assert counted.before == ""
    assert lake.withdrawals(counted.settings) != counted.before


def test_rostered_are_students_and_staff_and_no_parents(counted):
    found = counted.query(
        """select u.district_id, user_sourced_id, u.user_type, string_agg(distinct roles, '+'), u.is_rostered, bool_or(s.roster_status = 'rostered')
        from dim_users u join bridge_user_sources using (user_key)
        left join bridge_user_groups s on u.user_key = s.user_key group by all order by 1, 2"""
    )
    assert found == [
        ("d", "B5", "student", "student", True, True),
        ("d", "G5", "other", "guardian", False, None),
        ("d", "N5", "other", "staff", True, True),
        ("d", "P5", "other", "parent", False, None),
        ("d", "S5", "student", "student", True, True),
        ("d", "T5", "educator", "teacher", True, True),
        ("d", "U5", "student", "student+teacher", True, True),
        ("d", "W5", "other", "unknown", True, True),
        ("e", "C6", "other", "unknown", True, True),
        ("e", "G6", "other", "guardian", False, None),
        ("e", "T6", "educator", "teacher", True, True),
    ]
    assert counted.query("select distinct role from fct_memberships order by 1") == [
        ("staff",), ("student",), ("teacher",), ("unknown",),
    ]  # fmt: skip


def test_use_under_an_address_that_a_guardian_shares_is_the_students(counted):
    assert counted.query(
        """select usage_date::varchar, user_sourced_id, roster_status from fct_product_usage join dim_users using (user_key) order by 1"""
    ) == [("2020-10-01", "S5", "rostered"), ("2020-10-02", "G5", "unrostered")]


def test_a_students_address_is_refused_as_a_members(counted):
    before = sorted(counted.landing.rglob("*"))
    name = ("--first-name", "Ada", "--last-name", "Byron", "--district", "d")
    for email, role in (
        ("MAIL.S5@oak.example ", "teacher"),
        ("ada@oak.example", "student"),
        ("ada@oak.example", "parent"),
    ):
        done = counted.run("members", "add", *name, "--email", email, "--role", role, code=2)
        assert ("student's" in done.stderr) == (role == "teacher")
    assert sorted(counted.landing.rglob("*")) == before
    listed(
        counted.landing / "d" / "members_2020-10-03.csv",
        "members",
        counted.pupils[1].row("teacher"),
        Person("M5").row("Teacher"),
    )
    (outcome,) = counted.take()
    assert (outcome.verdict, outcome.changes.set_aside, outcome.changes.added) == ("accepted", 1, 1)
    assert [f.rule for f in outcome.report.findings if f.severity == "error"] == ["member-is-student"]
