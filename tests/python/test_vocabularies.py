"""What a district sets for itself without a line of code: columns of its own, and which of them are kept of students."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

import roster
from conftest import House
from rollcall.districts import District
from rollcall.errors import RollcallError

TOML = """[extensions]
orgs = ["metadata.region"]
staff = ["metadata.department", "room"]
students = ["metadata.bus", "house"]
"""
OF_STAFF = "Department of Mysteries"


def widened(name: str, **columns: Callable[[dict[str, str]], str]) -> Callable[[dict[str, bytes]], None]:
    """Adds `metadata.*` columns to a file of a set; each value is made of its row."""

    def change(made: dict[str, bytes]) -> None:
        rows = list(csv.DictReader(io.StringIO(made[name].decode())))
        stream = io.StringIO()
        writer = csv.DictWriter(stream, [*rows[0], *(f"metadata.{column}" for column in columns)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(row | {f"metadata.{column}": of(row) for column, of in columns.items()} for row in rows)
        made[name] = stream.getvalue().encode()

    return change


def with_columns(made: dict[str, bytes]) -> None:
    widened("users.csv", department=lambda row: OF_STAFF, bus=lambda row: " 7 " if row["sourcedId"] != "S3" else "")(
        made
    )
    widened("orgs.csv", region=lambda row: "North" if row["type"] == "school" else "")(made)


def settings_of(house: House, toml: str) -> None:
    (house.landing / "oak").mkdir(parents=True, exist_ok=True)
    (house.landing / "oak" / "district.toml").write_text(toml)


def educators(house: House, day: str, *rows: str) -> None:
    header = "sis_id,first_name,last_name,email,role,school_id,school_name,grade_level,room"
    (house.landing / "oak" / f"educators_{day}.csv").write_text("\n".join([header, *rows, ""]))


def kept(house: House, table: str, key: str) -> list[tuple]:
    return duckdb.sql(
        f"""select "{key}", extensions from read_parquet('{house.lake}/{table}/*/*.parquet', hive_partitioning = false)
        where "{key}" is not null order by all"""
    ).fetchall()


@pytest.fixture(scope="module")
def oak(session_house) -> House:
    """A district with columns of its own in a roster and in a template, published."""
    house = session_house("vocabularies")
    settings_of(house, TOML)
    roster.write(house.landing / "oak" / "roster_2020-10-01.zip", change=with_columns)
    educators(
        house,
        "2020-10-02",
        "T9,Ada,Byron,ada@d.example,Teacher,A,,03,R 12",
        "S9,Bo,Young,bo@d.example,Student,A,,03,R 13",
    )
    house.refresh()
    return house


def test_columns_of_the_district_reach_the_dimensions(oak):
    assert oak.query("select org_sourced_id, extensions ->> 'region' from dim_orgs order by 1") == [
        ("A", "North"), ("B", "North"), ("D", None),
    ]  # fmt: skip
    people = oak.query(
        """select coalesce(display_name, email_hash), user_type, extensions ->> 'department', extensions ->> 'bus', extensions ->> 'room'
        from dim_users order by user_type, 3, 4, 5"""
    )
    assert sorted({(kind, *own) for _, kind, *own in people}, key=repr) == [
        ("administrator", OF_STAFF, "7", None),
        ("educator", None, None, "R 12"),
        ("educator", OF_STAFF, "7", None),
        ("student", None, "7", None),
        ("student", None, None, None),
    ]
    assert [name for name, *own in people if own[-1]] == ["Ada Byron"]


def test_of_students_nothing_is_kept_but_what_the_district_says_is_not_personal(oak):
    assert dict(kept(oak, "oneroster/users", "sourcedId")) == {
        "S1": '{"bus":"7"}', "S2": '{"bus":"7"}', "S3": None,
        **{staff: f'{{"bus":"7","department":"{OF_STAFF}"}}' for staff in ("T1", "T2", "A1")},
    }  # fmt: skip
    assert kept(oak, "templates/educators", "sis_id") == [("S9", None), ("T9", '{"room":"R 12"}')]


def test_a_column_that_is_gone_is_reported_with_the_one_it_seems_to_be(house):
    settings_of(house, TOML.replace("metadata.bus", "metadata.buss"))
    roster.write(house.landing / "oak" / "roster_2020-10-01.zip", change=with_columns)
    (outcome,) = house.take()
    (found,) = [each for each in outcome.report.findings if each.rule == "extension-missing"]
    assert (found.file, found.column) == ("users.csv", "metadata.buss") and "'metadata.bus'" in found.message
    assert outcome.verdict == "accepted"


def test_what_was_kept_goes_when_someone_is_a_student_or_the_district_keeps_it_no_more(house):
    settings_of(house, TOML)
    row = "T9,,,s1@schools.example,Teacher,A,,03,R 12"  # of somebody without a name
    educators(house, "2020-10-01", row)
    house.take()
    assert kept(house, "templates/educators", "sis_id") == [("T9", '{"room":"R 12"}')]
    roster.write(house.landing / "oak" / "roster_2020-10-02.zip", change=with_columns)
    house.take()
    assert kept(house, "templates/educators", "sis_id") == [("T9", None)]
    settings_of(house, TOML.replace('"metadata.bus", ', ""))
    roster.write(house.landing / "oak" / "roster_2020-10-03.zip", change=with_columns)
    house.take()
    assert {own for id_, own in kept(house, "oneroster/users", "sourcedId") if id_.startswith("S")} == {None}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('orgs = ["region"]', "'region' must begin with 'metadata.'"),
        ('staff = ["Email"]', "'Email' is a column that Rollcall knows already"),
        ('students = ["metadata.birthDate"]', "'metadata.birthDate' looks personal"),
        ('students = ["home phone"]', "'home phone' looks personal"),
        ('students = ["metadata.american_indian_or_alaska_native"]', "looks personal"),
        ('staff = ["a\\"b"]', "is no name of a column"),
        ('staff = ["room", "Room"]', "named twice"),
        ('pupils = ["room"]', "pupils: is not a known key"),
    ],
)
def test_a_column_that_must_not_be_kept_is_refused(line, words, tmp_path: Path):
    (tmp_path / "district.toml").write_text(f"[extensions]\n{line}\n")
    with pytest.raises(RollcallError) as refused:
        District.load(tmp_path)
    assert words in str(refused.value)
