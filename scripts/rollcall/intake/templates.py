"""Roster templates (educators, students) and members added manually: CSVs with headers of our own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb

from rollcall.dbt_macros import rendered
from rollcall.districts import Thresholds
from rollcall.intake import csvfile, extensions, headers, lake, privacy, schools, students
from rollcall.intake.changes import Past, Table
from rollcall.intake.headers import Form
from rollcall.intake.observed import Observed
from rollcall.intake.oneroster import GOOD_EMAIL, Given, Loaded, load_seeds
from rollcall.rules import schema
from rollcall.settings import Settings

_EMAIL = "lower(trim(email))"


def load(
    path: Path, kind: str, form: Form, connection: duckdb.DuckDBPyConnection, observed: Observed, past: Past
) -> Loaded:
    """Loads one template as the table named after its kind."""
    columns = schema.TEMPLATE_COLUMNS[kind]
    found = headers.read(path, form, observed, past.settings)
    if found is None:
        return Loaded()
    optional = [name for name in schema.MEMBER_OPTIONAL if kind == "members" and name in found]
    for statement in privacy.macros(privacy.pii_key(past.settings)):
        connection.execute(statement)
    load_seeds(connection, "template")
    own = extensions.note(kind, path.name, found, past.extensions, observed)
    source = headers.source(path, found, [*columns, *schema.OPTIONAL_COLUMNS.get(kind, ()), *optional, *own])
    kept = "lower(trim(coalesce(status, ''))) <> 'tobedeleted'" if "status" in optional else ""
    select, looked_up = _select(kind, optional, own, past), "" if "role" in columns else None
    if not csvfile.load_table(path.name, kind, select, source, connection, observed, kept, looked_up):
        return Loaded()
    _unname_students(kind, connection, past)
    given = [Given(kind, path.name)]
    if kind != "members":
        _make_schools(kind, connection, past)
        given += [Given("template", path.name, rows_of=kind), Given("after_people", path.name)]
    if kind == "members":
        schools.resolve_named(kind, connection, past)
        deleted = f"select row_key from _members where not ({kept})" if kept else "select null"
        return Loaded([Table("templates", kind, is_full=False, deleted=deleted, may_repeat=True)], given)
    return Loaded([Table("templates", kind, may_repeat=True)], given, lambda: _compare(kind, connection, past))


def _select(kind: str, optional: list[str], own: list[str], past: Past) -> str:
    columns = schema.TEMPLATE_COLUMNS[kind]
    kept = [name for name in columns if kind != "students" or name not in schema.UNKEPT_OF_STUDENTS]
    kept += schema.OPTIONAL_COLUMNS.get(kind, ())
    hashes = {
        "sis_id_hash": "keyed_hash(sis_id)" if "sis_id" in columns else "null",
        "email_hash": "keyed_hash(lower(email))",
        "email_domain": f"nullif({privacy.domain(_EMAIL)}, '')",
    }
    of_students = [name for name in own if name in past.extensions.students]
    fields_of_rules = [f"{GOOD_EMAIL} as _has_good_email"]
    fields = [*kept, *optional, *(f"{sql} as {name}" for name, sql in hashes.items()), "null::varchar as row_key"]
    fields += [
        f"{extensions.as_json(own)} as {extensions.COLUMN}",
        f"{extensions.as_json(of_students)} as {extensions.OF_STUDENTS}",
    ]
    cell = ("school", "school") if kind == "members" else ("school_id", "school_name")
    fields.append(f"{rendered('school_cell', *cell)} as _cell")
    return ", ".join([*fields, *fields_of_rules, f"{_role(columns)} as _role", "false as _is_student_address"])


def _role(columns: Sequence[str]) -> str:
    """A SQL expression: the standard's role of a row, a blank one that of a teacher; NULL where it is not known."""
    if "role" not in columns:
        return "'student'"
    return """case when coalesce(trim(role), '') = '' then 'teacher'
        else (select standard_role from seed_role_aliases where role_alias = lower(trim(role))) end"""


def _unname_students(kind: str, connection: duckdb.DuckDBPyConnection, past: Past) -> None:
    """Makes `district_students`, leaves names to those whose role is known to be one of staff and who are no students, and makes the rows' keys."""
    table = f"templates/{kind}"
    id_ = "sis_id" if kind != "members" else None
    own = (
        [f"select '{table}' as list, trim(sis_id) as id, email_hash from \"_{kind}\" where _role = 'student'"]
        if kind != "members"
        else []
    )
    students.make(connection, past, own, [table])
    kept = [name for name in schema.TEMPLATE_COLUMNS[kind] if name not in schema.UNKEPT_OF_STUDENTS]
    if kind != "students":
        connection.execute(
            f"""update "_{kind}" set _is_student_address = true
            where _role is distinct from 'student' and {students.is_known(table, id_)}"""
        )
        connection.execute(
            f"""update "_{kind}" set first_name = null, last_name = null, email = null, {extensions.COLUMN} = {extensions.OF_STUDENTS}
            where _is_student_address or coalesce(_role not in (select role from seed_roles where is_staff), true)"""
        )
        kept = schema.TEMPLATE_COLUMNS[kind]
    # A row of a template has no id of its own: it is what it says. A member is an address.
    whole = "email_hash" if kind == "members" else f"md5(concat_ws(chr(31), {', '.join(_texts(kept))}, email_hash))"
    connection.execute(f'update "_{kind}" set row_key = {whole}')


def is_of_student(settings: Settings, district_id: str, email: str) -> bool:
    """Whether the district's lake knows an address as that of a student."""
    if not lake.records(settings, district_id):
        return False
    with duckdb.connect() as connection:
        for statement in privacy.macros(privacy.pii_key(settings)):
            connection.execute(statement)
        load_seeds(connection, "template")
        students.make(connection, Past(settings, district_id, date.today(), Thresholds()), [], [])
        return bool(
            connection.execute(
                "select 1 from district_students where email_hash = keyed_hash(lower($1))", [email.strip()]
            ).fetchall()
        )


def _texts(columns: list[str]) -> list[str]:
    return [f"coalesce(trim({column}), '')" for column in columns]


def _make_schools(kind: str, connection: duckdb.DuckDBPyConnection, past: Past) -> None:
    """Makes the view `template` and the table `schools`; `known_schools`, if there are orgs to look in, else `named_schools`."""
    connection.execute(f'create view template as select * from "{kind}"')
    connection.execute(
        """create view schools as
        select _cell, any_value(trim(school_id)) as school_id, any_value(trim(school_name)) as school_name, count(*) as row_count
        from template where _cell <> '' group by _cell"""
    )
    cells = "select 'd' as district_id, _cell as cell, school_id, school_name from schools"
    if schools.make_known(connection, past):
        known = rendered("resolved_schools", f"({cells})", "known_orgs", "listed_schools")
        connection.execute(f"create table known_schools as {known}")
        return
    schools.make_named(kind, cells, connection, past)


def _compare(kind: str, connection: duckdb.DuckDBPyConnection, past: Past) -> None:
    """Makes `before_<kind>` and `after_<kind>`, the people of the last template and of what can be used of this one.

    Also `before_people` and `after_people`: those of them who have a school, or are of the district's administration.
    """
    if not past.files(f"templates/{kind}"):
        return
    cell, role = rendered("school_cell", "school_id", "school_name"), _role(schema.TEMPLATE_COLUMNS[kind])
    after = f"(select * from {kind} where _row_number not in (select row_number from set_aside))"
    for state, rows, where in (
        ("before", past.latest(f"templates/{kind}", "row_key"), "_op = 'upsert'"),
        ("after", after, "true"),
    ):
        person = "distinct coalesce(nullif(trim(sis_id), ''), email_hash) as id"
        connection.execute(f"create table {state}_{kind} as select {person} from {rows} where {where}")
        is_on_roster = f"coalesce({role} in (select role from seed_user_types), true)"
        placed = f"({cell} <> '' or coalesce({role}, '') = 'administrator') and {is_on_roster}"
        connection.execute(
            f"create table {state}_people as select {person}, id as person from {rows} where {where} and {placed}"
        )


def write_schools(kind: str, connection: duckdb.DuckDBPyConnection, incoming) -> None:
    """Keeps what the delivery calls its schools, rows that were set aside for it included: for the school name check."""
    incoming.write(
        "templates/schools",
        f"select '{kind}' as template, school_id, school_name, row_count, '{incoming.delivery_id}' as _delivery_id from schools",
    )
