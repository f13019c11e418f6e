"""The tables that a check may look at, with their columns: what the intake makes of a delivery, and what it compares it with."""

from __future__ import annotations

from functools import cache

from rollcall.rules import schema

# The tables that rules look things up in, as `known_<table>`: all rows that hold once the delivery does.
KNOWN = ("orgs", "users", "roles", "academicSessions", "courses", "classes", "enrollments")
# The tables of which `before_<table>` and `after_<table>` are there too, where something was delivered before. What begins with
# `after_` is made once the rows that cannot be used are known, and is without them.
COMPARED = ("orgs", "users", "roles", "classes", "enrollments")

# What the intake observes before there are rows: of every delivery, be it readable or not.
OBSERVED = {
    # The delivered file: one row.
    "observed_container": {
        "file_name": "varchar",
        "kind": "varchar",  # oneroster, schools, educators, students, members, access, products, usage or unknown
        "delivery_date": "date",
        "today": "date",  # in the district's time zone
        "newest_applied": "date",  # of the deliveries of its kind that were applied; null where the order does not matter
        "blackout": "varchar",  # of district.toml, that the delivery's date is in
        "reading_error": "varchar",  # why reading it broke off
        "opening_error": "varchar",  # why it does not open as a zip
        "is_workbook": "boolean",  # of a spreadsheet program, whatever its name
        "is_loose_oneroster": "boolean",  # a CSV of OneRoster outside a zip
        "other_format": "varchar",  # whose files these are, where Rollcall knows and does not read them
        "other_remedy": "varchar",  # what to deliver instead of them
        "is_listed": "boolean",  # the entries of the zip are harmless enough to look at their names
        "is_unpacked": "boolean",  # every CSV was looked at, within the limits
        "has_manifest": "boolean",  # and it can be read
        "oneroster_version": "varchar",  # as which the zip was read
    },
    # An entry of a zip, but for those of file systems; or the file that comes by itself.
    "observed_file": {
        "file_name": "varchar",
        "path": "varchar",
        "quoted_path": "varchar",  # as it was written, in quotes, odd bytes as escapes
        "folder": "varchar",
        "standard_name": "varchar",  # the standard's file that it is, or is meant to be
        "hazard": "varchar",  # odd path, path upward, link, archive or repeated path
        "is_encrypted": "boolean",
        "is_inflated": "boolean",
        "byte_count": "bigint",  # null where it was not inflated
        "damage": "varchar",  # why it does not inflate
        "byte_order_mark": "varchar",
        "undecodable_line": "bigint",  # the first that is not UTF-8
        "undecodable_byte": "varchar",
        "syntax_error": "varchar",  # of a manifest.json
        "separator": "varchar",  # what separates the columns, where it is not a comma: semicolons, tabs or bars
        "has_sound_header": "boolean",  # every standard column once
        "is_after_bulk": "boolean",  # of a delta; null where nobody knows what was delivered before
    },
    # A size that is held to a limit; what exceeds it is not read any further.
    "observed_size": {
        "file_name": "varchar",
        "measure": "varchar",  # entries, unpacked bytes, manifest bytes, header bytes, columns, inflated bytes or expansion
        "size": "bigint",
        "most": "bigint",
    },
    # A column of a header; and one that is missing from it, which has no position.
    "observed_column": {
        "file_name": "varchar",
        "position": "bigint",
        "column_name": "varchar",
        "standard_position": "bigint",  # null of a column that is not the standard's, or the template's
        "misspelled": "varchar",  # the column of the header that a missing one seems to be
        "is_extension": "boolean",  # a column that district.toml names under [extensions]
    },
    # A property of the manifest.
    "observed_property": {"file_name": "varchar", "row_number": "bigint", "name": "varchar", "value": "varchar"},
    # A record that cannot be read, or `row_count` of them together, without what it says.
    "observed_line": {"file_name": "varchar", "row_number": "bigint", "reason": "varchar", "row_count": "bigint"},
}

_USER_FACTS = {
    "_has_good_email": "boolean",
    "_is_staff": "boolean",
    "_is_student_address": "boolean",
    "_role": "varchar",
    "_orgs": "varchar",
    "_has_contact": "boolean",
}
_ROW = {"_row_number": "bigint"}


@cache
def references(version: str) -> dict[str, dict[str, list]]:
    """What rules look up in `seeds/`: table → column → values."""
    roles, aliases, types = schema.roles(version), schema.role_aliases(), schema.user_types()
    files, required = schema.known_files(version), schema.ONEROSTER_REQUIRED.get(version, ())
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
        "seed_access_roles": {
            "access_role": list(schema.access_roles()),
            "place": [role.place for role in schema.access_roles().values()],
        },
        "seed_role_aliases": {"role_alias": list(aliases), "standard_role": list(aliases.values())},
        "seed_oneroster_files": {"file_name": list(files), "is_required": [name in required for name in files]},
        "seed_oneroster_names": {"file_name": list(schema.oneroster_file_names())},
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
    return (
        seeds
        | OBSERVED
        | {
            "delivery": {
                "delivery_date": "date",
                "removal_share": "double",
                "update_share": "double",
                "row_loss_share": "double",
            }
        }
    )


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
        facts = (
            _texts(*schema.TEMPLATE_HASHES, "row_key", "_role")
            | {"_has_good_email": "boolean", "_is_student_address": "boolean"}
            | _ROW
        )
        tables[kind] = _texts(*read, *schema.OPTIONAL_COLUMNS.get(kind, ())) | facts | _texts("_cell")
    tables["before_people"] = tables["after_people"] = _texts("id", "person")
    # How many rows each table was delivered with, how many of them cannot be used, and why.
    tables["after_rows"] = _texts("table_name", "cause") | dict.fromkeys(("delivered", "unusable"), "bigint")
    # What lists of educators and of students have in common.
    tables["template"] = {name: kind for name, kind in tables["educators"].items() if name in tables["students"]}
    for kind in ("educators", "students"):
        tables[f"before_{kind}"] = tables[f"after_{kind}"] = _texts("id")
    tables["known_schools"] = _texts("cell", "item_id", "item_name", "org_sourced_id", "match_type", "closest_names")
    tables["named_schools"] = _texts("school_id", "school_name", "of_template", "plain") | {"row_number": "bigint"}
    tables["school_list"] = _texts(*schema.SCHOOL_COLUMNS, "row_key") | _ROW
    tables["access_list"] = (
        _texts(*schema.ACCESS_COLUMNS, "email_hash", "row_key", "_cell")
        | {"_has_good_email": "boolean", "_is_student_address": "boolean"}
        | _ROW
    )
    tables["school_names"] = _texts("row_key", "name", "plain") | _ROW
    # The page loads that were set aside, and counts over all.
    tables["usage"] = _texts("occurred_at", "host") | {"is_timely": "boolean", "is_ahead": "boolean"} | _ROW
    tables["usage_counts"] = dict.fromkeys(
        ("delivered", "without_user", "repeated", "unusable_durations", "ahead"), "bigint"
    ) | _texts("now")
    tables["products"] = _texts(*schema.PRODUCT_COLUMNS) | _ROW
    return tables


@cache
def known() -> frozenset[str]:
    """The names of all tables that a check may look at."""
    return frozenset().union(*(always(version) | of_deliveries(version) for version in schema.ONEROSTER_VERSIONS))
