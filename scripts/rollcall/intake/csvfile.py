"""CSV files as DuckDB reads them: every column varchar, headers checked by name first."""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import zlib
from collections.abc import Sequence
from pathlib import Path

import duckdb

from rollcall.files import quote
from rollcall.intake.findings import Report
from rollcall.settings import Settings

MAX_EXPANSION = 100


_HEADER_BYTES = 64 * 2**10  # enough to recognize a file by; more than the settings allow is never read as a header
_GZ_FLOOR = 2**26  # a short, repetitive file may compress better than 100:1 and is no bomb
_CHUNK = 2**20


def header(file: Path, most_bytes: int = _HEADER_BYTES) -> list[str]:
    """The fields of the first record, as far as `most_bytes` go.

    An unreadable one is an empty list: `csv-readable` then names its line.
    """
    return _first_record(file, most_bytes)[0]


def _first_record(file: Path, most_bytes: int) -> tuple[list[str], bool]:
    """(the fields of the first record, whether it is longer than `most_bytes`)."""
    opener = gzip.open if file.suffix.lower() == ".gz" else open
    try:
        with opener(file, "rb") as stream:
            start = stream.read(most_bytes + 1)
        text = io.StringIO(start.decode("utf-8-sig", errors="replace"), newline="")
        fields = next(csv.reader(text), [])
    except (csv.Error, OSError, EOFError, zlib.error):
        return [], False
    return fields, len(start) > most_bytes and not text.read(1)


def usable_header(file: Path, report: Report, settings: Settings) -> list[str] | None:
    """The fields of the first record. None, with a finding, where the file is larger or wider than the settings allow."""
    if file.suffix.lower() == ".gz" and (excess := _inflates_to_too_much(file, settings.gz_max_bytes)):
        report.add("file-within-limits", file.name, detail=excess)
        return None
    found, is_longer = _first_record(file, settings.header_max_bytes)
    if is_longer:
        detail = f"its header line is longer than {settings.header_max_bytes:,} bytes (ROLLCALL_HEADER_MAX_BYTES)"
        report.add("file-within-limits", file.name, 1, detail=detail)
        return None
    return found if has_usable_width(file, found, report, settings) else None


def has_usable_width(file: Path, found: Sequence[str], report: Report, settings: Settings) -> bool:
    """Whether a file has no more columns than the settings allow; adds a finding where it has."""
    if len(found) > settings.columns_max:
        detail = f"it has {len(found):,} columns, more than {settings.columns_max:,} (ROLLCALL_COLUMNS_MAX)"
        report.add("file-within-limits", file.name, 1, detail=detail)
    return len(found) <= settings.columns_max


def _inflates_to_too_much(file: Path, most_bytes: int) -> str | None:
    """What is wrong with the size of a gzip file, if anything is.

    Nothing is written. A file that is too small to exceed any limit, at the 1032:1 that deflate reaches, is not inflated.
    """
    if file.stat().st_size * 1032 <= min(most_bytes, _GZ_FLOOR):
        return None
    size = 0
    with file.open("rb") as packed, gzip.GzipFile(fileobj=packed) as stream:
        try:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                if size > most_bytes:
                    return f"it inflates to more than {most_bytes:,} bytes (ROLLCALL_GZ_MAX_BYTES)"
                if size > max(_GZ_FLOOR, MAX_EXPANSION * packed.tell()):
                    return f"it inflates to more than {MAX_EXPANSION} times its size"
        except (OSError, EOFError, zlib.error):
            return None  # damaged: reading its rows says so
    return None


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
    first = {name: position for position, name in reversed(list(enumerate(found)))}
    names = [
        name if name in wanted and first[name] == position else f"_unread_{position}"
        for position, name in enumerate(found)
    ]
    fields = ", ".join(f"{quote(name)}: 'VARCHAR'" for name in names)
    return (
        f"read_csv({quote(file)}, columns = {{{fields}}}, auto_detect = false, header = true, delim = ',', "
        "quote = '\"', escape = '\"', strict_mode = true, null_padding = false, store_rejects = true, hive_partitioning = false)"
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
