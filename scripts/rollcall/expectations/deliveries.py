"""The rules on rows as Great Expectations expectations: a named class for each rule and table, in a suite a delivery kind.

The classes are made from the definitions in `rules.py`, whose SQL the intake runs too, so that a delivery has its verdict
before Great Expectations is even imported. They are run on the tables of the last delivery of each kind, which the intake
keeps in `build/deliveries/`, for the Data Docs.
"""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import great_expectations.expectations as gxe

from rollcall.rules import RULES, Rule, Severity

_SEVERITIES = {
    Severity.REJECT: "critical",
    Severity.HOLD: "critical",
    Severity.ERROR: "critical",
    Severity.WARNING: "warning",
    Severity.INFO: "info",
}


def expectation(rule: Rule, table: str, sql: str) -> type[gxe.UnexpectedRowsExpectation]:
    """The rule on one table as an expectation, named after both: `ExpectOrgParentResolvesOnOrgs1`."""
    # Great Expectations puts the batch's table in by format(); the rule names its tables itself.
    query = f"select row_number, column_name from ({sql})".replace("{", "{{").replace("}", "}}")
    query += " where (select count(*) from {batch}) >= 0"
    words = [word for word in re.split(r"[^A-Za-z0-9]+", f"{rule.id} on {table}") if word]
    name = "Expect" + "".join(word[0].upper() + word[1:] for word in words)
    return type(
        name,
        (gxe.UnexpectedRowsExpectation,),
        {
            "__doc__": rule.says,
            "__module__": __name__,
            "__annotations__": {"unexpected_rows_query": str},
            "unexpected_rows_query": query,
        },
    )


def suite(file: Path) -> dict[str, list[tuple[str, gxe.UnexpectedRowsExpectation]]]:
    """Table → (rule, expectation) for the tables of a kept delivery."""
    with duckdb.connect(str(file), read_only=True) as connection:
        there = {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
        names = connection.execute("select table_name, version, mode from marts._names").fetchall()
    found: dict[str, list] = {}
    given = {table: (version, mode) for table, version, mode in names}
    for rule in RULES.values():
        for number, check in enumerate(rule.checks, 1):
            if check.table in given and check.is_asked(*given[check.table], there):
                made = expectation(rule, f"{check.table} {number}", check.sql)(
                    description=f"{rule.id}: {rule.says}", severity=_SEVERITIES[rule.severity]
                )
                found.setdefault(check.table, []).append((rule.id, made))
    return found
