"""CSV files as DuckDB reads them: every column varchar, headers checked by name first."""

from __future__ import annotations

import csv
import difflib
import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

import duckdb

from rollcall.intake.findings import Report
from rollcall.intake.lake import quote


def header(file: Path) -> list[str]:
    """The fields of the first record. An unreadable one is an empty list: `csv-readable` then names its line."""
    opener = gzip.open if file.suffix == ".gz" else open
    try:
        with opener(file, "rt", newline="", encoding="utf-8-sig", errors="replace") as stream:
            return next(csv.reader(stream), [])
    except (csv.Error, OSError, EOFError, zlib.error):
        return []


def must_inflate(file: Path) -> None:
    """Raises what is wrong with the beginning of a compressed file."""
    with gzip.open(file) as stream:
        stream.read(1 << 16)


def plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def near(name: str, candidates: Sequence[str]) -> str | None:
    """The candidate that `name` was meant to be, if one is near enough to say so."""
    same = [candidate for candidate in candidates if plain(candidate) == plain(name)]
    return (same or difflib.get_close_matches(name, candidates, 1, 0.8) or [None])[0]


def check_names(rule: str, file: str, found: Sequence[str], required: Sequence[str], report: Report) -> set[str]:
    """Adds a finding for each required column that is absent (naming a near miss) or doubled. Returns the absent ones."""
    spare = [name for name in found if name not in required]
    absent = [name for name in required if name not in found]
    for name in absent:
        if miss := near(name, spare):
            spare.remove(miss)
            wrong, advice = f"the column '{miss}' must be spelled '{name}'", f"'{name}', not '{miss}'"
            report.add(rule, file, 1, name, miss, wrong, advice=advice)
        else:
            report.add(rule, file, 1, name, None, f"the column '{name}' is missing", advice=f"add '{name}'")
    for name in sorted({name for name in found if name in required and found.count(name) > 1}):
        wrong = f"the column '{name}' is there {found.count(name)} times"
        report.add(rule, file, 1, name, name, wrong, advice=f"keep one '{name}'")
    return set(absent)


def source(file: Path, found: Sequence[str], wanted: Sequence[str]) -> str:
    """The FROM clause that reads the `wanted` columns of `file`, whose header is `found`.

    A column that nobody wants, or that comes again, gets a name of its own: blank and doubled ones are no names to DuckDB.
    A bad record is set aside in `reject_errors`.
    """
    names = [
        name if name in wanted and name not in found[:position] else f"_unread_{position}"
        for position, name in enumerate(found)
    ]
    fields = ", ".join(f"{quote(name)}: 'VARCHAR'" for name in names)
    return (
        f"read_csv({quote(file)}, columns = {{{fields}}}, auto_detect = false, header = true, delim = ',', "
        "quote = '\"', escape = '\"', strict_mode = true, null_padding = false, store_rejects = true)"
    )


_REASONS = {
    "MISSING COLUMNS": "it has fewer fields than the header",
    "TOO MANY COLUMNS": "it has more fields than the header",
    "UNQUOTED VALUE": "a quote is opened and not closed, or stands inside an unquoted value",
    "LINE SIZE OVER MAXIMUM": "it is longer than 2 MB",
    "INVALID ENCODING": "it is not valid UTF-8",
}


def add_unreadable(file: str, connection: duckdb.DuckDBPyConnection, report: Report) -> bool:
    """Turns DuckDB's rejects into findings, without the content of the line, which may hold a student's name."""
    found = connection.execute(
        "select line, min(error_type::varchar) from reject_errors group by line order by line limit 20"
    ).fetchall()
    (total,) = connection.execute("select count(distinct line) from reject_errors").fetchone()
    for line, kind in found:
        report.add("csv-readable", file, line, detail=_REASONS.get(kind, kind.lower()))
    if total > len(found):
        report.add("csv-readable", file, detail=f"and {total - len(found)} more lines", count=total - len(found))
    connection.execute("drop table if exists reject_errors; drop table if exists reject_scans")
    return bool(total)


def load_table(
    name: str,
    table: str,
    select: str,
    source_: str,
    connection: duckdb.DuckDBPyConnection,
    report: Report,
    kept: str = "",
) -> bool:
    """Loads a CSV as `table` with `_row_number` as a spreadsheet counts, and all rows as `_table`, `kept` or not.

    False when a record cannot be read.
    """
    connection.execute(f'create table "_{table}" as select {select} from {source_}')
    # A table keeps the order of the file, so its row id is the record number; the header is record 1.
    connection.execute(
        f'create view "{table}" as select *, rowid + 2 as _row_number from "_{table}"{" where " + kept if kept else ""}'
    )
    return not add_unreadable(name, connection, report)
