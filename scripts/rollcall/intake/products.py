"""Product catalogs: a CSV that lists a district's inventory."""

from __future__ import annotations

from pathlib import Path

import duckdb

from rollcall.intake import csvfile, headers
from rollcall.intake.changes import Past, Table
from rollcall.intake.headers import Form
from rollcall.intake.observed import Observed
from rollcall.intake.oneroster import Given, Loaded
from rollcall.rules import schema


def load(path: Path, form: Form, connection: duckdb.DuckDBPyConnection, observed: Observed, past: Past) -> Loaded:
    """Loads the catalog as table `products`."""
    found = headers.read(path, form, observed, past.settings)
    if found is None:
        return Loaded()
    fields = ", ".join(f'"{column}"' for column in schema.PRODUCT_COLUMNS)
    if not csvfile.load_table(
        path.name, "products", fields, headers.source(path, found, schema.PRODUCT_COLUMNS), connection, observed
    ):
        return Loaded()
    return Loaded([Table("inventory", "products")], [Given("products", path.name)])
