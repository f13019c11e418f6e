"""Every check of a rule that has several is seen finding something by itself; of the others, `test_rules` and its like see the rule.

The tables of a delivery are made empty, a row or two are put into one, and the rule's checks are run as the gate runs them.
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from rollcall.rules import RULES, Check, found, schema, tables

Rows = dict[str, list[dict[str, object]]]


@pytest.fixture(scope="module", params=schema.ONEROSTER_VERSIONS)
def delivery(request) -> Iterator[tuple[str, duckdb.DuckDBPyConnection]]:
    """All tables of a version, empty, but for what rules look up in seeds."""
    version = request.param
    with duckdb.connect() as connection:
        for table, columns in (tables.always(version) | tables.of_deliveries(version)).items():
            connection.execute(f'create table "{table}" ({", ".join(f"{quoted(n)} {k}" for n, k in columns.items())})')
        for table, columns in tables.references(version).items():
            names = ", ".join(f"unnest(${name})" for name in columns)
            connection.execute(f"insert into {table} select {names}", columns)
        connection.execute("insert into delivery values (date '2020-10-01', 0.1, 0.75, 0.1)")
        yield version, connection


def quoted(name: str) -> str:
    return f'"{name}"'


def texts(table: str, version: str, value: str | None, **more: object) -> dict[str, object]:
    """A row with one text in all its columns, and nothing true."""
    columns = (tables.always(version) | tables.of_deliveries(version))[table]
    row = {name: value if kind == "varchar" else False if kind == "boolean" else None for name, kind in columns.items()}
    return row | ({"_row_number": 2} if "_row_number" in columns else {}) | more


def many(table: str, version: str, value: str) -> list[dict[str, object]]:
    names = ("id", "person") if table.endswith("_people") else (identifier(table),)
    return [texts(table, version, value, **dict.fromkeys(names, f"id{n}")) for n in range(20)]


def identifier(table: str) -> str:
    return "id" if table.endswith(("_educators", "_students")) else "sourcedId"


def examples(rule: str, check: Check, version: str) -> Iterator[Rows]:
    """What might break just that check of the rule."""
    table = check.table
    if rule == "reference-resolves":
        for column in (tables.of_deliveries(version))[table]:
            yield {table: [texts(table, version, None) | ({column: "nobody"} if column[0] != "_" else {})]}
    elif rule == "row-id-unique":
        yield {table: [texts(table, version, "x"), texts(table, version, "x", _row_number=3)]}
    elif rule in ("value-required", "template-email-present") or (rule == "status-in-bulk" and check.mode == "delta"):
        yield {table: [texts(table, version, None)]}
    elif rule == "staff-email-of-student":
        yield {table: [texts(table, version, "x", _is_student_address=True)]}
    elif rule == "template-id-present":
        yield {table: [texts(table, version, None, _role="student")]}
    elif rule == "template-school-resolves":
        nowhere = texts("known_schools", version, None, cell="x", item_name="Alfa")
        yield {table: [texts(table, version, "x")], "known_schools": [nowhere]}
    elif rule in ("row-loss", "row-loss-total"):
        lost = 50 if rule == "row-loss" else 100
        yield {"after_rows": [texts("after_rows", version, table, delivered=100, unusable=lost)]}
    elif rule == "removal-threshold":
        before = f"before_{table.removeprefix('after_')}"
        yield {before: many(before, version, "x")}
    elif rule == "update-threshold":
        yield {each: many(each, version, each) for each in (f"before_{table}", f"after_{table}")}
    elif rule == "manifest-valid":
        manifest = texts("observed_file", version, None, file_name="manifest.csv", standard_name="manifest.csv")
        yield {"observed_file": [manifest | {"syntax_error": "it is torn"}]}
        yield {"observed_column": [{"file_name": "manifest.csv", "position": 1, "column_name": "property"}]}
        yield {
            "observed_container": [texts("observed_container", version, None, has_manifest=True)],
            "observed_file": [manifest | {"is_inflated": True}],
            "observed_property": [{"file_name": "manifest.csv", "row_number": 2, "name": "file.orgs", "value": "some"}],
        }
    elif rule == "encoding-utf8":
        yield {"observed_file": [{"file_name": "orgs.csv", "undecodable_line": 2}]}
        yield {
            "observed_line": [{"file_name": "usage.csv", "row_number": 2, "reason": "invalid encoding", "row_count": 1}]
        }
    else:
        yield {
            table: [
                texts(table, version, "x", _role=None) if rule == "template-role-valid" else texts(table, version, "x")
            ]
        }


def finding(rule: str, check: Check, rows: Rows, version: str, connection: duckdb.DuckDBPyConnection) -> list[Check]:
    """The checks of the rule, for the same version and mode, that find something in these rows."""
    connection.execute("begin")
    try:
        for table, given in rows.items():
            for row in given:
                names, marks = ", ".join(map(quoted, row)), ", ".join("?" * len(row))
                connection.execute(f'insert into "{table}" ({names}) values ({marks})', list(row.values()))
        alike = [  # those of another version do not bind
            each
            for each in RULES[rule].checks
            if each.version in (None, version)
            if each.mode in (None, check.mode) or check.mode is None
        ]
        return [each for each in alike if connection.execute(f"select 1 from ({found(each)}) limit 1").fetchone()]
    finally:
        connection.execute("rollback")


SEVERAL = [rule.id for rule in RULES.values() if len(rule.checks) > 1]


@pytest.mark.parametrize("rule", SEVERAL)
def test_every_check_of_a_rule_finds_something_that_no_other_does(rule, delivery):
    version, connection = delivery
    for check in RULES[rule].checks:
        if check.version not in (None, version):
            continue
        by = [finding(rule, check, rows, version, connection) for rows in examples(rule, check, version)]
        assert [check] in by, (check, by)


def test_only_what_is_decided_outside_a_delivery_has_no_check():
    assert {rule.id for rule in RULES.values() if not rule.checks} == {"delivery-failed", "delivery-builds"}
