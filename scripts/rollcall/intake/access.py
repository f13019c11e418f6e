"""Access lists: a CSV of who may see a district's figures, in which role, and of which schools."""

from __future__ import annotations

from pathlib import Path

import duckdb

from rollcall.dbt_macros import rendered
from rollcall.intake import csvfile, headers, privacy, schools, students
from rollcall.intake.changes import Past, Table
from rollcall.intake.headers import Form
from rollcall.intake.observed import Observed
from rollcall.intake.oneroster import GOOD_EMAIL, Given, Loaded, load_seeds
from rollcall.rules import schema

_LIST = "access_list"


def load(path: Path, form: Form, connection: duckdb.DuckDBPyConnection, observed: Observed, past: Past) -> Loaded:
    """Loads the list as table `access_list`; and its schools as `known_schools`, where the district has any."""
    found = headers.read(path, form, observed, past.settings)
    if found is None:
        return Loaded()
    for statement in privacy.macros(privacy.pii_key(past.settings)):
        connection.execute(statement)
    load_seeds(connection, "template")
    fields = [
        *schema.ACCESS_COLUMNS,
        "keyed_hash(lower(email)) as email_hash",
        # A grant has no id of its own: it is what it says.
        "md5(concat_ws(chr(31), lower(trim(email)), lower(trim(coalesce(role, ''))), trim(coalesce(school, '')))) as row_key",
        f"{rendered('school_cell', 'school', 'school')} as _cell",
        f"trim(coalesce(email, '')) <> '' and {GOOD_EMAIL} as _has_good_email",
        "false as _is_student_address",
    ]
    source = headers.source(path, found, schema.ACCESS_COLUMNS)
    if not csvfile.load_table(path.name, _LIST, ", ".join(fields), source, connection, observed):
        return Loaded()
    students.make(connection, past, [], [])
    connection.execute(
        f'update "_{_LIST}" set _is_student_address = true where {students.is_known(f"templates/{_LIST}", None)}'
    )
    schools.resolve_named(_LIST, connection, past)
    return Loaded([Table("templates", _LIST, may_repeat=True)], [Given(_LIST, path.name)])
