"""The roster rules: every id, severity, message and fix is defined here once; reports and `docs/rules.md` derive from it.

A module a section; `sql/` has the statements, over a delivery's files as DuckDB tables (one a file, every column as delivered,
`_row_number` as a spreadsheet counts), and over what the intake has observed of it, which `tables.py` lists. The two rules without
a check are decided outside a delivery: `delivery-failed` and `delivery-builds`.
"""

from __future__ import annotations

import duckdb

from rollcall.rules import (
    access,
    columns,
    container,
    history,
    orgs,
    products,
    rows,
    schema,
    tables,
    templates,
    usage,
    users,
)
from rollcall.rules.rule import FOUND, Broken, Check, Found, Mode, Question, Rule, Severity, Together, found

__all__ = [
    "CONTAINER",
    "KEY_RULES",
    "RULES",
    "Broken",
    "Check",
    "Found",
    "Mode",
    "Question",
    "Rule",
    "Severity",
    "Together",
    "found",
    "proven",
]

CONTAINER = container.SECTION
# Rules that keep the keys of the lake unique: a district may have them reject or set rows aside, and nothing less.
KEY_RULES = ("org-id-unique", "user-id-unique", "row-id-unique", "product-id-unique", "school-id-unique")
_SECTIONS = (container, columns, orgs, users, rows, history, templates, access, usage, products)
RULES: dict[str, Rule] = {rule.id: rule for section in _SECTIONS for rule in section.RULES}
# A check that waits for a table that never comes would never be asked.
for _rule in RULES.values():
    for _check in _rule.checks:
        for _name in (_check.table, *_check.needs):
            if _name not in tables.known():
                raise ValueError(
                    f"the check of '{_rule.id}' on {_check.table} names the table '{_name}', which there is not"
                )


def proven(rules: dict[str, Rule]) -> dict[str, Rule]:
    """The rules, once DuckDB has bound every check of theirs to the tables that it names.

    ValueError for a check that names a table or a column that does not exist, or one that it does not say it needs.
    """
    for version in schema.ONEROSTER_VERSIONS:
        with duckdb.connect() as connection:
            always, others = tables.always(version), tables.of_deliveries(version)
            for table, fields in (always | others).items():
                types = ", ".join(f'"{name}" {kind}' for name, kind in fields.items())
                connection.execute(f'create table "{table}" ({types})')
            for rule in rules.values():
                for check in rule.checks:
                    if check.version in (None, version):
                        _prove(rule, check, connection, set(always))
    return rules


def _prove(rule: Rule, check: Check, connection: duckdb.DuckDBPyConnection, always: set[str]) -> None:
    where = f"the check of '{rule.id}' on {check.table}"
    try:
        description = connection.execute(
            f"create or replace temp view proof as {found(check)}; describe proof"
        ).fetchall()
    except duckdb.Error as error:
        raise ValueError(f"{where} cannot be run: {str(error).splitlines()[0]}") from error
    if other := {name for name, *_ in description} - set(FOUND):
        raise ValueError(f"{where} finds {sorted(other)}, which is none of {', '.join(FOUND)}")
    try:
        connection.execute(f"create or replace temp view meant as select {check.meant.sql} from proof")
    except duckdb.Error as error:
        raise ValueError(f"what {where} takes for meant cannot be run: {str(error).splitlines()[0]}") from error
    named = connection.get_table_names(f"select {check.meant.sql} from ({check.sql})") - always - {check.table}
    if named != set(check.needs):
        raise ValueError(f"{where} needs {sorted(named)}, and says {sorted(check.needs)}")
