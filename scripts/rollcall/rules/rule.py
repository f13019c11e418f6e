"""What a rule is: an id, a severity, a message and a fix, and the SQL that finds what breaks it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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


class Together(StrEnum):
    """Which findings of a rule are reported as one."""

    COLUMN = "column"
    DETAIL = "detail"
    RULE = "rule"


# What a check may report of what it finds: `row_count` where one row stands for several, `file_name` where it is not the one that
# the table was read from. `detail` completes the rule's message, `advice` its fix.
FOUND = {
    "row_number": "bigint",
    "column_name": "varchar",
    "value": "varchar",
    "detail": "varchar",
    "row_count": "bigint",
    "file_name": "varchar",
    "advice": "varchar",
}


@dataclass(frozen=True)
class Meant:
    """What a value probably stands for: a SQL expression over what was found, and the file of OneRoster whose code it is.

    Without a file it is a word of the standard, which may always be shown.
    """

    sql: str = "null"
    file: str | None = None


def _plain(code: str) -> str:
    return f"ltrim(lower(trim({code})), '0')"


def near(table: str, *columns: str) -> Meant:
    """The one code in these columns of a table `known_…` that differs from the value by case or leading zeros only."""
    codes = " union all ".join(f'select trim("{column}") as code from "{table}"' for column in columns)
    sql = f"""(select case when count(distinct code) = 1 then min(code) end from ({codes})
        where {_plain("code")} = {_plain("value")})"""
    return Meant(sql, f"{table.removeprefix('known_')}.csv")


# The value that a `detail`, which lists those that there are, has in another case.
ONE_OF = Meant("list_filter(string_split(detail, ', '), lambda each: lower(each) = lower(trim(value)))[1]")


@dataclass(frozen=True, eq=False)
class Template:
    """The statement of `sql/<name>.sql`, with these values in place of its variables: its text, once someone asks for it.

    A refresh that finds nothing new asks for none of them.
    """

    name: str
    values: dict[str, object]

    def __str__(self) -> str:
        return _environment().get_template(f"{self.name}.sql").render(self.values)


def sql(name: str, **values: object) -> Template:
    return Template(name, values)


@dataclass(frozen=True)
class Check:
    """SQL that finds what breaks a rule in one table of a delivery: rows with any of the columns of `FOUND`.

    It is asked of deliveries that have the table, of these kinds, that version of OneRoster and in that mode if it names any,
    where all tables that it `needs` beside it are there too: those of the district's last good roster are not at first.
    Rows of one column and value are one finding; with `is_each` every row is one.
    """

    table: str
    sql: str | Template
    version: str | None = None
    mode: Mode | None = None
    needs: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    meant: Meant = Meant()
    is_each: bool = False

    @property
    def is_of_observed(self) -> bool:
        """Whether it looks at what was observed before there were rows; lines that cannot be read are rows, too."""
        return self.table.startswith("observed_") and self.table != "observed_line"

    def is_asked(self, kind: str, version: str | None, mode: str | None, there: Collection[str]) -> bool:
        """Whether it is asked of its table in a delivery of that kind, version and mode, where these tables are there."""
        return (
            (not self.kinds or kind in self.kinds)
            and self.version in (None, version)
            and self.mode in (None, mode)
            and all(table in there for table in (self.table, *self.needs))
        )


@dataclass(frozen=True)
class Rule:
    """One rule, Rollcall's or from a file of one's own (`origin`).

    `message` and `fix` may use {value}, {column}, {row}, {file}, {count}, {detail} and {advice}, in the forms of `wording`: they
    also read right of several findings at once, those of one rule in one file, by `together`: of one column, of one detail,
    or all (of all files then).
    """

    id: str
    severity: Severity
    section: str
    says: str
    message: str
    fix: str
    checks: tuple[Check, ...] = ()
    in_guide: bool = False
    origin: str = "Rollcall"
    together: Together = Together.COLUMN


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    return jinja2.Environment(loader=jinja2.FileSystemLoader(_FOLDER), undefined=jinja2.StrictUndefined)


def found(check: Check) -> str:
    """The query of what a check finds, with all columns of `FOUND`."""
    fields = ", ".join(f"null::{kind} as {name}" for name, kind in FOUND.items())
    return f"select {fields} where false union all by name ({check.sql})"


@dataclass(frozen=True)
class Question:
    """A check that is asked of a delivery: of the table that was read from `file`, by `sql`, with the district's severity.

    `shown` is the query of what a report may repeat of `found`, with the code that a value probably stands for (`meant`).
    """

    rule: Rule
    check: Check
    file: str
    severity: Severity
    sql: str
    shown: str


@dataclass(frozen=True)
class Found:
    """Rows of one column and value that break a rule: the first of them, and how many there are; or one thing observed."""

    row: int | None
    column: str | None
    value: str | None
    detail: str | None
    count: int
    file: str | None = None
    advice: str | None = None
    meant: str | None = None


@dataclass(frozen=True)
class Broken:
    """A check that found something: examples, the number of findings, and the table of all rows that were found."""

    question: Question
    severity: Severity
    found: tuple[Found, ...]
    findings: int
    table: str
