"""What a rule is: an id, a severity, a message and a fix, and the SQL that finds what breaks it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import jinja2

_FOLDER = Path(__file__).with_name("sql")


class Severity(StrEnum):
    """What a broken rule does; in the order of weight."""

    REJECT = "reject"
    HOLD = "hold"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Mode(StrEnum):
    """How a file of a OneRoster zip lists its rows: all that hold, or what has changed."""

    BULK = "bulk"
    DELTA = "delta"


@dataclass(frozen=True)
class Check:
    """SQL that finds what breaks a rule in one table of a delivery: `row_number, column_name, value, detail`.

    It is asked of deliveries that have the table, of that version of OneRoster and in that mode if it names one, where all
    tables that it `needs` beside it are there too: those of the district's last good roster are not at first.
    """

    table: str
    sql: str
    version: str | None = None
    mode: Mode | None = None
    needs: tuple[str, ...] = ()

    def is_asked(self, version: str | None, mode: str | None, there: Collection[str]) -> bool:
        """Whether it is asked of its table in that version and mode, where these tables are there."""
        return (
            self.version in (None, version)
            and self.mode in (None, mode)
            and all(table in there for table in (self.table, *self.needs))
        )


@dataclass(frozen=True)
class Rule:
    """One rule. `message` and `fix` may use {value}, {column}, {row}, {file}, {count}, {detail}, {advice}."""

    id: str
    severity: Severity
    section: str
    says: str
    message: str
    fix: str
    checks: tuple[Check, ...] = ()
    in_guide: bool = False


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(loader=jinja2.FileSystemLoader(_FOLDER), undefined=jinja2.StrictUndefined)


def sql(name: str, **values: object) -> str:
    """The statement of `sql/<name>.sql`, with these values in place of its variables."""
    return _environment().get_template(f"{name}.sql").render(values)
