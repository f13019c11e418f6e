"""The columns of the lake, and the OneRoster headers they come from (read from `seeds/`, where they are defined)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache

from rollcall.settings import PROJECT


@dataclass(frozen=True)
class Column:
    """One column of one OneRoster file, and whose values of it are kept: `everyone`, `staff` or `nobody`."""

    name: str
    kept: str


def _seed(name: str) -> list[dict[str, str]]:
    with (PROJECT / "seeds" / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@cache
def oneroster_files(version: str = "1.1") -> dict[str, list[Column]]:
    """Columns by file name, in the standard's order."""
    files: dict[str, list[Column]] = {}
    for row in sorted(_seed("oneroster_columns"), key=lambda row: int(row["position"])):
        if row["oneroster_version"] == version:
            files.setdefault(row["file_name"], []).append(Column(row["column_name"], row["kept"]))
    return files


@cache
def roles() -> dict[str, bool]:
    """Role of the standard → is it staff, whose name and e-mail are kept?"""
    return {row["role"]: row["is_staff"] == "true" for row in _seed("roles")}


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


@cache
def lake_tables() -> dict[str, dict[str, str]]:
    """Every table of the lake: folder → column → DuckDB type. `district_id` (and `usage_date`) come from the path."""
    tables = {}
    for file_name, columns in oneroster_files().items():
        kept = {column.name: "varchar" for column in columns if column.kept != "nobody"}
        if kept:
            if file_name == "users.csv":
                kept |= dict.fromkeys(USER_HASHES, "varchar")
            tables[f"oneroster/{table_name(file_name)}"] = kept | CHANGE_COLUMNS
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
        "message": "varchar",
        "fix": "varchar",
    }
    return tables


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
