"""Configuration: one environment variable per setting, `ROLLCALL_` in front."""

from __future__ import annotations

import difflib
import errno
import re
import shutil
import tomllib
from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT = Path(__file__).resolve().parents[2]


class RollcallError(Exception):
    """Something a person can mend; its text is the one line that the command prints."""


_OF_THE_DISK = re.compile(
    r"No space left[a-z ]*|File too large|Disk quota exceeded|Read-only file system|Permission denied|Input/output error"
    r"|Could not write"
)
_ERRNOS_OF_THE_DISK = (
    errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO,
)  # fmt: skip


def is_of_the_disk(error: object, path: Path | None = None) -> bool:
    """Whether an error, or its message, is about a disk that is full, broken or not ours to write to.

    Names say nothing about the disk: what is quoted is left out of the message, and so is `path`, which may hold quotes itself.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _ERRNOS_OF_THE_DISK
    message = str(error).split("\nLINE ")[0].replace(str(path), "")
    return bool(_OF_THE_DISK.search(re.sub(r""""[^"]*"|'[^']*'""", "", message)))


def of_the_disk(error: object, settings: Settings) -> RollcallError:
    """Such an error in the words of someone who can mend it."""
    told = str(error)
    reason = _OF_THE_DISK.search(told)
    # DuckDB's own words may go on with its stack: the reason and the file are what a person needs.
    file = re.search(r"""["'\\](/[^"'\\\n]+)""", told)
    words = (reason[0] if reason else told.splitlines()[0]) + (f" ({file[1]})" if file else "")
    rooms = {name: getattr(settings, name) for name in ("lake", "build", "warehouse")}
    free = []
    for name, room in rooms.items():
        there = next(folder for folder in (room, *room.parents) if folder.exists())
        free.append(f"{name} {shutil.disk_usage(there).free / 2**20:,.0f} MB")
    if re.search("No space left|File too large|Disk quota", told):
        fix = f"Make room (free now: {', '.join(free)})"
    else:
        fix = "Let the account that runs the refresh write there"
    return RollcallError(
        f"the disk refused: {words}. Nothing was published, nothing is lost. {fix}, and run `rollcall refresh`"
    )


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
    gz_max_bytes: int = Field(32 * 2**30, gt=0, description="Most bytes that one .csv.gz may inflate to.")
    upload_max_bytes: int = Field(16 * 2**30, gt=0, description="Larger landing files are not read and stay in place.")
    header_max_bytes: int = Field(64 * 2**10, gt=0, description="Most bytes of the header line of a CSV.")
    columns_max: int = Field(1000, gt=0, description="Most columns of a CSV or Parquet file.")
    manifest_max_bytes: int = Field(2**20, gt=0, description="Most bytes of the manifest of a roster zip.")
    findings_max: int = Field(100, gt=0, description="Findings listed for one rule in one file; the rest are counted.")
    pii_key: str | None = Field(None, description="Hex key of the keyed hashes; else a key file is made on first use.")
    memory_limit: str = Field("3GB", description="DuckDB's memory limit for each stage.")
    threads: int | None = Field(None, ge=1, description="DuckDB's threads; all cores when not set.")

    quarantine_days: int = Field(180, ge=0, description="Days for which a rejected file and its report are kept.")

    webhook_url: SecretStr | None = Field(None, description="Alerts are posted there as JSON.")
    smtp_host: str | None = Field(None, description="Alerts are sent by e-mail through this server.")
    smtp_port: int = Field(587, ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str | None = None
    smtp_password: SecretStr = SecretStr("")
    smtp_from: str = "rollcall@localhost"
    smtp_to: list[str] = Field([], description="Who gets the alerts; JSON.")
    alert_hours: float = Field(96, ge=0, description="Alert when nothing was published for so many hours; 0: never.")

    small_count: int = Field(10, ge=0, description="The dashboard shows no count of fewer students than this; 0: any.")

    freshness_days: dict[str, int] = Field(
        {"oneroster": 7, "educators": 120, "students": 120, "products": 400, "usage": 3},
        description="Days after which a district that delivered a kind before is late with it; JSON.",
    )

    @field_validator("landing", "archive", "lake", "build", "warehouse", "quarantine")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        path = value.expanduser().absolute()
        # DuckDB takes a folder `a=b` for a partition, dbt takes its path for an address, and no log can show the others.
        if odd := re.search(r"[^ -\U0010ffff]|[\ud800-\udfff\x7f=?#*\\]", str(path)):
            raise ValueError(f"{str(path)!a}: a folder cannot have {odd[0]!a} in its path; choose another")
        return path

    @model_validator(mode="after")
    def _mail_has_an_address(self) -> Settings:
        if self.smtp_host and not self.smtp_to:
            raise ValueError('ROLLCALL_SMTP_HOST needs ROLLCALL_SMTP_TO, such as ["ada@oakdale.org"]')
        return self

    def days_late(self, kind: str, last_arrived: datetime, now: datetime) -> int | None:
        """Days since a kind of delivery was last accepted, if that is longer ago than it should be."""
        days, allowed = (now - last_arrived).days, self.freshness_days.get(kind)
        return days if allowed and days > allowed else None

    @property
    def taken(self) -> Path:
        """Where files wait that were taken out of the landing and are being read; no district begins with `_`."""
        return self.archive / "_taken"

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
    rules: dict[str, str] = {}
    thresholds: Thresholds = Thresholds()
    sftp: Sftp | None = None

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
    def _known_rules(cls, value: dict[str, str]) -> dict[str, str]:
        # Rules know the settings, not the other way round.
        from rollcall.expectations.rules import CONTAINER, KEY_RULES, RULES, Severity

        for rule_id, severity in value.items():
            if rule_id not in RULES:
                raise ValueError(f"'{rule_id}' is not a rule{_closest(rule_id, RULES)}")
            if RULES[rule_id].section == CONTAINER:
                raise ValueError(f"the severity of '{rule_id}' cannot be changed: it is a rule of the container")
            if rule_id in KEY_RULES and severity not in (Severity.REJECT, Severity.ERROR):
                raise ValueError(f"the severity of '{rule_id}' must be reject or error: ids have to be unique")
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
            # A key of a section is one of that section's.
            section = {"thresholds": Thresholds, "sftp": Sftp}.get(
                first["loc"][0] if len(first["loc"]) > 1 else "", cls
            )
            known = [name for name in section.model_fields if name != "district_id"]
            if first["type"] == "extra_forbidden":
                words = f"is not a known key{_closest(key, known)}"
            else:
                words = first["msg"].removeprefix("Value error, ")
            raise RollcallError(f"{file}: {key}: {words}; known keys are {', '.join(known)}") from error
