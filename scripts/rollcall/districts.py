"""What a district sets for itself, in the `district.toml` of its landing folder."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError, ValidationInfo, field_validator

from rollcall.errors import RollcallError
from rollcall.rules import CONTAINER, KEY_RULES, RULES, Rule, Severity, own, schema
from rollcall.text import plain

_MOST_BYTES = 1_000_000  # of a district.toml


def _closest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), 1, 0.6)
    return f", did you mean '{near[0]}'?" if near else ""


class Thresholds(BaseModel):
    """Shares of a type, or of the rows of a file, above which a delivery is held."""

    model_config = ConfigDict(extra="forbid")

    removal: float = Field(0.1, gt=0, le=1)
    update: float = Field(0.75, gt=0, le=1)
    row_loss: float = Field(0.1, gt=0, le=1)


PREFIX = "metadata."
# In the name of a column: that it is about who a student is, where they live, or how to reach them.
_PERSONAL = frozenset(
    [
        "address",
        "age",
        "birth",
        "birthdate",
        "birthday",
        "citizenship",
        "dob",
        "email",
        "ethnic",
        "ethnicity",
        "father",
        "firstname",
        "gender",
        "guardian",
        "lastname",
        "mail",
        "mobile",
        "mother",
        "name",
        "nationality",
        "parent",
        "password",
        "phone",
        "photo",
        "pronouns",
        "race",
        "races",
        "religion",
        "sex",
        "sms",
        "ssn",
        "street",
        "surname",
        "zip",
    ]
)


def _day_of_year(value: str) -> None:
    """ValueError for what is no day of every year."""
    if not re.fullmatch(r"\d\d-\d\d", value) or value == "02-29":
        raise ValueError(f"'{value}' is not a day of every year, such as 08-01")
    date.fromisoformat(f"2001-{value}")


def _words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


class Extensions(BaseModel):
    """Columns of a district's own that are kept: `metadata.*` of OneRoster, and what templates have beyond their header.

    What is named under `students` is kept of students too: the district says that it is not personal.
    """

    model_config = ConfigDict(extra="forbid")

    orgs: tuple[str, ...] = ()
    staff: tuple[str, ...] = ()
    students: tuple[str, ...] = ()

    @field_validator("orgs", "staff", "students")
    @classmethod
    def _usable(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        for name in value:
            own = name.removeprefix(PREFIX)
            if not re.fullmatch(r"[^\W_][^\x00-\x1f\x7f\",]{0,99}", own) or name != name.strip():
                raise ValueError(f"{name!a} is no name of a column")
            if info.field_name == "orgs" and own == name:
                raise ValueError(f"'{name}' must begin with '{PREFIX}': other columns of OneRoster are not read")
            if own == name and plain(name) in schema.columns_read():
                raise ValueError(f"'{name}' is a column that Rollcall knows already")
            if info.field_name == "students" and (_words(own) & _PERSONAL or plain(own) in schema.columns_of_nobody()):
                raise ValueError(f"'{name}' looks personal, and nothing personal is kept of students")
        if len({name.casefold() for name in value}) < len(value):
            raise ValueError("a column is named twice")
        return value

    @property
    def people(self) -> tuple[str, ...]:
        """What is kept of staff."""
        return tuple(dict.fromkeys((*self.staff, *self.students)))


class Sftp(BaseModel):
    """Where a district's vendor keeps the files for us to collect: `[sftp]` in its `district.toml`."""

    model_config = ConfigDict(extra="forbid")

    host: str
    user: str
    port: int = Field(22, ge=1, le=65535)
    host_key: str | None = None
    key_file: Path | None = None
    password_env: str | None = None
    folder: str = "."
    files: list[str] = ["*.zip", "*.csv", "*.csv.gz", "*.parquet"]

    @field_validator("host_key")
    @classmethod
    def _public_key(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( .*)?", value):
            raise ValueError("it is a line such as 'ssh-ed25519 AAAA…', as `ssh-keyscan` prints it after the host")
        return value


@cache
def _zones() -> frozenset[str]:
    """The time zones that this machine knows: looking costs as much as a page, and every page of the office loads a district."""
    return frozenset(available_timezones())


class District(BaseModel):
    """One district's `district.toml`; every line is optional. `district_id` is the name of its landing folder."""

    model_config = ConfigDict(extra="forbid")

    district_id: str
    name: str | None = None
    time_zone: str = "UTC"
    email_domains: list[str] = []
    own_rules: tuple[Rule, ...] = ()
    rules: dict[str, str] = {}
    thresholds: Thresholds = Thresholds()
    extensions: Extensions = Extensions()
    school_year_start: str | None = None
    blackouts: tuple[str, ...] = ()
    freshness_days: dict[str, NonNegativeInt] = {}
    roster_grants_access: bool = False
    sftp: Sftp | None = None
    # Kind of file → what the district calls a column → the column.
    columns: dict[str, dict[str, str]] = {}

    @field_validator("time_zone")
    @classmethod
    def _iana(cls, value: str) -> str:
        if value not in _zones() or value == "localtime":  # what that is depends on the machine
            raise ValueError(f"'{value}' is not an IANA time zone such as America/Chicago")
        return value

    @field_validator("email_domains")
    @classmethod
    def _lower(cls, value: list[str]) -> list[str]:
        return [domain.strip().lower().removeprefix("@") for domain in value]

    @field_validator("freshness_days")
    @classmethod
    def _kinds(cls, value: dict[str, int]) -> dict[str, int]:
        for kind in value:
            if kind not in schema.KINDS:
                raise ValueError(
                    f"'{kind}' is no kind of delivery{_closest(kind, schema.KINDS)}; they are {', '.join(schema.KINDS)}"
                )
        return value

    @field_validator("school_year_start")
    @classmethod
    def _day_of_every_year(cls, value: str | None) -> str | None:
        if value is not None:
            _day_of_year(value)
        return value

    @field_validator("blackouts")
    @classmethod
    def _spans(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for span in value:
            first, _, last = span.partition("/")
            if len(first) == len("2026-06-15") and date.fromisoformat(first) > date.fromisoformat(last):
                raise ValueError(f"'{span}' ends before it begins")
            if len(first) != len("2026-06-15"):
                _day_of_year(first)
                _day_of_year(last)
        return value

    def blackout_on(self, day: date) -> str | None:
        """The blackout that a day is in: dates of one year, or days of every year, New Year's Eve between them or not."""
        for span in self.blackouts:
            first, _, last = span.partition("/")
            at = day.isoformat() if len(first) == len("2026-06-15") else f"{day:%m-%d}"
            if first <= at <= last or (last < first and (at >= first or at <= last)):
                return span
        return None

    @field_validator("rules")
    @classmethod
    def _known_rules(cls, value: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        known = RULES | {rule.id: rule for rule in info.data.get("own_rules", ())}
        for rule_id, severity in value.items():
            if rule_id not in known:
                raise ValueError(f"'{rule_id}' is not a rule{_closest(rule_id, known)}")
            if rule_id in RULES and RULES[rule_id].section == CONTAINER:
                raise ValueError(f"the severity of '{rule_id}' cannot be changed: it is a rule of the container")
            if rule_id in KEY_RULES and severity not in (Severity.REJECT, Severity.ERROR):
                raise ValueError(f"the severity of '{rule_id}' must be reject or error: ids have to be unique")
            if severity not in list(Severity):
                severities = ", ".join(Severity)
                raise ValueError(
                    f"'{severity}' is not a severity{_closest(severity, list(Severity))}; they are {severities}"
                )
        return value

    @field_validator("columns")
    @classmethod
    def _known_columns(cls, value: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        for kind, mapping in value.items():
            if kind not in schema.FORMS:
                raise ValueError(f"'{kind}' is not a kind of file{_closest(kind, schema.FORMS)}")
            columns = schema.FORMS[kind][0]
            if not mapping:
                raise ValueError(f"[columns.{kind}] names no column")
            for header, column in mapping.items():
                if column not in columns:
                    raise ValueError(
                        f"'{column}' is not a column of {kind}{_closest(column, columns)}; they are {', '.join(columns)}"
                    )
                if other := next((name for name, to in mapping.items() if to == column and name != header), None):
                    raise ValueError(f"[columns.{kind}] reads both '{other}' and '{header}' as '{column}'")
        return value

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @classmethod
    def load(cls, folder: Path, rules: Path | None = None) -> District:
        """Reads `folder/district.toml` where there is one, and the district's own rules, which lie below `rules`.

        RollcallError names the file and what is wrong in it.
        """
        file, own_rules = folder / "district.toml", own.load(rules, folder.name) if rules else ()
        if not file.is_file():
            return cls(district_id=folder.name, own_rules=own_rules)
        try:
            if file.stat().st_size > _MOST_BYTES:
                raise RollcallError(f"{file}: longer than {_MOST_BYTES:,} bytes, which is more than its keys can need")
            said = tomllib.loads(file.read_text("utf-8"))
            if "own_rules" in said:
                raise RollcallError(f"{file}: own_rules: is not a known key; rules of your own are files in {rules}")
            return cls(**{**said, "district_id": folder.name, "own_rules": own_rules})
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RollcallError(f"{file}: not readable as TOML: {error}") from error
        except RecursionError as error:
            raise RollcallError(f"{file}: not readable as TOML: nested too deeply") from error
        except OSError as error:
            raise RollcallError(f"{file}: cannot be read: {error.strerror}") from error
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            # A key of a section is one of that section's.
            section = {"thresholds": Thresholds, "extensions": Extensions, "sftp": Sftp}.get(
                first["loc"][0] if len(first["loc"]) > 1 else "", cls
            )
            known = [name for name in section.model_fields if name not in ("district_id", "own_rules")]
            if first["type"] == "extra_forbidden":
                problem = f"is not a known key{_closest(key, known)}"
            else:
                problem = first["msg"].removeprefix("Value error, ")
            raise RollcallError(f"{file}: {key}: {problem}; known keys are {', '.join(known)}") from error
