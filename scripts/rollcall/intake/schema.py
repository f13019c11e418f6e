"""The columns of the lake, and the OneRoster headers they come from (read from `seeds/`, where they are defined)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache

from rollcall.settings import PROJECT


@dataclass(frozen=True)
class Column:
    """One column of one OneRoster file, and whose values of it are kept: `everyone`, `staff` or `nobody`.

    `refers_to` is the file whose sourcedId its value, or each item of it, must be.
    """

    name: str
    kept: str
    data_type: str
    is_required: bool
    is_list: bool
    refers_to: str | None


def _seed(name: str) -> list[dict[str, str]]:
    with (PROJECT / "seeds" / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


ONEROSTER_VERSIONS = ("1.1", "1.2")
# Files of 1.2's gradebook whose columns are not checked: known, and not read.
ONEROSTER_UNREAD = (
    "lineItemLearningObjectiveIds.csv",
    "lineItemScoreScales.csv",
    "resultLearningObjectiveIds.csv",
    "resultScoreScales.csv",
    "scoreScales.csv",
)


@cache
def oneroster_files(version: str) -> dict[str, list[Column]]:
    """Columns by file name, in the standard's order."""
    files: dict[str, list[Column]] = {}
    for row in sorted(_seed("oneroster_columns"), key=lambda row: int(row["position"])):
        if row["oneroster_version"] == version:
            column = Column(
                row["column_name"],
                row["kept"],
                row["data_type"],
                row["requirement"] == "yes",
                row["is_list"] == "true",
                row["reference_target"].partition(".")[0] or None,
            )
            files.setdefault(row["file_name"], []).append(column)
    return files


@cache
def oneroster_file_names() -> tuple[str, ...]:
    """Every file that a version of the standard knows."""
    names = dict.fromkeys(name for version in ONEROSTER_VERSIONS for name in oneroster_files(version))
    return (*names, *ONEROSTER_UNREAD)


@cache
def roles(version: str) -> dict[str, bool]:
    """Role of a version of the standard → is it staff, whose name and e-mail are kept?"""
    return {row["role"]: row["is_staff"] == "true" for row in _seed("roles") if row["oneroster_version"] == version}


@cache
def role_aliases() -> dict[str, str]:
    """What templates call a role, in lower case → the role."""
    return {row["role_alias"]: row["role"] for row in _seed("role_aliases")}


@cache
def vocabulary(version: str, data_type: str) -> list[str]:
    """The values of an enumeration; empty for what is none, or has a seed of its own."""
    return [
        row["value"]
        for row in _seed("oneroster_vocabularies")
        if (row["oneroster_version"], row["data_type"]) == (version, data_type)
    ]


@cache
def product_statuses() -> tuple[str, ...]:
    return tuple(row["product_status"] for row in _seed("product_statuses"))


@cache
def org_types() -> tuple[str, ...]:
    return tuple(row["org_type"] for row in _seed("org_types"))


@cache
def grade_aliases() -> dict[str, str]:
    return {row["grade_alias"]: row["grade_code"] for row in _seed("grade_aliases")}


USER_HASHES = ("sourced_id_hash", "identifier_hash", "email_hash", "username_hash", "email_domain")
CHANGE_COLUMNS = {
    "_op": "varchar",
    "_effective_at": "timestamp",
    "_arrived_at": "timestamp",
    "_delivery_id": "varchar",
    "_row_number": "bigint",
}


def table_name(file_name: str) -> str:
    """`academicSessions.csv` → `academicSessions`, the name of its folder in the lake."""
    return file_name.removesuffix(".csv")


# What names a row of a table of the change log, by the table's folder.
KEYS = {"oneroster": "sourcedId", "templates": "row_key", "inventory": "product_id"}


@cache
def lake_tables() -> dict[str, dict[str, str]]:
    """Every table of the lake: folder → column → DuckDB type. `district_id` (and `usage_date`) come from the path."""
    tables = {}
    kept: dict[str, dict[str, str]] = {}
    for version in ONEROSTER_VERSIONS:
        for file_name, columns in oneroster_files(version).items():
            of_file = kept.setdefault(file_name, {})
            of_file |= {column.name: "varchar" for column in columns if column.kept != "nobody"}
    kept["users.csv"] |= dict.fromkeys(USER_HASHES, "varchar")
    for file_name, of_file in kept.items():
        if of_file:
            tables[f"oneroster/{table_name(file_name)}"] = of_file | CHANGE_COLUMNS
    for kind, columns in TEMPLATE_COLUMNS.items():
        of_kind = {column: "varchar" for column in columns if column not in UNKEPT_OF_STUDENTS or kind != "students"}
        tables[f"templates/{kind}"] = (
            {"row_key": "varchar"} | of_kind | dict.fromkeys(TEMPLATE_HASHES, "varchar") | CHANGE_COLUMNS
        )
    tables["templates/schools"] = {
        "template": "varchar",
        "school_id": "varchar",
        "school_name": "varchar",
        "row_count": "bigint",
        "_delivery_id": "varchar",
    }
    tables["extension/page_loads"] = {
        "event_key": "ubigint",
        "identity_key": "bigint",
        "host": "varchar",
        "path_prefix": "varchar",
        "occurred_at": "timestamp",
        "duration_seconds": "double",
    }
    tables["extension/identities"] = {
        "identity_key": "bigint",
        "user_id_hash": "varchar",
        "email_hash": "varchar",
        "local_part_hash": "varchar",
        "email_domain": "varchar",
        "_delivery_id": "varchar",
    }
    tables["extension/hosts"] = {"host": "varchar", "path_prefix": "varchar", "_delivery_id": "varchar"}
    tables["inventory/products"] = {column: "varchar" for column in PRODUCT_COLUMNS} | CHANGE_COLUMNS
    tables["deliveries"] = {
        "delivery_id": "varchar",
        "delivery_kind": "varchar",
        "file_name": "varchar",
        "content_sha256": "varchar",
        "delivery_date": "date",
        "arrived_at": "timestamp",
        "verdict": "varchar",
        "rows_delivered": "bigint",
        "rows_set_aside": "bigint",
        "rows_added": "bigint",
        "rows_changed": "bigint",
        "rows_removed": "bigint",
        "findings": "bigint",
        "full_tables": "varchar",
        "decided_by": "varchar",
        "decided_why": "varchar",
        "district_name": "varchar",
        "time_zone": "varchar",
        "email_domains": "varchar",
    }
    tables["rule_results"] = {
        "delivery_id": "varchar",
        "rule_id": "varchar",
        "severity": "varchar",
        "file_name": "varchar",
        "column_name": "varchar",
        "finding_count": "bigint",
        "row_number": "bigint",
        "message": "varchar",
        "fix": "varchar",
    }
    return tables


TEMPLATE_COLUMNS = {
    "educators": (
        "sis_id",
        "first_name",
        "last_name",
        "email",
        "role",
        "school_id",
        "school_name",
        "grade_level",
    ),
    "students": ("sis_id", "first_name", "last_name", "email", "school_id", "school_name", "grade_level"),
    "members": ("first_name", "last_name", "email", "role"),
}
# A member file adds to the list; `tobedeleted` as the optional status takes somebody off it.
MEMBER_OPTIONAL = ("status", "changed_at")
UNKEPT_OF_STUDENTS = ("first_name", "last_name", "email")
TEMPLATE_HASHES = ("sis_id_hash", "email_hash", "email_domain")
USAGE_COLUMNS = ("occurred_at", "user_email", "user_id", "url", "duration_seconds", "event_id", "collector")
PRODUCT_COLUMNS = (
    "product_id",
    "product_name",
    "provider",
    "url",
    "sector",
    "essential_function",
    "product_status",
    "privacy_status",
)
