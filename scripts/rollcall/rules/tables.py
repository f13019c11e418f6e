"""The tables that a check may look at, with their columns: what the intake makes of a delivery, and what it compares it with."""

from __future__ import annotations

from functools import cache

from rollcall.rules import schema

# The tables that rules look things up in, as `known_<table>`: all rows that hold once the delivery does.
KNOWN = ("orgs", "users", "roles", "academicSessions", "courses", "classes", "enrollments")
# The tables of which `before_<table>` and `after_<table>` are there too, where something was delivered before. What begins with
# `after_` is made once the rows that cannot be used are known, and is without them.
COMPARED = ("orgs", "users", "roles", "classes", "enrollments")

_USER_FACTS = {
    "_has_good_email": "boolean",
    "_is_staff": "boolean",
    "_role": "varchar",
    "_orgs": "varchar",
    "_has_contact": "boolean",
}
_ROW = {"_row_number": "bigint"}


@cache
def references(version: str) -> dict[str, dict[str, list]]:
    """What rules look up in `seeds/`: table → column → values."""
    roles, aliases, types = schema.roles(version), schema.role_aliases(), schema.user_types()
    return {
        "seed_roles": {"role": list(roles), "is_staff": list(roles.values())},
        "seed_user_types": {
            "role": list(types),
            "user_type": [type_ for type_, _ in types.values()],
            "is_staff": [is_staff for _, is_staff in types.values()],
        },
        "seed_org_types": {"org_type": list(schema.org_types())},
        "seed_grade_aliases": {"grade_alias": list(schema.grade_aliases())},
        "seed_product_statuses": {"product_status": list(schema.product_statuses())},
        "seed_role_aliases": {"role_alias": list(aliases), "standard_role": list(aliases.values())},
    }


def _texts(*columns: str) -> dict[str, str]:
    return dict.fromkeys(columns, "varchar")


@cache
def always(version: str) -> dict[str, dict[str, str]]:
    """The tables that are there for every delivery."""
    seeds = {
        table: {name: "boolean" if name.startswith("is_") else "varchar" for name in columns}
        for table, columns in references(version).items()
    }
    return seeds | {
        "delivery": {
            "delivery_date": "date",
            "removal_share": "double",
            "update_share": "double",
            "row_loss_share": "double",
        }
    }


@cache
def of_deliveries(version: str) -> dict[str, dict[str, str]]:
    """Every table that some delivery has, or that is there for some to be compared with; OneRoster's as of a version."""
    tables: dict[str, dict[str, str]] = {}
    kept = schema.kept_columns()
    for file, columns in schema.oneroster_files(version).items():
        table = schema.table_name(file)
        read = [column.name for column in columns if schema.is_read(file, column)]
        if table == "users":
            tables[table] = _texts(*read, *schema.USER_HASHES) | _USER_FACTS | _ROW
        elif table != "manifest":
            tables[table] = _texts(*read) | _ROW
        if table in KNOWN:
            own = [column.name for column in columns if column.kept != "nobody"]
            tables[f"known_{table}"] = _texts(*own, *(schema.USER_HASHES if table == "users" else ()))
    # Of a table that this version does not have, an earlier delivery may have been of the one that has it.
    for table in KNOWN:
        tables.setdefault(f"known_{table}", _texts(*kept[table]))
    for table in COMPARED:
        tables[f"before_{table}"] = tables[f"after_{table}"] = _texts(*kept[table])
    for kind, names in schema.TEMPLATE_COLUMNS.items():
        read = [name for name in names if kind != "students" or name not in schema.UNKEPT_OF_STUDENTS]
        facts = _texts(*schema.TEMPLATE_HASHES, "row_key", "_role") | {"_has_good_email": "boolean"} | _ROW
        tables[kind] = _texts(*read) | facts | ({} if kind == "members" else _texts("_cell"))
    tables["before_people"] = tables["after_people"] = _texts("id", "person")
    # How many rows each table was delivered with, how many of them cannot be used, and why.
    tables["after_rows"] = _texts("table_name", "cause") | dict.fromkeys(("delivered", "unusable"), "bigint")
    # What lists of educators and of students have in common.
    tables["template"] = {name: kind for name, kind in tables["educators"].items() if name in tables["students"]}
    for kind in ("educators", "students"):
        tables[f"before_{kind}"] = tables[f"after_{kind}"] = _texts("id")
    tables["known_schools"] = _texts("cell", "item_id", "item_name", "org_sourced_id", "match_type", "closest_names")
    # The page loads that were set aside, and counts over all.
    tables["usage"] = _texts("occurred_at", "host") | {"is_timely": "boolean", "is_ahead": "boolean"} | _ROW
    tables["usage_counts"] = dict.fromkeys(
        ("delivered", "without_user", "repeated", "unusable_durations", "ahead"), "bigint"
    ) | _texts("now")
    tables["products"] = _texts(*schema.PRODUCT_COLUMNS) | _ROW
    return tables
