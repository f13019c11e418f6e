"""OneRoster zips: checked, minimised, compared with the district's last state, appended to the lake as changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from rollcall.expectations.rules import RULES, Severity
from rollcall.intake import container, csvfile, lake, privacy, schema
from rollcall.intake.findings import Report
from rollcall.intake.lake import quote
from rollcall.settings import Settings


@dataclass
class Changes:
    """Rows of one delivery: as delivered, set aside by a rule, and what is different from the state before."""

    delivered: int = 0
    set_aside: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0


def load(path: Path, folder: Path, connection: duckdb.DuckDBPyConnection, report: Report, settings: Settings) -> bool:
    """Loads the zip's files as tables (named as the files) and applies every rule. True when nothing rejects it."""
    unpacked = container.unpack(path, folder, report, settings.zip_max_bytes)
    if unpacked is None:
        return False
    for statement in privacy.macros(privacy.pii_key(settings)):
        connection.execute(statement)
    _load_seeds(connection)
    loaded = set()
    unreadable = {finding.file for finding in report.findings if finding.rule == "encoding-utf8"}
    for name, file in unpacked.files.items():
        if name != "manifest.csv" and name not in unreadable and _load_file(name, file, connection, report):
            loaded.add(name)
    apply_rules(loaded, connection, report)
    return report.verdict != "rejected"


def _load_seeds(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("create table seed_roles (role varchar, is_staff boolean)")
    connection.executemany("insert into seed_roles values (?, ?)", list(schema.roles().items()))
    connection.execute("create table seed_org_types (org_type varchar)")
    connection.executemany("insert into seed_org_types values (?)", [(name,) for name in schema.org_types()])
    connection.execute("create table seed_grade_aliases (grade_alias varchar)")
    connection.executemany("insert into seed_grade_aliases values (?)", [(name,) for name in schema.grade_aliases()])


def _check_header(name: str, found: list[str], report: Report) -> bool:
    """Findings on the header of one file; True when its standard columns can be read."""
    standard = [column.name for column in schema.oneroster_files()[name]]
    before = len(report.findings)
    required = standard
    if name == "users.csv" and "enabledUser" not in found and not csvfile.near("enabledUser", found):
        report.add("user-enabled-column", name, 1, "enabledUser")
        required = [column for column in standard if column != "enabledUser"]
    csvfile.check_names("header-exact", name, found, required, report)
    if len(report.findings) > before:
        return False
    ordered = [column for column in found if column in standard]
    if ordered != standard:
        first = next(a for a, b in zip(ordered, standard, strict=True) if a != b)
        report.add("header-order", name, 1, first)
    for column in found:
        if column not in standard and not column.startswith("metadata."):
            report.add("header-unknown", name, 1, column)
    return True


def _load_file(name: str, file: Path, connection: duckdb.DuckDBPyConnection, report: Report) -> bool:
    found = csvfile.header(file)
    if not found or not _check_header(name, found, report):
        return False
    columns = schema.oneroster_files()[name]
    source = csvfile.source(file, found, [column.name for column in columns])
    if name == "users.csv":
        select = _minimised_users()
    elif all(column.kept == "nobody" for column in columns):
        # Checked for its form, and never stored.
        select = ""
    else:
        select = ", ".join(f'"{column.name}"' for column in columns)
    table = schema.table_name(name)
    if select:
        return csvfile.load_table(name, table, select, source, connection, report)
    connection.execute(f"select count(*) from {source}").fetchall()
    csvfile.add_unreadable(name, connection, report)
    return False


def _minimised_users() -> str:
    staff = "trim(role) in (select role from seed_roles where is_staff)"
    fields = []
    for column in schema.oneroster_files()["users.csv"]:
        if column.kept == "everyone":
            fields.append(f'"{column.name}"')
        elif column.kept == "staff":
            fields.append(f'case when {staff} then "{column.name}" end as "{column.name}"')
    return ", ".join(
        [
            *fields,
            "keyed_hash(sourcedId) as sourced_id_hash",
            "keyed_hash(identifier) as identifier_hash",
            "keyed_hash(lower(email)) as email_hash",
            "keyed_hash(lower(username)) as username_hash",
            "nullif(regexp_extract(lower(trim(email)), '@([^@]+)$', 1), '') as email_domain",
            "concat(givenName, familyName, middleName, phone, sms) <> '' as _has_contact",
        ]
    )


def apply_rules(loaded: set[str], connection: duckdb.DuckDBPyConnection, report: Report) -> None:
    """Runs every rule on rows whose files are there; rows that break an `error` rule go to the table `set_aside`."""
    connection.execute("create table set_aside (file_name varchar, row_number bigint)")
    for rule in RULES.values():
        needs = {rule.file, "orgs.csv"} if rule.id == "user-orgs-resolve" else {rule.file}
        if not rule.sql or not needs <= loaded:
            continue
        if report.add_rows(rule.id, rule.file, connection, rule.sql) and rule.severity == Severity.ERROR:
            connection.execute(
                f"insert into set_aside select {quote(rule.file)}, row_number from ({rule.sql}) where row_number is not null"
            )


def append(
    loaded: list[str],
    table_folder: str,
    key: str,
    incoming: lake.Incoming,
    settings: Settings,
    delivery_date: date,
    arrived_at: datetime,
) -> Changes:
    """Appends to the lake what differs between the loaded tables and the district's last state of each."""
    total = Changes()
    connection = incoming.connection
    for name in loaded:
        table = schema.table_name(name)
        lake_table = f"{table_folder}/{table}"
        columns = [c for c in schema.lake_tables()[lake_table] if c not in schema.CHANGE_COLUMNS]
        fields = ", ".join(f'"{column}"' for column in columns)
        rows = f"""select {fields}, _row_number from "{table}"
            where _row_number not in (select row_number from set_aside where file_name = {quote(name)})"""
        stamp = (
            f"timestamp {quote(delivery_date)} as _effective_at, timestamp {quote(arrived_at)} as _arrived_at, "
            f"{quote(incoming.delivery_id)} as _delivery_id"
        )
        (delivered,) = connection.execute(f'select count(*) from "{table}"').fetchone()
        (set_aside,) = connection.execute(
            f"select count(distinct row_number) from set_aside where file_name = {quote(name)}"
        ).fetchone()
        total.delivered += delivered
        total.set_aside += set_aside
        past = lake.files(settings, lake_table, incoming.district_id)
        if not past:
            total.added += incoming.write(lake_table, f"select *, 'upsert' as _op, {stamp} from ({rows})")
            continue
        same = " and ".join(f'new."{column}" is not distinct from old."{column}"' for column in columns)
        connection.execute(
            f"""create or replace temp table change as
            with old as (
                select * from {lake.read(past)}
                qualify row_number() over (
                    partition by trim("{key}") order by _effective_at desc, _arrived_at desc, _delivery_id desc
                ) = 1
            ),
            state as (select * from old where _op = 'upsert'),
            new as ({rows})
            select {", ".join(f'new."{column}"' for column in columns)}, new._row_number, 'upsert' as _op,
                old."{key}" is null as is_added
            from new left join state as old on trim(new."{key}") = trim(old."{key}")
            where old."{key}" is null or not ({same})
            union all by name
            select state."{key}", 'delete' as _op, false as is_added
            from state where trim("{key}") not in (select trim("{key}") from new)"""
        )
        added, changed, removed = connection.execute(
            """select count(*) filter (_op = 'upsert' and is_added), count(*) filter (_op = 'upsert' and not is_added),
            count(*) filter (_op = 'delete') from change"""
        ).fetchone()
        incoming.write(lake_table, f"select * exclude (is_added), {stamp} from change")
        total.added, total.changed, total.removed = (
            total.added + added,
            total.changed + changed,
            total.removed + removed,
        )
    return total
