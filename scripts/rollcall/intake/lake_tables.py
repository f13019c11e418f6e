"""The columns and types of the lake's tables."""

from __future__ import annotations

from functools import cache

from rollcall.rules import schema

# What names a row of a table of the change log, by the table's folder.
KEYS = {"oneroster": "sourcedId", "templates": "row_key", "inventory": "product_id"}
CHANGE_COLUMNS = {
    "_op": "varchar",
    "_effective_at": "timestamp",
    "_arrived_at": "timestamp",
    "_delivery_id": "varchar",
    "_row_number": "bigint",
}


@cache
def lake_tables() -> dict[str, dict[str, str]]:
    """Every table of the lake: folder → column → DuckDB type. `district_id` (and `usage_date`) come from the path."""
    tables = {}
    for table, columns in schema.kept_columns().items():
        own = ("extensions",) if table in ("orgs", "users") else ()
        tables[f"oneroster/{table}"] = dict.fromkeys((*columns, *own), "varchar") | CHANGE_COLUMNS
    for kind, columns in schema.TEMPLATE_COLUMNS.items():
        of_kind = {
            column: "varchar" for column in columns if column not in schema.UNKEPT_OF_STUDENTS or kind != "students"
        }
        tables[f"templates/{kind}"] = (
            {"row_key": "varchar"}
            | of_kind
            | dict.fromkeys(schema.OPTIONAL_COLUMNS.get(kind, ()), "varchar")
            | dict.fromkeys((*schema.TEMPLATE_HASHES, "extensions"), "varchar")
            | CHANGE_COLUMNS
        )
    tables["templates/schools"] = {
        "template": "varchar",
        "school_id": "varchar",
        "school_name": "varchar",
        "row_count": "bigint",
        "_delivery_id": "varchar",
    }
    tables["templates/school_list"] = (
        {"row_key": "varchar"} | dict.fromkeys(schema.SCHOOL_COLUMNS, "varchar") | CHANGE_COLUMNS
    )
    tables["templates/access_list"] = (
        {"row_key": "varchar"} | dict.fromkeys((*schema.ACCESS_COLUMNS, "email_hash"), "varchar") | CHANGE_COLUMNS
    )
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
    tables["inventory/products"] = {column: "varchar" for column in schema.PRODUCT_COLUMNS} | CHANGE_COLUMNS
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
        "school_year_start": "varchar",
        "freshness_days": "varchar",
        "roster_grants_access": "boolean",
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
