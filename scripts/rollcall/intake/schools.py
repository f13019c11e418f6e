"""Lists of schools: a CSV of the ids, names and other names of a district's schools."""

from __future__ import annotations

from pathlib import Path

import duckdb

from rollcall.dbt_macros import rendered
from rollcall.intake import csvfile, headers
from rollcall.intake.changes import Past, Table
from rollcall.intake.headers import Form
from rollcall.intake.observed import Observed
from rollcall.intake.oneroster import Given, Loaded
from rollcall.rules import schema

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
    connection.execute(f"create table listed_schools as {rendered('listed_schools', 'listed', 'delivered_orgs')}")
    connection.execute(
        """create table known_orgs as
        select *, sourced_id as "sourcedId" from (
            select * from delivered_orgs
            union all by name
            select district_id, sourced_id, org_name, is_active from listed_schools where basis = 'list'
        )"""
    )
    return True


def make_named(kind: str, cells: str, connection: duckdb.DuckDBPyConnection, past: Past) -> None:
    """Makes `named_schools`: what a template calls its schools, and the newest list of the other kind, where nobody says what is right."""
    connection.execute(_NO_SCHOOLS)
    connection.execute(f"create table listed_schools as {rendered('listed_schools', 'listed', 'delivered_orgs')}")
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
