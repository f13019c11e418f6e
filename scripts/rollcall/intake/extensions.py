"""Columns beyond the standard's and the templates' that a district keeps: one JSON object a row, in the lake's column `extensions`."""

from __future__ import annotations

from collections.abc import Sequence

from rollcall.districts import PREFIX, Extensions
from rollcall.files import quote
from rollcall.intake import csvfile
from rollcall.intake.observed import Column, Observed

COLUMN = "extensions"
# What is kept of someone who turns out to be a student, where the row says otherwise.
OF_STUDENTS = "_student_extensions"


def of_table(table: str, extensions: Extensions) -> tuple[str, ...]:
    """The columns that a table of OneRoster or a template may have, and that the district keeps."""
    match table:
        case "orgs":
            return extensions.orgs
        case "users":
            return tuple(name for name in extensions.people if name.startswith(PREFIX))
        case "educators" | "members":
            return extensions.people
        case "students":
            return extensions.students
    return ()


def note(table: str, file: str, found: Sequence[str], extensions: Extensions, observed: Observed) -> list[str]:
    """The kept columns that the header `found` has. They are noted, and so are those that the file should have and lacks."""
    names = of_table(table, extensions)
    for column in observed.columns:
        if column.file_name == file and column.column_name in names and column.standard_position is None:
            column.is_extension = True
    for name in names:
        # A template may have what users.csv has; it need not.
        is_expected = name.startswith(PREFIX) if table in ("orgs", "users") else not name.startswith(PREFIX)
        is_of_others = table == "educators" and name not in extensions.staff
        if name not in found and is_expected and not is_of_others and table != "members":
            observed.columns.append(Column(file, None, name, None, csvfile.near(name, found), is_extension=True))
    return [name for name in names if name in found]


def as_json(columns: Sequence[str]) -> str:
    """A SQL expression: a JSON object of what is filled in these columns, NULL where nothing is."""
    if not columns:
        return "null::varchar"
    # Of `metadata.room` and `room`, which are one key, the first that is filled counts.
    keys: dict[str, list[str]] = {}
    for column in columns:
        keys.setdefault(column.removeprefix(PREFIX), []).append(f"nullif(trim(\"{column}\"), '')")
    entries = ", ".join(
        f"{{'k': {quote(key)}, 'v': coalesce({', '.join(values)})}}" for key, values in sorted(keys.items())
    )
    filled = f"list_filter([{entries}], lambda entry: entry.v is not null)"
    return f"case when len({filled}) > 0 then to_json(map_from_entries({filled}))::varchar end"


def has_more_than(kept: Sequence[str]) -> str:
    """A SQL expression: whether a row of the lake has another key than those that are kept of students."""
    keys = ", ".join(quote(name.removeprefix(PREFIX)) for name in kept)
    return (
        f"len(list_filter(json_keys({COLUMN}), lambda name: name not in ({keys or 'null'}))) > 0"
        if kept
        else f"{COLUMN} is not null"
    )
