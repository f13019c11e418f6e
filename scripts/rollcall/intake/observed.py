"""What the intake finds out about a delivery before it has rows: of the file, of its entries, sizes, headers and manifest.

It is noted here as it is found, and becomes small tables that rules look at like any others. Nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import duckdb

from rollcall.rules.tables import OBSERVED
from rollcall.text import printable


@dataclass
class Container:
    """The delivered file: `observed_container`, whose columns `rules.tables` describes."""

    file_name: str
    kind: str
    delivery_date: date | None = None
    today: date | None = None
    newest_applied: date | None = None
    blackout: str | None = None
    reading_error: str | None = None
    opening_error: str | None = None
    is_workbook: bool = False
    is_loose_oneroster: bool = False
    other_format: str | None = None
    other_remedy: str | None = None
    is_listed: bool = False
    is_unpacked: bool = False
    has_manifest: bool = False
    oneroster_version: str | None = None


@dataclass
class File:
    """An entry of a zip, or a file that comes by itself: `observed_file`."""

    file_name: str
    path: str | None = None
    quoted_path: str | None = None
    folder: str | None = None
    standard_name: str | None = None
    hazard: str | None = None
    is_encrypted: bool = False
    is_inflated: bool = False
    byte_count: int | None = None
    damage: str | None = None
    byte_order_mark: str | None = None
    undecodable_line: int | None = None
    undecodable_byte: str | None = None
    syntax_error: str | None = None
    separator: str | None = None
    has_sound_header: bool = False
    is_after_bulk: bool | None = None


@dataclass
class Size:
    """A size that is held to a limit: `observed_size`."""

    file_name: str
    measure: str
    size: int
    most: int

    @property
    def fits(self) -> bool:
        return self.size <= self.most


@dataclass
class Column:
    """A column of a header, or one that is missing from it: `observed_column`."""

    file_name: str
    position: int | None
    column_name: str
    standard_position: int | None = None
    misspelled: str | None = None
    is_extension: bool = False


@dataclass
class Property:
    """A property of the manifest: `observed_property`."""

    file_name: str
    row_number: int | None
    name: str
    value: str


@dataclass
class Line:
    """A record that cannot be read, or `row_count` of them together: `observed_line`."""

    file_name: str
    row_number: int | None
    reason: str
    row_count: int = 1


@dataclass
class Observed:
    """All that was noted of one delivery."""

    container: Container
    files: list[File] = field(default_factory=list)
    sizes: list[Size] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    properties: list[Property] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    is_judged: bool = False

    def file(self, name: str) -> File:
        """The file of that name, which is noted if it is not yet."""
        for each in self.files:
            if each.file_name == name:
                return each
        self.files.append(File(name))
        return self.files[-1]

    def fits(self, file: str, measure: str, size: int, most: int) -> bool:
        """Notes a size. Whether it is within its limit: what is not is not read any further."""
        self.sizes.append(Size(file, measure, size, most))
        return self.sizes[-1].fits

    def forget_the_past(self) -> None:
        """For a check where nobody knows what was delivered before."""
        for each in self.files:
            each.is_after_bulk = None

    def make(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Makes the tables of it."""
        notes: dict[str, Sequence[object]] = {
            "observed_container": [self.container],
            "observed_file": self.files,
            "observed_size": self.sizes,
            "observed_column": self.columns,
            "observed_property": self.properties,
            "observed_line": self.lines,
        }
        for table, columns in OBSERVED.items():
            # Without characters that DuckDB could not store and no report would show.
            values = {
                name: [
                    printable(value) if isinstance(value := getattr(note, name), str) else value
                    for note in notes[table]
                ]
                for name in columns
            }
            typed = ", ".join(f"unnest(${name})::{kind} as {name}" for name, kind in columns.items())
            connection.execute(f"create table {table} as select {typed}", values)
