"""What a delivery has, in a line: people, schools, products or page loads that can be used, and the rows that cannot."""

from __future__ import annotations

import duckdb

from rollcall.intake.oneroster import Given

_PERSON = "count(distinct coalesce(nullif(trim(sis_id), ''), email_hash))"
_IS_STUDENT = "_role = 'student'"
# Table of a delivery → what is counted in its usable rows: (one, several, SQL).
_COUNTED = {
    "users": (
        ("student", "students", "count(*) filter (user_type = 'student')"),
        ("staff", "staff", "count(*) filter (is_staff)"),
    ),
    "orgs": (("school", "schools", "count(*) filter (trim(type) = 'school')"),),
    "students": (("student", "students", _PERSON),),
    "educators": (
        ("student", "students", f"{_PERSON} filter ({_IS_STUDENT})"),
        ("staff", "staff", f"{_PERSON} filter (not coalesce({_IS_STUDENT}, false))"),
    ),
    "members": (("member", "members", "count(distinct email_hash)"),),
    "school_list": (("school", "schools", "count(*)"),),
    "access_list": (("person with access", "people with access", "count(distinct email_hash)"),),
    "products": (("product", "products", "count(*)"),),
}


def said(given: list[Given], connection: duckdb.DuckDBPyConnection) -> str:
    """`5,120 students, 412 staff, 9 schools; 0 rows set aside`; without what a delivery does not list."""
    tables = [each.table for each in given]
    parts = []
    for table in (table for table in _COUNTED if table in tables):
        usable = f"""(select * from "{table}" where _row_number not in (select row_number from set_aside where table_name = '{table}'))"""
        if table == "users":
            usable = f"""(select types.user_type, types.is_staff from {usable} as people
                left join seed_user_types as types on people._role = types.role)"""
        for one, several, sql in _COUNTED[table]:
            (count,) = connection.execute(f"select {sql} from {usable}").fetchone()
            if count or one != "student" or table != "educators":
                parts.append(f"{count:,} {one if count == 1 else several}")
    if "template" in tables:
        schools = _schools(connection)
        parts.append(f"{schools:,} {'school' if schools == 1 else 'schools'}")
    aside = "(select count(*) from (select distinct table_name, row_number from set_aside))"
    if "usage_counts" in tables:
        (loads,) = connection.execute(f"select delivered - {aside} from usage_counts").fetchone()
        parts.append(f"{loads:,} page {'load' if loads == 1 else 'loads'}")
    (rows,) = connection.execute(f"select {aside}").fetchone()
    return f"{', '.join(parts)}; {rows:,} {'row' if rows == 1 else 'rows'} set aside"


def _schools(connection: duckdb.DuckDBPyConnection) -> int:
    """Schools that a template names."""
    known = connection.execute("select 1 from duckdb_tables() where table_name = 'known_schools'").fetchall()
    sql = (
        "select count(distinct org_sourced_id) from known_schools"
        if known
        else "select count(distinct coalesce(school_id, plain)) from named_schools where of_template is null"
    )
    (count,) = connection.execute(sql).fetchone()
    return count
