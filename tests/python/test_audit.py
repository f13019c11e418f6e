"""The audit as the command runs it; and each of its expectations, seen failing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import duckdb
import pytest
import yaml

import roster
from rollcall.expectations import start

start.great_expectations()  # first of all: this leaves out what takes long to import

from rollcall.errors import RollcallError  # noqa: E402
from rollcall.expectations import audit, context, marts  # noqa: E402
from rollcall.paths import PROJECT  # noqa: E402


@pytest.fixture(scope="module")
def published(session_house):
    """A version with all that the audit looks at, made by the command itself: no process of it is a stand-in."""
    house = session_house("audit")
    folder = house.landing / "d"
    files = roster.good()
    # So many that one who goes is no fifth of them.
    files["users.csv"] += [roster.user(f"S{n}", "student", "B", "KG") for n in range(10, 20)]
    roster.write(folder / "roster_2020-10-01.zip", files)
    (folder / "products_2020-10-01.csv").write_text(
        "product_id,product_name,provider,url,sector,essential_function,product_status,privacy_status\n"
        "P1,Docs,Example,https://docs.example.org,,,Approved,\n"
    )
    people = ("s1", "s2", "s3", "t1", "t2")
    loads = [
        (f"2020-10-01T09:00:0{n}Z", f"{who}@schools.example", "https://docs.example.org/a")
        for n, who in enumerate(people)
    ]
    loads += [
        ("2020-10-01T10:00:00Z", "guest@mail.example", "https://news.example"),
        ("2020-10-01T10:00:01Z", "", "https://news.example"),
    ]
    # A row too many: it is set aside, and so a finding, which is a fact with a key of its own.
    roster.usage(
        folder / "usage_2020-10-01.csv", [*loads, ("2020-10-01 10:00:02", "s1@schools.example", "https://x.example")]
    )
    command = [sys.executable, "-m", "rollcall", "refresh"]
    done = subprocess.run(command, env=house.environment, cwd=house.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    house.said = done.stdout
    return house


def version(house):
    return (house.warehouse / "rollcall.duckdb").resolve()


def damaged(house, folder, sql: str):
    """A copy of the version, changed by these statements."""
    copy = folder / "candidate.duckdb"
    shutil.copy(version(house), copy)
    with duckdb.connect(str(copy)) as connection:
        connection.execute("use marts")
        connection.execute(sql)
    return copy


_A_ROW = "where rowid = (select min(rowid) from {mart} where {column} is not null)"


def _other_value(mart: str, column: str, value: object) -> str:
    return f"update {mart} set {column} = {value!r} {_A_ROW.format(mart=mart, column=column)}"


# What makes each expectation fail, by mart and by what the audit calls it: its first line, or its type and column.
DAMAGE = {
    ("dim_districts", "expect_table_row_count_to_be_between"): "delete from dim_districts",
    ("dim_districts", "expect_column_values_to_not_be_null on district_name"): (
        "alter table dim_districts alter district_name drop not null; update dim_districts set district_name = null"
    ),
    ("dim_grades", "expect_table_row_count_to_equal"): "delete from dim_grades where grade_code = '13'",
    ("dim_orgs", "expect_column_values_to_be_in_set on org_type"): _other_value("dim_orgs", "org_type", "campus"),
    ("dim_users", "expect_column_values_to_be_in_set on user_type"): _other_value("dim_users", "user_type", "parent"),
    ("dim_users", "No student, and nobody whom no roster knows, has a name or an email in the warehouse."): (
        "update dim_users set email = 'a@b.example' where user_type = 'student'"
    ),
    ("fct_memberships", "expect_column_values_to_be_in_set on pairing_basis"): _other_value(
        "fct_memberships", "pairing_basis", "guessed"
    ),
    ("fct_memberships", "Everybody with a current membership has exactly one that is primary."): (
        "update fct_memberships set is_primary = false"
    ),
    ("fct_product_usage", "expect_column_values_to_be_in_set on roster_status"): _other_value(
        "fct_product_usage", "roster_status", "known"
    ),
    ("fct_usage_days", "Page loads per person and product add up to the page loads that were accepted, for every district and day."): (
        "update fct_usage_days set page_loads = page_loads + 1"
    ),
    ("fct_deliveries", "expect_table_row_count_to_be_between"): "delete from fct_deliveries",
    ("fct_deliveries", "Every district that delivered is among the districts."): "update dim_districts set district_id = 'other'",
    ("dim_users", "No mart has lost more than a fifth of its people, memberships, schools or page loads since the last version."): (
        "update fct_usage_days set page_loads = page_loads * 0.7"
    ),
    ("fct_memberships", "No grade of a district has lost all its people since the last version."): (
        "update fct_memberships set grade_code = null where grade_code = 'KG'"
    ),
    ("fct_memberships", "No school has lost all its people since the last version."): (
        "update fct_memberships set is_current = false where org_key = (select org_key from dim_orgs where org_sourced_id = 'A')"
    ),
    (
        "agg_inventory_users",
        "In no district has the share of users who are on the roster fallen by more than ten points since the last version.",
    ): "update agg_inventory_users set roster_status = 'unrostered'",
    (
        "agg_product_days",
        "In no district has the share of page loads outside the catalog risen by more than ten points since the last version.",
    ): "update dim_products set is_catalogued = false",
} | {
    (key.fact, key.expectation().description): _other_value(key.fact, key.column, -1)
    for key in marts.fact_keys()
}  # fmt: skip

ASKED = [(mart, each) for mart, suite in marts.suites(True).items() for each in suite]


def name(mart: str, expectation) -> tuple[str, str]:
    column = getattr(expectation, "column", None)
    kind = f"{expectation.expectation_type}{f' on {column}' if column else ''}"
    return mart, (expectation.description or kind).splitlines()[0]


def failing(candidate, before, suites) -> list[tuple[str, str]]:
    results = audit.validate_marts(context.quiet(), suites, candidate, before)
    assert not any(context.errors(one.exception_info) for result in results for one in result.results)
    return [
        (result.suite_name, one.expectation_config.type)
        for result in results
        for one in result.results
        if not one.success
    ]


@pytest.mark.parametrize(("mart", "expectation"), ASKED, ids=[" ".join(name(*each))[:90] for each in ASKED])
def test_each_expectation_fails_where_what_it_asks_is_not_so(published, tmp_path, mart, expectation):
    candidate = damaged(published, tmp_path, DAMAGE[name(mart, expectation)])
    assert failing(candidate, version(published), {mart: [expectation]}) == [(mart, expectation.expectation_type)]


@pytest.mark.parametrize(
    "sql",
    [
        "delete from dim_users where user_type = 'student'",
        "update fct_memberships set is_current = false where grade_code = 'KG'",
        "update dim_orgs set is_active = false where org_sourced_id = 'B'",
    ],
    ids=["people", "memberships", "schools"],
)
def test_whatever_shrinks_is_noticed(published, tmp_path, sql):
    suites = {"dim_users": [marts.ExpectNoMartToShrink()]}
    assert failing(damaged(published, tmp_path, sql), version(published), suites)


def test_the_command_asks_every_expectation_and_publishes_what_meets_them(published, tmp_path):
    assert f"; {sum(map(len, marts.suites(False).values()))} expectations met)" in published.said
    # A copy: DuckDB waits forever for a file that this process has attached elsewhere.
    assert failing(damaged(published, tmp_path, "select 1"), version(published), marts.suites(True)) == []


def test_the_audit_says_what_fails_and_what_has_drifted_and_lets_go_of_the_files(published, tmp_path):
    damage = "delete from dim_districts; update dim_products set is_catalogued = false"
    settings = published.settings.model_copy(update={"build": tmp_path})
    candidate = damaged(published, tmp_path, damage).rename(settings.candidate)
    found = audit.audit(settings, version(published))
    assert {failure.mart for failure in found.failures} == {"dim_districts", "fct_deliveries"}
    assert found.asked == len(ASKED) and (tmp_path / "data_docs" / "index.html").exists()
    assert [warning.mart for warning in found.drift] == ["agg_product_days"]
    assert re.fullmatch(
        r"the share of page loads outside the catalog rose from [\d.]+% to 100.0% in d", found.drift[0].observed
    )
    # DuckDB refuses to write to a file that this process still reads.
    with duckdb.connect(candidate) as connection:
        connection.execute("create table marts.writable as select 1")


def test_an_audit_that_cannot_be_made_says_so_in_one_line(published, tmp_path):
    settings = published.settings.model_copy(update={"build": tmp_path})
    settings.candidate.write_bytes(b"no database")
    with pytest.raises(RollcallError, match=r"^the audit itself failed \(\w+; .*\)\. Nothing was published$"):
        audit.audit(settings, version(published))


def test_every_key_of_a_fact_is_held_to_its_dimension():
    held = {(key.fact, key.column) for key in marts.fact_keys()}
    assert {("fct_product_usage", column) for column in ("user_key", "product_key", "membership_group_key")} <= held
    for file in (PROJECT / "models" / "marts").rglob("fct_*.yml"):
        (model,) = yaml.safe_load(file.read_text("utf-8"))["models"]
        grains = [test["one_row_per"]["arguments"]["columns"] for test in model["data_tests"] if "one_row_per" in test]
        own = {columns[0] for columns in grains if len(columns) == 1}
        keys = {column["name"] for column in model["columns"] if column["name"].endswith("_key")} - own
        assert keys <= {column for fact, column in held if fact == model["name"]}, model["name"]
