"""Configuration: one environment variable per setting, `ROLLCALL_` in front."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT = Path(__file__).resolve().parents[2]


class RollcallError(Exception):
    """Something a person can mend; its text is the one line that the command prints."""


class Settings(BaseSettings):
    """Where the rooms of the house are, and the limits in force. Relative folders start at the working directory."""

    model_config = SettingsConfigDict(env_prefix="ROLLCALL_", extra="ignore")

    landing: Path = Path("landing")
    archive: Path = Path("archive")
    lake: Path = Path("lake")
    build: Path = Path("build")
    warehouse: Path = Path("warehouse")
    quarantine: Path = Path("quarantine")

    settle_seconds: float = Field(60, ge=0, description="A landing file is taken once it was unchanged for this long.")
    archive_days: int = Field(30, ge=0, description="Days for which an accepted landing file is kept in the archive.")
    keep_versions: int = Field(5, ge=1, description="Published versions kept for rollback.")
    zip_max_bytes: int = Field(8 * 2**30, gt=0, description="Most bytes that one roster zip may inflate to.")
    pii_key: str | None = Field(None, description="Hex key of the keyed hashes; else a key file is made on first use.")
    memory_limit: str = Field("3GB", description="DuckDB's memory limit for each stage.")
    threads: int | None = Field(None, ge=1, description="DuckDB's threads; all cores when not set.")

    freshness_days: dict[str, int] = Field(
        {"oneroster": 7, "educators": 120, "students": 120, "products": 400, "usage": 3},
        description="Days after which a district that delivered a kind before is late with it; JSON.",
    )

    @field_validator("landing", "archive", "lake", "build", "warehouse", "quarantine")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @property
    def pointer(self) -> Path:
        """The symlink that readers open."""
        return self.warehouse / "rollcall.duckdb"

    @property
    def versions(self) -> Path:
        return self.warehouse / "versions"

    @property
    def candidate(self) -> Path:
        return self.build / "candidate.duckdb"

    @property
    def work(self) -> Path:
        return self.build / "work.duckdb"


def _closest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), 1, 0.6)
    return f", did you mean '{near[0]}'?" if near else ""


class Thresholds(BaseModel):
    """Shares of a type above which a delivery is held."""

    model_config = ConfigDict(extra="forbid")

    removal: float = Field(0.1, gt=0, le=1)
    update: float = Field(0.75, gt=0, le=1)


class District(BaseModel):
    """One district's `district.toml`; every line is optional. `district_id` is the name of its landing folder."""

    model_config = ConfigDict(extra="forbid")

    district_id: str
    name: str | None = None
    time_zone: str = "UTC"
    email_domains: list[str] = []
    rules: dict[str, str] = {}
    thresholds: Thresholds = Thresholds()

    @field_validator("time_zone")
    @classmethod
    def _iana(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"'{value}' is not an IANA time zone such as America/Chicago")
        return value

    @field_validator("email_domains")
    @classmethod
    def _lower(cls, value: list[str]) -> list[str]:
        return [domain.strip().lower().removeprefix("@") for domain in value]

    @field_validator("rules")
    @classmethod
    def _known_rules(cls, value: dict[str, str]) -> dict[str, str]:
        # Rules know the settings, not the other way round.
        from rollcall.expectations.rules import CONTAINER, RULES, Severity

        for rule_id, severity in value.items():
            if rule_id not in RULES:
                raise ValueError(f"'{rule_id}' is not a rule{_closest(rule_id, RULES)}")
            if RULES[rule_id].section == CONTAINER:
                raise ValueError(f"the severity of '{rule_id}' cannot be changed: it is a rule of the container")
            if severity not in list(Severity):
                known = ", ".join(Severity)
                raise ValueError(
                    f"'{severity}' is not a severity{_closest(severity, list(Severity))}; they are {known}"
                )
        return value

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @classmethod
    def load(cls, folder: Path) -> District:
        """Reads `folder/district.toml` where there is one. RollcallError names the file and the key."""
        file = folder / "district.toml"
        if not file.is_file():
            return cls(district_id=folder.name)
        try:
            return cls(**{**tomllib.loads(file.read_text("utf-8")), "district_id": folder.name})
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RollcallError(f"{file}: not readable as TOML: {error}") from error
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            known = [name for name in cls.model_fields if name != "district_id"]
            if first["type"] == "extra_forbidden":
                words = f"is not a known key{_closest(key, known)}"
            else:
                words = first["msg"].removeprefix("Value error, ")
            raise RollcallError(f"{file}: {key}: {words}; known keys are {', '.join(known)}") from error
