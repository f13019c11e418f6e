"""Right people, right dates, right products: what a delivery says of a person, held to what is kept and counted."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb

import roster
from rollcall.intake import privacy
from rollcall.intake.take import Outcome
from rollcall.rules import schema

DOCS, PATH = "https://docs.google.com/forms/x", "/forms"


def catalog(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, schema.PRODUCT_COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(
            {"product_id": id_, "product_name": id_, "url": url, "product_status": "Approved"}
            for id_, url in (("P1", "https://docs.google.com/forms"), ("P2", "https://docs.google.com"))
        )
    return file


def taken(house) -> list[Outcome]:
    privacy.pii_key(house.settings)  # as a refresh does before its first delivery
    return house.take()


def lake_rows(house, table: str, sql: str) -> list[tuple]:
    files = [str(file) for file in (house.lake / table).rglob("*.parquet") if "district_id=_" not in str(file)]
    return duckdb.connect().execute(sql, [files]).fetchall() if files else []


def test_a_catalog_of_today_holds_for_the_use_of_before_that_comes_with_it(house):
    folder = house.landing / "d"
    roster.usage(folder / "usage_2020-10-01.csv", [("2020-10-01T09:00:00Z", "x@d.example", DOCS)])
    catalog(folder / "products.csv")
    assert {outcome.verdict for outcome in taken(house)} == {"accepted"}
    assert lake_rows(house, "extension/page_loads", "select path_prefix from read_parquet($1)") == [(PATH,)]
