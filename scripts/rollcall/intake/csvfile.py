"""CSV files as DuckDB reads them: every column varchar, headers checked by name first."""

from __future__ import annotations

import codecs
import csv
import difflib
import gzip
import io
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from rollcall.files import quote
from rollcall.intake.observed import Column, Line, Observed
from rollcall.settings import Settings
from rollcall.text import plain

MAX_EXPANSION = 100


_HEADER_BYTES = 64 * 2**10  # enough to recognize a file by; more than the settings allow is never read as a header
_GZ_FLOOR = 2**26  # a short, repetitive file may compress better than 100:1 and is no bomb
_CHUNK = 2**20


def header(file: Path, most_bytes: int = _HEADER_BYTES) -> list[str]:
    """The fields of the first record, as far as `most_bytes` go.

    An unreadable one is an empty list: `csv-readable` then names its line.
    """
    return _first_record(file, most_bytes)[0]


def _first_record(file: Path, most_bytes: int) -> tuple[list[str], int]:
    """(the fields of the first record, how many bytes were read for them: more than `most_bytes` where it is longer)."""
    opener = gzip.open if file.suffix.lower() == ".gz" else open
    try:
        with opener(file, "rb") as stream:
            start = stream.read(most_bytes + 1)
        text = io.StringIO(start.decode("utf-8-sig", errors="replace"), newline="")
        fields = next(csv.reader(text), [])
    except (csv.Error, OSError, EOFError, zlib.error):
        return [], 0
    return fields, len(start) if not text.read(1) else min(len(start), most_bytes)


def usable_header(file: Path, observed: Observed, settings: Settings) -> list[str] | None:
    """The fields of the first record. None where the file is larger or wider than the settings allow."""
    if file.suffix.lower() == ".gz" and not _inflates_within_limits(file, observed, settings.gz_max_bytes):
        return None
    found, bytes_read = _first_record(file, settings.header_max_bytes)
    if not observed.fits(file.name, "header bytes", bytes_read, settings.header_max_bytes):
        return None
    if observe_separator(file, found, observed):
        return None
    return found if has_usable_width(file, found, observed, settings) else None


_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def observe_separator(file: Path, found: Sequence[str], observed: Observed) -> bool:
    """Notes what separates the columns, where that is no comma: the header is then read as one column.

    Bytes that are no text, such as those of a workbook, have no columns at all.
    """
    if len(found) != 1 or any(sign < " " and not sign.isspace() for sign in found[0]):
        return False
    if (sign := max(_SEPARATORS, key=found[0].count)) not in found[0]:
        return False
    observed.file(file.name).separator = _SEPARATORS[sign]
    return True


def observe_unknown(file: Path, observed: Observed) -> None:
    """Notes why a file that seems to be a CSV has no header that can be read: it is empty, in UTF-16, or without commas."""
    if not file.name.lower().endswith((".csv", ".csv.gz", ".tsv", ".tab", ".txt")):
        return
    if file.suffix.lower() == ".gz":
        _must_inflate(file)
    with (gzip.open if file.suffix.lower() == ".gz" else open)(file, "rb") as stream:
        start = stream.read(2)
    if not start:
        note = observed.file(file.name)
        note.byte_count, note.is_inflated = 0, True
    elif start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        note = observed.file(file.name)
        note.undecodable_line, note.undecodable_byte = 1, f"0x{start[0]:02X}"
    else:
        observe_separator(file, header(file), observed)


def has_usable_width(file: Path, found: Sequence[str], observed: Observed, settings: Settings) -> bool:
    """Whether a file has no more columns than the settings allow."""
    return observed.fits(file.name, "columns", len(found), settings.columns_max)


def _inflates_within_limits(file: Path, observed: Observed, most_bytes: int) -> bool:
    """Whether a gzip file inflates to no more than it may.

    Nothing is written. A file that is too small to exceed any limit, at the 1032:1 that deflate reaches, is not inflated.
    """
    if file.stat().st_size * 1032 <= min(most_bytes, _GZ_FLOOR):
        return True
    size = packed_size = 0
    with file.open("rb") as packed, gzip.GzipFile(fileobj=packed) as stream:
        try:
            while size <= most_bytes and size <= max(_GZ_FLOOR, MAX_EXPANSION * packed_size):
                if not (chunk := stream.read(_CHUNK)):
                    break
                size, packed_size = size + len(chunk), packed.tell()
        except (OSError, EOFError, zlib.error):
            return True  # damaged: reading its rows says so
    if not observed.fits(file.name, "inflated bytes", size, most_bytes):
        return False
    return size <= _GZ_FLOOR or observed.fits(file.name, "expansion", -(-size // packed_size), MAX_EXPANSION)


def _must_inflate(file: Path) -> None:
    """Raises what is wrong with the beginning of a compressed file."""
    with gzip.open(file) as stream:
        stream.read(1 << 16)


def near(name: str, candidates: Sequence[str]) -> str | None:
    """The candidate that `name` was meant to be, if one is near enough to say so."""
    same = [candidate for candidate in candidates if plain(candidate) == plain(name)]
    return (same or difflib.get_close_matches(name, candidates, 1, 0.8) or [None])[0]


def observe_header(
    file: str,
    found: Sequence[str],
    standard: Sequence[str],
    observed: Observed,
    meant: Mapping[str, str] | None = None,
) -> bool:
    """Notes a header, and what is missing from it, naming a near miss. Whether every standard column is there, once.

    `meant` has the near miss of a column where more is known of it than its spelling.
    """
    places = {name: place for place, name in enumerate(standard, 1)}
    spare = [name for name in found if name not in places]
    observed.columns += [Column(file, place, name, places.get(name)) for place, name in enumerate(found, 1)]
    for name in standard:
        if name not in found:
            if (miss := near(name, spare) if meant is None else meant.get(name)) in spare:
                spare.remove(miss)
            observed.columns.append(Column(file, None, name, places[name], miss))
    note = observed.file(file)
    note.has_sound_header = all(found.count(name) == 1 for name in standard)
    return note.has_sound_header


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


_LINES = 10_000  # that are listed; the rest are counted
UNDECODABLE = "invalid encoding"  # what DuckDB says of a line that is not UTF-8


def observe_lines(file: str, connection: duckdb.DuckDBPyConnection, observed: Observed) -> bool:
    """Notes DuckDB's rejects, without the content of the line, which may hold a student's name. Whether there are any."""
    found = connection.execute(
        f"""with lines as (select line, lower(min(error_type::varchar)) as reason from reject_errors group by line),
        placed as (select line, reason, row_number() over (order by line) as place from lines where reason <> $1)
        select case when place <= {_LINES} then line end as line, reason, count(*) from placed group by all
        -- A file is in one encoding: what is wrong with one line is wrong with all of them.
        union all select min(line), reason, count(*) from lines where reason = $1 group by reason
        order by 1 nulls last, 2""",
        [UNDECODABLE],
    ).fetchall()
    observed.lines += [Line(file, line, reason, count) for line, reason, count in found]
    connection.execute("drop table if exists reject_errors; drop table if exists reject_scans")
    return bool(found)


def load_table(
    name: str,
    table: str,
    select: str,
    source_: str,
    connection: duckdb.DuckDBPyConnection,
    observed: Observed,
    kept: str = "",
    looked_up: str | None = None,
) -> bool:
    """Loads a CSV as `table` with `_row_number` as a spreadsheet counts, and all rows as `_table`, `kept` or not.

    Where `select` looks something up in another table, `looked_up` has the joins, blank for none but subqueries. False when a
    record cannot be read.
    """
    # A table keeps the order of the file, so its row id is the record number; the header is record 1.
    number = ", rowid + 2 as _row_number"
    if looked_up is None:
        connection.execute(f'create table "_{table}" as select {select} from {source_}')
    else:
        # A join hands rows on in any order, so the file is read and numbered before: what nobody wants of it is not.
        wanted = f"select columns(lambda name: not starts_with(name, '_unread_')) from {source_}"
        names = {column.lower() for column, *_ in connection.execute(f"describe {wanted}").fetchall()}
        # A column of the district's own may be called as the row id is: numbering takes longer then.
        own, place = (
            (", row_number() over () - 1 as _place", "_place") if "rowid" in names else ("", "delivered_rows.rowid")
        )
        connection.execute(f"create temp table delivered_rows as select *{own} from ({wanted})")
        connection.execute(
            f'create table "_{table}" as select {select}, {place} + 2 as _row_number from delivered_rows {looked_up}'
        )
        connection.execute("drop table delivered_rows")
        number = ""
    connection.execute(f'create view "{table}" as select *{number} from "_{table}"{" where " + kept if kept else ""}')
    return not observe_lines(name, connection, observed)
