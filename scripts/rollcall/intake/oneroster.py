"""OneRoster zips, 1.1 and 1.2: checked and minimised; what comes out are the tables for the change log."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from rollcall.districts import Extensions, Thresholds
from rollcall.intake import container, csvfile, extensions, privacy, students
from rollcall.intake.changes import Past, Table, but_set_aside, lake_columns
from rollcall.intake.findings import Report
from rollcall.intake.lake_tables import lake_tables
from rollcall.intake.observed import Observed
from rollcall.rules import Check, Mode, Rule, schema
from rollcall.rules.rule import sql
from rollcall.rules.tables import COMPARED, KNOWN, OBSERVED, references


def load(
    path: Path,
    folder: Path,
    connection: duckdb.DuckDBPyConnection,
    observed: Observed,
    past: Past,
) -> Loaded:
    """Loads the zip's files as tables, named as the files."""
    with ThreadPoolExecutor(1) as pool:
        # One core inflates; the other need not wait for it.
        past_is_made = pool.submit(_make_past, connection.cursor(), past)
        unpacked = container.unpack(path, folder, observed, past.settings)
    if unpacked is None:
        return Loaded()
    past_is_made.result()
    for statement in privacy.macros(privacy.pii_key(past.settings)):
        connection.execute(statement)
    load_seeds(connection, unpacked.version)
    unreadable = {file.file_name for file in observed.files if file.undecodable_line}
    columns = schema.oneroster_files(unpacked.version)
    loaded: dict[str, Table] = {}
    given: list[Given] = []
    # In the order of the standard's files, but roles first: they say which users are staff.
    for name in sorted(unpacked.files, key=lambda name: (name != "roles.csv", list(columns).index(name))):
        if name == "users.csv" and unpacked.version == "1.2":
            _make_user_roles(loaded, connection, past)
        table = schema.table_name(name)
        if name in unreadable or not _load_file(name, unpacked, connection, observed, past):
            continue
        is_full = name not in unpacked.deltas
        given.append(Given(table, name, unpacked.version, Mode.BULK if is_full else Mode.DELTA))
        if f"oneroster/{table}" not in lake_tables():
            continue
        deleted = "" if is_full else f"""select trim("sourcedId") from "_{table}" where {_IS_DELETED}"""
        loaded[table] = Table("oneroster", table, is_full, deleted)
        if not is_full:
            observed.file(name).is_after_bulk = table in past.full_tables
    unread = {schema.table_name(name) for name in unpacked.files} - {each.table for each in given}
    if unpacked.version == "1.2" and "users.csv" not in unpacked.files:
        _make_user_roles(loaded, connection, past)
    _unname_students(loaded, connection, past)
    _make_known(loaded, unread, connection, past)
    if not given:
        return Loaded()
    # What would change is not known of a delivery of which a file cannot be read, and which is rejected for it.
    is_compared = bool(past.files("oneroster/users")) and not unread
    if is_compared:
        given.append(Given("after_people", "users.csv", unpacked.version))
        return Loaded(list(loaded.values()), given, lambda: _make_after(loaded, connection, past))
    return Loaded(list(loaded.values()), given)


def _make_past(connection: duckdb.DuckDBPyConnection, past: Past) -> None:
    for name in KNOWN:
        past.make(connection, f"oneroster/{name}", "sourcedId")


_IS_DELETED = "lower(trim(coalesce(status, ''))) = 'tobedeleted'"
# The opposite; most rows have no status, and are not looked at any closer.
_HOLDS = f"(coalesce(status, '') = '' or not {_IS_DELETED})"


def _make_known(loaded: dict[str, Table], unread: set[str], connection: duckdb.DuckDBPyConnection, past: Past) -> None:
    """Makes `known_<table>`: all rows that hold once this delivery does. None for a file that cannot be read.

    Also, where there was a delivery before, `before_<table>`, with the lake's columns.
    """
    has_past = bool(past.files("oneroster/users"))
    for name in KNOWN:
        if name in unread:
            continue
        table, lake_table = loaded.get(name), f"oneroster/{name}"
        before = past.state(lake_table, "sourcedId")
        was = f"select * from {past.latest(lake_table, 'sourcedId')} where _op = 'upsert' and {_HOLDS}"
        if table and table.is_full:
            connection.execute(f'create view "known_{name}" as select * from "{name}" where {_HOLDS}')
        elif before is not None:
            own = f'select * from "{name}" union all by name' if table else ""
            gone = f'and trim("sourcedId") not in (select trim("sourcedId") from "_{name}")' if table else ""
            connection.execute(
                f"""create table "known_{name}" as {own} select * exclude (_row_number) from ({was} {gone})"""
            )
        if has_past and name in COMPARED:
            connection.execute(f'create view "before_{name}" as {was}')


def _make_after(loaded: dict[str, Table], connection: duckdb.DuckDBPyConnection, past: Past) -> None:
    """Makes `after_<table>`: what holds once the delivery does, without the rows that were set aside; with the lake's columns.

    Also `before_people` and `after_people`, who have a membership.
    """
    for name in COMPARED:
        connection.execute(
            f'create table if not exists "before_{name}" as select * from {past.latest(f"oneroster/{name}", "sourcedId")} where false'
        )
        table, rest = loaded.get(name), f'select * from "before_{name}"'
        if not table:
            connection.execute(f'create view "after_{name}" as {rest}')
            continue
        fields = lake_columns(connection, name, table.lake_table)
        usable = f"""(select * from "{name}" where {_HOLDS}{but_set_aside(connection, name)})"""
        kept = (
            ""
            if table.is_full
            else f"""union all by name ({rest} where trim("sourcedId") not in (
            select trim("sourcedId") from {usable} where "sourcedId" is not null union all {table.deleted}))"""
        )
        connection.execute(f'create view "after_{name}" as select {fields} from {usable} {kept}')
    for state in ("before", "after"):
        connection.execute(f"create table {state}_people as {sql('people', prefix=state)}")


def _unname_students(loaded: dict[str, Table], connection: duckdb.DuckDBPyConnection, past: Past) -> None:
    """Makes `district_students`, and takes the names off rows of staff that are of one of them by their address.

    Those with a role of a student beside others were never named, whatever the rules say of the role.
    """
    in_roles = """select 'oneroster/users' as list, user_id as id, null::varchar as email_hash from user_roles where role = 'student'"""
    has_roles = bool(connection.execute("select 1 from duckdb_tables() where table_name = 'user_roles'").fetchall())
    own, said_anew = [in_roles] if has_roles else [], []
    if "users" in loaded:
        is_student = "_role = 'student'" if has_roles else students.is_student("_role")
        own.append(
            f"""select 'oneroster/users' as list, trim("sourcedId") as id, email_hash from "_users" where {is_student}"""
        )
        said_anew = ["oneroster/users"] if loaded["users"].is_full else []
    students.make(connection, past, own, said_anew, renewed="_users" if "users" in loaded else None)
    if "users" in loaded:
        connection.execute(
            f"""update "_users" set username = null, "givenName" = null, "familyName" = null, "middleName" = null, email = null,
                {extensions.COLUMN} = {extensions.OF_STUDENTS}, _is_staff = false, _is_student_address = true
            where _is_staff and {students.is_known("oneroster/users", "sourcedId")}"""
        )


def load_seeds(connection: duckdb.DuckDBPyConnection, version: str) -> None:
    """Makes the tables of what rules look up in `seeds/`, where they are not there yet."""
    for table, columns in references(version).items():
        fields = ", ".join(f"unnest(${name}) as {name}" for name in columns)
        connection.execute(f"create table if not exists {table} as select {fields}", columns)


def _make_user_roles(loaded: dict[str, Table], connection: duckdb.DuckDBPyConnection, past: Past) -> None:
    """Makes `user_roles`, one row a user: what 1.2's roles.csv says of them, and the roles known before a delta.

    Staff, whose name is kept, is who has a role of staff and none of a student.
    """
    fields = 'trim("userSourcedId") as user_id, trim(role) as role, trim("orgSourcedId") as org'
    parts = [f"select {fields} from roles"] if "roles" in loaded else []
    before = past.state("oneroster/roles", "sourcedId")
    if before and not ("roles" in loaded and loaded["roles"].is_full):
        gone = 'and trim("sourcedId") not in (select trim("sourcedId") from _roles)' if parts else ""
        parts.append(f"select {fields} from {before} where _op = 'upsert' {gone}")
    none = "select null::varchar as user_id, null::varchar as role, null::varchar as org where false"
    connection.execute(
        f"""create table user_roles as
        select user_id, bool_or(role in (select role from seed_roles where is_staff)) and not bool_or(is_student) as is_staff,
            case when bool_or(is_student) then 'student' else max(role) end as role,
            string_agg(org, ',') as orgs
        from (select *, {students.is_student("role")} as is_student from ({" union all ".join(parts) or none}))
        where user_id is not null
        group by user_id"""
    )


def _load_file(
    name: str,
    unpacked: container.Unpacked,
    connection: duckdb.DuckDBPyConnection,
    observed: Observed,
    past: Past,
) -> bool:
    """Loads one file. False where it cannot be read: what was noted of it says why."""
    file, columns = unpacked.files[name], schema.oneroster_files(unpacked.version)[name]
    standard = [column.name for column in columns]
    found = csvfile.usable_header(file, observed, past.settings)
    if not found or not csvfile.observe_header(name, found, standard, observed):
        return False
    table = schema.table_name(name)
    own = extensions.note(table, name, found, past.extensions, observed)
    looked_up = None
    if name == "users.csv":
        read = [column.name for column in columns if column.kept != "nobody" or column.name in _CONTACTS]
        source = csvfile.source(file, found, [*read, *own])
        select = _minimised_users(columns, own, past.extensions)
        looked_up = f"""left join {_known_hashes(past)} as known on trim("sourcedId") = known.id
            left join {_staff(unpacked.version)}"""
    else:
        source = csvfile.source(file, found, [*standard, *own])
        # Of a file that is not stored, ids and dates are read, for the rules, and nothing else.
        is_delta = name in unpacked.deltas
        read = [c.name for c in columns if schema.is_read(name, c) or (is_delta and c.name == "status")]
        select = ", ".join(f'"{column}"' for column in read)
        if table == "orgs":
            select += f", {extensions.as_json(own)} as {extensions.COLUMN}"
    # What a delta takes away need not be right.
    kept = _HOLDS if name in unpacked.deltas else ""
    return csvfile.load_table(name, table, select, source, connection, observed, kept, looked_up)


_CONTACTS = ("phone", "sms")  # are looked at, and not kept


def _known_hashes(past: Past) -> str:
    """A query of the ids of users that the lake has, with their hashes: to make those anew takes longer than to look them up."""
    columns = ("sourcedId", "sourced_id_hash", "identifier", "identifier_hash")
    none = ", ".join(f'null::varchar as "{column}"' for column in columns)
    before = past.state("oneroster/users", "sourcedId") or f"(select {none} where false)"
    return f"""(
        select trim("sourcedId") as id, sourced_id_hash, identifier as hashed_identifier, identifier_hash from {before}
    )"""


def _staff(version: str) -> str:
    """The right side of the join that says who is staff: of 1.1 by the row's own role, of 1.2 by those of roles.csv."""
    if version == "1.2":
        return 'user_roles on trim("sourcedId") = user_roles.user_id'
    return "(select role as staff_role from seed_roles where is_staff) as staff_roles on trim(role) = staff_role"


def _minimised_users(columns: list[schema.Column], own: list[str], kept: Extensions) -> str:
    """The SELECT list of users.csv: names, addresses and the district's `own` columns of staff only, hashes of everybody."""
    is_1_1 = any(column.name == "role" for column in columns)
    staff = "staff_role is not null" if is_1_1 else "coalesce(is_staff, false)"
    of_staff, of_students = (
        extensions.as_json([name for name in own if name in names]) for names in (kept.people, kept.students)
    )
    fields = [
        f"case when {staff} then {of_staff} else {of_students} end as {extensions.COLUMN}",
        f"{of_students} as {extensions.OF_STUDENTS}",
    ]
    for column in columns:
        if column.kept == "everyone":
            fields.append(f'"{column.name}"')
        elif column.kept == "staff":
            fields.append(f'case when {staff} then "{column.name}" end as "{column.name}"')
    return ", ".join(
        [
            *fields,
            "coalesce(known.sourced_id_hash, keyed_hash(sourcedId)) as sourced_id_hash",
            """coalesce(
                case when identifier = known.hashed_identifier then known.identifier_hash end, keyed_hash(identifier)
            ) as identifier_hash""",
            "keyed_hash(lower(email)) as email_hash",
            "keyed_hash(lower(username)) as username_hash",
            f"nullif({privacy.domain('lower(trim(email))')}, '') as email_domain",
            f"{GOOD_EMAIL} as _has_good_email",
            f"{staff} as _is_staff",
            "false as _is_student_address",
            "trim(role) as _role",
            ('"orgSourcedIds"' if is_1_1 else "orgs") + " as _orgs",
            "concat(givenName, familyName, middleName, phone, sms) <> '' as _has_contact",
        ]
    )


@dataclass(frozen=True)
class Given:
    """A table of the delivery, and the file that it was read from; of a view, the table whose rows it has."""

    table: str
    file: str
    version: str | None = None
    mode: Mode | None = None
    rows_of: str | None = None


@dataclass
class Loaded:
    """What was read of a delivery: the tables to append, if it is accepted, and those to ask rules of.

    `make_after` makes the tables of what is left without the rows that were set aside.
    """

    tables: list[Table] = field(default_factory=list)
    given: list[Given] = field(default_factory=list)
    make_after: Callable[[], None] = lambda: None


def ask(
    given: list[Given],
    connection: duckdb.DuckDBPyConnection,
    report: Report,
    observed: Observed,
    delivery_date: date,
    thresholds: Thresholds,
    make_after: Callable[[], None] = lambda: None,
) -> None:
    """Has the gate ask every check whose tables are there, in two turns; rows that break an `error` go to `set_aside`.

    `make_after` makes the tables of what is left without those, and the checks that need them are asked then.
    The checks may look at `delivery`, one row: its date, and the shares above which it is held.
    """
    connection.execute(
        """create table delivery as
        select $1::date as delivery_date, $2 as removal_share, $3 as update_share, $4 as row_loss_share""",
        [delivery_date, thresholds.removal, thresholds.update, thresholds.row_loss],
    )
    connection.execute("create table set_aside (table_name varchar, row_number bigint, rule_id varchar, says varchar)")
    observed.make(connection)
    load_seeds(connection, observed.container.oneroster_version or "1.1")
    of_table = {table: Given(table, observed.container.file_name) for table in OBSERVED}
    of_table |= {each.table: each for each in given}
    versions = {each.version for each in given if each.version}
    mode = (Mode.DELTA if any(each.mode is Mode.DELTA for each in given) else Mode.BULK) if versions else ""
    suite = " ".join(filter(None, [report.kind, *versions, mode]))
    at_once = _askable(of_table, connection, report)
    report.judge(suite, [report.question(*each) for each in at_once], connection)
    for each in given:
        if each.rows_of:
            connection.execute("update set_aside set table_name = $1 where table_name = $2", [each.rows_of, each.table])
    if not given:
        return
    make_after()
    _make_rows(given, connection)
    report.delivered = connection.execute("select table_name, delivered, unusable from after_rows").fetchall()
    after = [each for each in _askable(of_table, connection, report) if each not in at_once]
    report.judge(suite, [report.question(*each) for each in after], connection)


def _askable(
    of_table: dict[str, Given], connection: duckdb.DuckDBPyConnection, report: Report
) -> list[tuple[Rule, Check, str]]:
    """The checks whose tables are there, with their rules and the files that they are asked of."""
    found = connection.execute("select table_name from duckdb_tables() union all select view_name from duckdb_views()")
    there = {name for (name,) in found.fetchall()}
    return [
        (rule, check, of_table[check.table].file)
        for rule in report.rules.values()
        for check in rule.checks
        if check.table in of_table
        and check.is_asked(report.kind, of_table[check.table].version, of_table[check.table].mode, there)
    ]


def _make_rows(given: list[Given], connection: duckdb.DuckDBPyConnection) -> None:
    """Makes `after_rows`: of each table the rows delivered, those that cannot be used, and the rule that most of them break."""
    counts = " union all ".join(
        "select 'usage_counts' as table_name, (select delivered from usage_counts) as delivered"
        if each.table == "usage_counts"
        else f"""select '{each.table}' as table_name, (select count(*) from "{each.table}") as delivered"""
        for each in given
        if each.table not in ("after_people", "template", "usage")
    )
    is_usage = any(each.table == "usage" for each in given)
    connection.execute(f"create table after_rows as {sql('after-rows', counts=counts, is_usage=is_usage)}")


# Whether an email looks like an address; true of none at all.
GOOD_EMAIL = r"coalesce(trim(email) = '' or regexp_matches(trim(email), '^[^@\s,;]+@[^@\s,;]+[.][^@\s,;.]+$'), true)"
