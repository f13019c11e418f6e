"""Configuration: one environment variable per setting, `ROLLCALL_` in front."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from rollcall.paths import PROJECT


@cache
def _freshness_of_sources() -> dict[str, int]:
    """Kind of delivery → days, as the sources of the dbt project say it for `dbt source freshness`."""
    # Imported when it is needed: a run that finds nothing new must not wait for it.
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where it was compiled: a tenth of the time
    days = {}
    for file in sorted((PROJECT / "models" / "staging").glob("*/_*__sources.yml")):
        for source in yaml.load(file.read_text("utf-8"), loader)["sources"]:
            for table in source["tables"]:
                config = table.get("config", {})
                if "freshness" in config:
                    days[config["meta"]["delivery_kind"]] = config["freshness"]["warn_after"]["count"]
    return days


def is_loopback(host: str) -> bool:
    """Whether a name or address means this machine alone."""
    if host.strip("[]") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Settings(BaseSettings):
    """Where the rooms of the house are, and the limits in force. Relative folders start at the working directory."""

    model_config = SettingsConfigDict(env_prefix="ROLLCALL_", extra="ignore")

    landing: Path = Path("landing")
    archive: Path = Path("archive")
    lake: Path = Path("lake")
    build: Path = Path("build")
    warehouse: Path = Path("warehouse")
    quarantine: Path = Path("quarantine")
    rules: Path = Path("rules")
    state: Path = Path("state")

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
    intake_processes: int | None = Field(
        None,
        ge=1,
        description="Processes that take deliveries of several districts, this one included; one for each core when not set.",
    )

    upload_hours: float = Field(
        72,
        gt=0,
        description="Hours for which a file that was uploaded in the browser, and not placed in the landing, is kept.",
    )

    engine: Literal["duckdb", "spark"] = Field("duckdb", description="Where the models run.")
    spark_master: str = Field("local[*]", description="Spark's master: local[n], spark://host:port, yarn or k8s://….")
    spark_catalog: Literal["hadoop", "rest", "hive", "glue", "jdbc"] = Field(
        "hadoop", description="Kind of Iceberg catalog; hadoop is for tests."
    )
    spark_warehouse: Path | None = Field(None, description="Folder of the catalog's tables, seen by every worker.")
    spark_jars: str | None = Field(None, description="The Iceberg runtime; else that of a Python package.")
    spark_conf: dict[str, str] = Field({}, description="Further options of Spark, the catalog's own among them; JSON.")

    spark_view_bytes: int | None = Field(
        None,
        ge=0,
        description="A mart with more bytes on Spark is not copied into the published file, which has a view of its files.",
    )

    quarantine_days: int = Field(180, ge=0, description="Days for which a rejected file and its report are kept.")

    webhook_url: SecretStr | None = Field(None, description="Alerts are posted there as JSON.")
    smtp_host: str | None = Field(None, description="Alerts are sent by email through this server.")
    smtp_port: int = Field(587, ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str | None = None
    smtp_password: SecretStr = SecretStr("")
    smtp_from: str = "rollcall@localhost"
    smtp_to: list[str] = Field([], description="Who gets the alerts; JSON.")
    alert_hours: float = Field(96, ge=0, description="Alert when nothing was published for so many hours; 0: never.")

    small_count: int = Field(10, ge=0, description="The dashboard shows no count of fewer students than this; 0: any.")

    sign_on: Literal["none", "proxy", "oidc"] = Field(
        "none", description="How people sign on to the dashboard; none: on this machine only."
    )
    public_url: str | None = Field(None, description="The dashboard's address, as people's browsers have it.")
    proxy_addresses: list[str] = Field([], description="Addresses or networks of the proxy that signs people on; JSON.")
    proxy_header: str = Field("X-Forwarded-Email", description="The header in which the proxy names the person.")
    proxy_sign_out: str | None = Field(None, description="Where the proxy signs people out, such as /oauth2/sign_out.")
    oidc_issuer: str | None = Field(None, description="The OpenID provider: its issuer.")
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr = SecretStr("")
    oidc_email_claim: str = Field("email", description="The claim that has the person's address.")
    oidc_verified_email: bool = Field(
        True,
        description="Whether the provider must say that the address is verified; false for one that never says so.",
    )
    session_key: SecretStr = Field(
        SecretStr(""), description="Hex key of the sessions; else a key file is made on first use."
    )
    session_idle_minutes: float = Field(60, gt=0, description="A session ends when nothing was asked for so long.")
    session_hours: float = Field(12, gt=0, description="A session ends this long after signing on, used or not.")
    access_log_days: int = Field(365, ge=1, description="Days for which the access log is kept.")

    freshness_days: dict[str, int] | None = Field(
        None,
        description="Days after which a district that delivered a kind before is late with it; JSON. Else the dbt sources' own.",
    )

    @field_validator(
        "landing", "archive", "lake", "build", "warehouse", "quarantine", "rules", "state", "spark_warehouse"
    )
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        if value is None:
            return None
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

    @field_validator("public_url", "oidc_issuer")
    @classmethod
    def _web_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise ValueError(f"'{value}' must begin with https://")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"'{value}' is not an address such as https://rollcall.example.org")
        return value

    @field_validator("proxy_addresses")
    @classmethod
    def _networks(cls, value: list[str]) -> list[str]:
        for each in value:
            ipaddress.ip_network(each)
        return value

    @field_validator("proxy_header")
    @classmethod
    def _header(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", value):
            raise ValueError(f"'{value}' is not the name of a header")
        return value

    @model_validator(mode="after")
    def _sign_on_is_whole(self) -> Settings:
        if self.sign_on == "proxy" and not (self.proxy_addresses and self.public_url):
            raise ValueError(
                'ROLLCALL_SIGN_ON=proxy needs ROLLCALL_PROXY_ADDRESSES, such as ["10.0.0.5"], and ROLLCALL_PUBLIC_URL'
            )
        if self.sign_on == "oidc" and not (self.oidc_issuer and self.oidc_client_id and self.public_url):
            raise ValueError(
                "ROLLCALL_SIGN_ON=oidc needs ROLLCALL_OIDC_ISSUER, ROLLCALL_OIDC_CLIENT_ID and ROLLCALL_PUBLIC_URL"
            )
        return self

    @property
    def expected_days(self) -> dict[str, int]:
        """Kind of delivery → days within which newer data is expected of a district that sets none of its own."""
        return _freshness_of_sources() if self.freshness_days is None else self.freshness_days

    def days_late(
        self, kind: str, last: date, today: date, own: Mapping[str, int] | None = None
    ) -> tuple[int, int] | None:
        """(days since the newest data of a kind, days within which newer data was expected), if that is longer ago.

        `today` is the district's. A district's `own` days go before all others; 0 expects nothing.
        """
        days, allowed = (today - last).days, {**self.expected_days, **(own or {})}.get(kind)
        return (days, allowed) if allowed and days > allowed else None

    @property
    def is_alerting(self) -> bool:
        """Whether there is anywhere to send alerts to."""
        return bool(self.webhook_url or self.smtp_host)

    @property
    def spark_tables(self) -> Path:
        """The folder of the catalog's tables."""
        return self.spark_warehouse or self.warehouse / "spark"

    @property
    def taken(self) -> Path:
        """Where files wait that were taken out of the landing and are being read; no district begins with `_`."""
        return self.archive / "_taken"

    @property
    def purging(self) -> Path:
        """What marks that a purge has begun and not ended."""
        return self.warehouse / ".purging.json"

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
