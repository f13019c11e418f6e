"""What a district sets for itself, in the `district.toml` of its landing folder."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from rollcall.errors import RollcallError
from rollcall.rules import CONTAINER, KEY_RULES, RULES, Rule, Severity, own, schema

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
    sftp: Sftp | None = None
    # Kind of file → what the district calls a column → the column.
    columns: dict[str, dict[str, str]] = {}

    @field_validator("time_zone")
    @classmethod
    def _iana(cls, value: str) -> str:
        if value not in available_timezones() or value == "localtime":  # what that is depends on the machine
            raise ValueError(f"'{value}' is not an IANA time zone such as America/Chicago")
        return value

    @field_validator("email_domains")
    @classmethod
    def _lower(cls, value: list[str]) -> list[str]:
        return [domain.strip().lower().removeprefix("@") for domain in value]

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
                there = ", ".join(Severity)
                raise ValueError(
                    f"'{severity}' is not a severity{_closest(severity, list(Severity))}; they are {there}"
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
            section = {"thresholds": Thresholds, "sftp": Sftp}.get(
                first["loc"][0] if len(first["loc"]) > 1 else "", cls
            )
            known = [name for name in section.model_fields if name not in ("district_id", "own_rules")]
            if first["type"] == "extra_forbidden":
                words = f"is not a known key{_closest(key, known)}"
            else:
                words = first["msg"].removeprefix("Value error, ")
            raise RollcallError(f"{file}: {key}: {words}; known keys are {', '.join(known)}") from error
