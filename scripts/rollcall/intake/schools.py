"""Lists of schools: a CSV of the ids, names and other names of a district's schools."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb

from rollcall.dbt_macros import rendered
from rollcall.districts import Thresholds
from rollcall.intake import csvfile, headers
from rollcall.intake.changes import Past, Table
from rollcall.intake.headers import Form
from rollcall.intake.observed import Observed
from rollcall.intake.oneroster import Given, Loaded
from rollcall.rules import schema
from rollcall.settings import Settings

_LIST = "school_list"


def load(path: Path, form: Form, connection: duckdb.DuckDBPyConnection, observed: Observed, past: Past) -> Loaded:
    """Loads the list as table `school_list`, and what it calls each school as `school_names`."""
    found = headers.read(path, form, observed, past.settings)
    if found is None:
        return Loaded()
    fields = ", ".join([*schema.SCHOOL_COLUMNS, "trim(id) as row_key"])
    source = headers.source(path, found, schema.SCHOOL_COLUMNS)
    if not csvfile.load_table(path.name, _LIST, fields, source, connection, observed):
        return Loaded()
    connection.execute(
        f"""create table school_names as
        select row_key, _row_number, name, {rendered("plain_name", "name")} as plain
        from (
            select row_key, _row_number, unnest(list_prepend(trim(name), {rendered("split_items", "coalesce(aliases, '')", ";")})) as name
            from {_LIST}
        )
        where name <> ''"""
    )
    return Loaded([Table("templates", _LIST)], [Given(_LIST, path.name)])


# The orgs of a roster, and the schools of a list, as the macros of `macros/engine/schools.sql` take them.
_NO_SCHOOLS = """
create table delivered_orgs (district_id varchar, sourced_id varchar, identifier varchar, org_name varchar, is_active boolean);
create table listed (district_id varchar, sourced_id varchar, org_name varchar, aliases varchar, is_active boolean)
"""


def make_known(connection: duckdb.DuckDBPyConnection, past: Past, which: str = "true") -> bool:
    """Makes `known_orgs` and `listed_schools`, which templates are matched with. False where the district has neither orgs nor a list.

    `which` is a condition on the roster's orgs.
    """
    orgs, listed = past.state("oneroster/orgs", "sourcedId"), past.state(f"templates/{_LIST}", "row_key")
    if not (orgs or listed):
        return False
    connection.execute(_NO_SCHOOLS)
    if orgs:
        connection.execute(
            f"""insert into delivered_orgs
            select 'd', trim("sourcedId"), identifier, name, true from {orgs}
            where _op = 'upsert' and lower(trim(coalesce(status, ''))) <> 'tobedeleted' and ({which})"""
        )
    if listed:
        connection.execute(
            f"insert into listed select 'd', trim(id), trim(name), aliases, true from {listed} where _op = 'upsert'"
        )
    _list_schools(connection)
    _make_orgs(connection)
    return True


def _list_schools(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(f"create table listed_schools as {rendered('listed_schools', 'listed', 'delivered_orgs')}")


def _make_orgs(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """create table known_orgs as
        select *, sourced_id as "sourcedId" from (
            select * from delivered_orgs
            union all by name
            select district_id, sourced_id, org_name, is_active from listed_schools where basis = 'list'
        )"""
    )


def resolve_named(table: str, connection: duckdb.DuckDBPyConnection, past: Past) -> None:
    """Makes `known_schools` of a table whose column `school` names schools of the district, by id or name; nothing before it has any."""
    if not make_known(connection, past, "trim(type) = 'school'") and not _make_made(connection, past):
        return
    cells = f"select 'd' as district_id, _cell as cell, school as school_id, school as school_name from {table}"
    known = rendered("resolved_schools", f"({cells})", "known_orgs", "listed_schools")
    connection.execute(f"create table known_schools as {known}")


def named_schools(
    settings: Settings, district_id: str, names: Sequence[str]
) -> dict[str, tuple[str | None, str | None]]:
    """Ids or names of schools → (the id of the district's school, the closest names where there is none)."""
    with duckdb.connect() as connection:
        connection.execute("create table asked (school varchar, _cell varchar)")
        cell = rendered("school_cell", "$1", "$1")
        for name in names:
            connection.execute(f"insert into asked select $1, {cell}", [name])
        resolve_named("asked", connection, Past(settings, district_id, date.today(), Thresholds()))
        if not connection.execute("select 1 from duckdb_tables() where table_name = 'known_schools'").fetchall():
            return {}
        rows = connection.execute(
            """select asked.school, any_value(org_sourced_id), any_value(closest_names)
            from asked inner join known_schools on asked._cell = known_schools.cell
            group by asked.school having count(*) = 1"""
        ).fetchall()
    return {name: (id_, closest) for name, id_, closest in rows}


def _make_made(connection: duckdb.DuckDBPyConnection, past: Past) -> bool:
    """`make_known` of the schools that the newest templates make, where nothing else says which there are: as int_orgs__template_schools does."""
    if not past.files("templates/schools"):
        return False
    connection.execute(_NO_SCHOOLS)
    connection.execute(
        f"""create view made_cells as
        select 'd' as district_id, {rendered("school_cell", "school_id", "school_name")} as cell, school_id, school_name
        from (
            select * from {past.rows("templates/schools")}
            qualify _delivery_id = max(_delivery_id) over (partition by template)
        )"""
    )
    _list_schools(connection)
    items = rendered("resolved_schools", "made_cells", "delivered_orgs", "listed_schools")
    name = rendered("plain_name", "item_name")
    connection.execute(
        f"""insert into delivered_orgs
        with items as ({items}),
        by_id as (select item_id, coalesce(min(item_name), item_id) as item_name from items where item_id is not null group by item_id),
        by_name as (
            select 'school:' || {name} as item_id, min(item_name) as item_name from items
            where item_id is null and {name} not in (select {name} from by_id) group by {name}
        )
        select 'd', item_id, null, item_name, true from by_id union all select 'd', item_id, null, item_name, true from by_name"""
    )
    _make_orgs(connection)
    return True


def make_named(kind: str, cells: str, connection: duckdb.DuckDBPyConnection, past: Past) -> None:
    """Makes `named_schools`: what a template calls its schools, and the newest list of the other kind, where nobody says what is right."""
    connection.execute(_NO_SCHOOLS)
    _list_schools(connection)
    if past.files("templates/schools"):
        cell = rendered("school_cell", "school_id", "school_name")
        cells += f""" union all
            select template as district_id, {cell} as cell, school_id, school_name
            from (
                select * from {past.rows("templates/schools")} where template <> '{kind}'
                qualify _delivery_id = max(_delivery_id) over ()
            )"""
    items = rendered("resolved_schools", f"({cells})", "delivered_orgs", "listed_schools")
    connection.execute(
        f"""create table named_schools as
        select items.item_id as school_id, items.item_name as school_name, nullif(items.district_id, 'd') as of_template,
            {rendered("plain_name", "items.item_name")} as plain, min(template._row_number) as row_number
        from ({items}) as items left join template on items.district_id = 'd' and items.cell = template._cell
        group by all"""
    )
