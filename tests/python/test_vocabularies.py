"""What a district sets for itself without a line of code: columns of its own, its school years, and days without rosters."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest

import roster
from conftest import House
from rollcall.dashboard.queries import Inventory
from rollcall.dashboard.warehouse import Warehouse
from rollcall.districts import District
from rollcall.errors import RollcallError

TOML = """[extensions]
orgs = ["metadata.region"]
staff = ["metadata.department", "room"]
students = ["metadata.bus", "house"]
"""
DAYS = ("2020-08-14", "2020-08-17", "2020-09-01")
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
    # Before and after the academic session of the roster begins, which is on August 17.
    roster.usage(
        house.landing / "oak" / "usage_2020-10-02.csv",
        [(f"{day}T09:00:00Z", "s1@schools.example", "https://a.example") for day in DAYS],
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
        ("educator", OF_STAFF, "7", None),
        ("educator", None, None, "R 12"),
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
    row = "T9,,,s1@schools.example,Teacher,A,,03,R 12"  # of someone without a name
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


def years(house: House) -> list[tuple]:
    """Each school year with use: its first day, basis, and page loads in both aggregates and in the facts."""
    return house.query(
        """select first_day::varchar, basis, u.page_loads, p.page_loads, d.page_loads
        from dim_school_years as y
        inner join (select period_start, sum(page_loads)::int as page_loads from agg_inventory_users where period = 'school_year' group by 1) as u
            on y.first_day = u.period_start
        full join (select period_start, sum(page_loads)::int as page_loads from agg_inventory_usage where period = 'school_year' group by 1) as p
            on y.first_day = p.period_start
        full join (select school_year_start, sum(page_loads)::int as page_loads from fct_usage_days group by 1) as d
            on y.first_day = d.school_year_start
        order by 1"""
    )


def test_school_years_are_those_of_the_district(oak):
    assert years(oak) == [("2019-07-01", "default", 1, 1, 1), ("2020-08-17", "academic_session", 2, 2, 2)]

    assert oak.query("select school_year_name, first_day::varchar, last_day::varchar from dim_school_years order by 2") == [
        ("2019-20", "2019-07-01", "2020-08-16"), ("2020-21", "2020-08-17", "2021-06-30"), ("2021-22", "2021-07-01", "2022-06-30"),
    ]  # fmt: skip
    published = Inventory(Warehouse(oak.settings).version())
    chosen = published.options.read("?period=school_year&from=2020-12-01")
    assert (str(chosen.first), str(chosen.last)) == ("2020-08-17", "2021-06-30")
    assert [row["page_loads"] for row in published.products(chosen)] == [2]


@pytest.mark.parametrize(
    ("blackouts", "day", "found"),
    [
        (("06-15/08-10",), "2021-07-01", "06-15/08-10"),
        (("06-15/08-10",), "2021-08-10", "06-15/08-10"),
        (("06-15/08-10",), "2021-08-11", None),
        (("12-20/01-05",), "2021-01-02", "12-20/01-05"),
        (("12-20/01-05",), "2021-12-20", "12-20/01-05"),
        (("12-20/01-05",), "2021-06-01", None),
        (("2021-06-15/2021-08-10",), "2021-07-01", "2021-06-15/2021-08-10"),
        (("2021-06-15/2021-08-10",), "2022-07-01", None),
    ],
)
def test_a_blackout_is_of_one_year_or_of_every_year(blackouts, day, found):
    assert District(district_id="oak", blackouts=blackouts).blackout_on(date.fromisoformat(day)) == found


def test_a_roster_of_a_blackout_is_held_and_use_is_not(house):
    settings_of(house, 'blackouts = ["06-15/08-10"]\n')
    for day in ("2021-07-01", "2021-08-11"):
        roster.write(house.landing / "oak" / f"roster_{day}.zip")
    roster.usage(
        house.landing / "oak" / "usage_2021-07-01.csv", [("2021-07-01T09:00:00Z", "a@b.example", "https://a.example")]
    )
    held, applied, usage = sorted(house.take(), key=lambda outcome: outcome.delivery.path.name)
    assert (held.verdict, applied.verdict, usage.verdict) == ("held", "accepted", "accepted")
    (found,) = [each for each in held.report.findings if each.rule == "delivery-in-blackout"]
    assert found.value == "2021-07-01" and "06-15/08-10" in found.message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('school_year_start = "2020-08-01"', "'2020-08-01' is not a day of every year"),
        ('school_year_start = "02-29"', "'02-29' is not a day of every year"),
        ('school_year_start = "13-01"', "school_year_start"),
        ('blackouts = ["06-15"]', "blackouts"),
        ('blackouts = ["06-15/2021-08-10"]', "'2021-08-10' is not a day of every year"),
        ('blackouts = ["2021-08-10/2021-06-15"]', "ends before it begins"),
    ],
)
def test_a_day_that_there_is_not_is_refused(line, words, tmp_path):
    (tmp_path / "district.toml").write_text(f"{line}\n")
    with pytest.raises(RollcallError) as refused:
        District.load(tmp_path)
    assert words in str(refused.value)
