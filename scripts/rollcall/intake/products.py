"""Product catalogues: a CSV that lists a district's inventory."""

from __future__ import annotations

from pathlib import Path

import duckdb

from rollcall.intake import csvfile
from rollcall.intake.changes import Past, Table
from rollcall.intake.findings import Report
from rollcall.intake.oneroster import Given, apply_rules, load_seeds
from rollcall.rules import schema


def load(path: Path, connection: duckdb.DuckDBPyConnection, report: Report, past: Past) -> list[Table]:
    """Loads the catalogue as table `products` and applies its rules. The table to append, if accepted."""
    found = csvfile.usable_header(path, report, past.settings)
    if found is None or csvfile.check_names("product-header", path.name, found, schema.PRODUCT_COLUMNS, report):
        return []
    fields = ", ".join(f'"{column}"' for column in schema.PRODUCT_COLUMNS)
    if not csvfile.load_table(
        path.name, "products", fields, csvfile.source(path, found, schema.PRODUCT_COLUMNS), connection, report
    ):
        return []
    load_seeds(connection, "1.1")
    apply_rules([Given("products", path.name)], connection, report, past)
    return [Table("inventory", "products")]
