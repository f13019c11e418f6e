"""Students are never named: who is one, by what the district's lake and the delivery at hand say, and what was kept of their names goes.

A person is a student if any row says so: by their id in the same list, or by their address in any list.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import duckdb

from rollcall.districts import Extensions
from rollcall.files import quote
from rollcall.intake import lake
from rollcall.intake.changes import Past
from rollcall.intake.extensions import COLUMN, has_more_than
from rollcall.intake.lake_tables import KEYS, lake_tables
from rollcall.settings import Settings

# What names people, in each of the lake's tables of them; and the column that one list knows a person by.
_NAMED = {
    "oneroster/users": (("username", "givenName", "familyName", "middleName", "email"), "sourcedId"),
    "templates/educators": (("first_name", "last_name", "email"), "sis_id"),
    "templates/access_list": (("email",), None),
    "templates/members": (("first_name", "last_name", "email"), None),
    "templates/students": ((), "sis_id"),
}
_HOLDS = "_op = 'upsert' and lower(trim(coalesce({status}, ''))) <> 'tobedeleted'"


def is_student(role: str) -> str:
    """A SQL expression: whether a role, be it one that the standard does not have, is that of a student."""
    return (
        f"coalesce(regexp_replace(lower(trim({role})), '^ext:\\s*', '') in "
        "(select role_alias from seed_role_aliases where standard_role = 'student'), false)"
    )


def _of_lake(past: Past, but: Collection[str] = ()) -> list[str]:
    """Queries of the students (list, id, email_hash) that the lake has now, those of the tables `but` left out."""
    parts = []
    if "oneroster/users" not in but and past.files("oneroster/users"):
        says_so = is_student("role")
        if past.files("oneroster/roles"):
            holds = _HOLDS.format(status="status")
            says_so += f""" or trim("sourcedId") in (
                select trim("userSourcedId") from {past.latest("oneroster/roles", "sourcedId")} where {holds} and {is_student("role")}
            )"""
        parts.append(
            f"""select 'oneroster/users' as list, trim("sourcedId") as id, email_hash
            from {past.latest("oneroster/users", "sourcedId")} where {_HOLDS.format(status="status")} and ({says_so})"""
        )
    for kind, says_so in (("students", "true"), ("educators", is_student("role"))):
        table = f"templates/{kind}"
        if table not in but and past.files(table):
            parts.append(
                f"""select '{table}' as list, trim(sis_id) as id, email_hash
                from {past.latest(table, "row_key")} where _op = 'upsert' and {says_so}"""
            )
    return parts


def make(
    connection: duckdb.DuckDBPyConnection,
    past: Past,
    own: Collection[str],
    said_anew: Collection[str],
    renewed: str | None = None,
) -> None:
    """Makes `district_students` (list, id, email_hash): those that the queries `own` have of the delivery, and those of the lake.

    Of the lake's tables `said_anew` the delivery is a full list; of OneRoster's users, `renewed` has those that it says anew.
    """
    kept = (
        f"""list <> 'oneroster/users' or id not in (select trim("sourcedId") from "{renewed}")""" if renewed else "true"
    )
    parts = [*own, *(f"select * from ({part}) where {kept}" for part in _of_lake(past, said_anew))]
    if past.until:
        # A backfill says nothing anew of who is a student by now.
        parts += _of_lake(replace(past, until=None))
    none = "select null::varchar as list, null::varchar as id, null::varchar as email_hash where false"
    connection.execute(f"create table district_students as {' union all '.join([none, *parts])}")


def is_known(list_: str, id_: str | None) -> str:
    """A SQL expression: whether a row is of someone in `district_students`, by its email_hash, or by its id in the same list."""
    by_id = f" or trim({id_}) in (select id from district_students where list = '{list_}' and id <> '')" if id_ else ""
    return (
        f"coalesce(email_hash in (select email_hash from district_students where email_hash is not null){by_id}, false)"
    )


def forget_names(settings: Settings, connection: duckdb.DuckDBPyConnection, district_id: str, kept: Extensions) -> bool:
    """Takes the names out of the lake that were kept of people who are in `district_students` now, and what else is of staff only.

    Returns whether there were any. For before the delivery that says so is compared with the lake. Killed on the way, the delivery is not in the lake, and the
    next refresh does it again.
    """
    replaced = None
    for table, (columns, id_) in _NAMED.items():
        files = lake.files(settings, table, district_id)
        if not files:
            continue
        key = KEYS[table.partition("/")[0]]
        own_columns = [has_more_than(kept.students)] if COLUMN in lake_tables()[table] else []
        is_named = " or ".join([*(f'"{column}" is not null' for column in columns), *own_columns])
        # By row: someone else may have the key of a row in another list, and a removed row has nothing but its key.
        connection.execute(
            f"""create or replace temp table named as
            select distinct "{key}" as key from {lake.read([*files, str(lake.empty_file(settings, table))])} where ({is_named}) and {is_known(table, id_)}"""
        )
        keys = f'"{key}" in (select key from named)'
        fields = [f'case when not ({keys}) then "{column}" end as "{column}"' for column in columns]
        if table == "templates/educators":
            # The key of such a row is made of the name too.
            fields.append(f"case when {keys} then keyed_hash(row_key) else row_key end as row_key")
        for file in files:
            rows = f"read_parquet({quote(file)}, hive_partitioning = false)"
            own = [f"case when not ({keys}) then {COLUMN} end as {COLUMN}"] if _has(connection, rows, COLUMN) else []
            if connection.execute(f"select count(*) from {rows} where {keys}").fetchone()[0]:
                replaced = replaced or lake.Replacing(settings, connection, district_id, lake.NAMES)
                replaced.replace(Path(file), f"select * replace ({', '.join([*fields, *own])}) from {rows}")
    if replaced:
        replaced.put_in()
    return replaced is not None


def _has(connection: duckdb.DuckDBPyConnection, rows: str, column: str) -> bool:
    """Whether a file of the lake has a column: older ones have fewer."""
    return column in {name for name, *_ in connection.execute(f"describe select * from {rows}").fetchall()}
