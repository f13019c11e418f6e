"""What lies in the landing folders, and what each file is: told by content, not by folder."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import time
import zipfile
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path

from rollcall.intake import csvfile, schema, templates
from rollcall.intake.container import standard_name
from rollcall.settings import District, RollcallError, Settings


class Kind(StrEnum):
    """The kinds of delivery, in the order in which those of one date are applied: rosters before their use."""

    ONEROSTER = "oneroster"
    EDUCATORS = "educators"
    STUDENTS = "students"
    MEMBERS = "members"
    PRODUCTS = "products"
    USAGE = "usage"
    UNKNOWN = "unknown"

    @property
    def has_order(self) -> bool:
        """Whether one that is older than the last would put an older list in place of a newer one."""
        return self not in (Kind.USAGE, Kind.MEMBERS)


@dataclass(frozen=True)
class Delivery:
    """One file that arrived. `delivery_id` names its date, kind and content; the same bytes are the same delivery."""

    path: Path
    district: District
    kind: Kind
    sha256: str
    delivery_date: date
    modified_at: float

    @property
    def name(self) -> str:
        return f"{self.district.district_id}/{self.path.name}"

    @property
    def delivery_id(self) -> str:
        return f"{self.delivery_date}-{self.kind}-{self.sha256[:16]}"

    @property
    def order(self) -> tuple[str, date, int, float, str]:
        """What deliveries are sorted by before they are applied."""
        kinds = list(Kind)
        return (
            self.district.district_id, self.delivery_date, kinds.index(self.kind), self.modified_at, self.path.name
        )  # fmt: skip


# Folders below a district's that only Rollcall writes to: what has its name there is whole.
FETCHED, BY_HAND = "_fetched", "_by_hand"
_LAST_FETCH = ".last.json"  # hidden: no delivery
_DATE = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")


def kind_of(path: Path) -> Kind:
    """The kind of a file. A zip is a roster if it is one at all: what is wrong with it is the roster rules' to say."""
    name = path.name.lower()
    if name.endswith(".zip") or zipfile.is_zipfile(path):
        return Kind.ONEROSTER
    if name.endswith(".parquet"):
        return Kind.USAGE
    if not name.endswith((".csv", ".csv.gz")):
        return Kind.UNKNOWN
    found = set(map(csvfile.plain, csvfile.header(path)))

    def share(columns: tuple[str, ...]) -> float:
        return len(found & set(map(csvfile.plain, columns))) / len(columns)

    if share(("occurred_at", "url")) == 1 or share(schema.USAGE_COLUMNS) > 0.5:
        return Kind.USAGE
    if share(schema.PRODUCT_COLUMNS) > 0.5:
        return Kind.PRODUCTS
    if template := templates.kind_of(path, csvfile.header(path)):
        return Kind(template)
    return Kind.UNKNOWN


def is_loose_oneroster(path: Path) -> bool:
    return path.suffix == ".csv" and (standard_name(path.name) is not None or "sourcedId" in csvfile.header(path))


def delivery_date(path: Path, district: District) -> date:
    """The ISO date in the file's name, else the day it arrived in the district's time zone."""
    if match := _DATE.search(path.name):
        try:
            return date(*map(int, match.groups()))
        except ValueError as error:
            raise RollcallError(f"{path.name}: '{match[0]}' in the name is no date") from error
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).astimezone(district.zone).date()


def describe(path: Path, district: District) -> Delivery:
    """What one file is. Reads it once, for its hash."""
    modified_at = path.stat().st_mtime
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return Delivery(path, district, kind_of(path), sha256, delivery_date(path, district), modified_at)


def write_member(
    settings: Settings, district_id: str, first_name: str, last_name: str, email: str, role: str, status: str
) -> Path:
    """Writes a member file of one row into the landing folder, wholly or not at all."""
    now = datetime.now(UTC)
    district = District.load(settings.landing / district_id)
    name = f"members_{now.astimezone(district.zone):%Y-%m-%d}_{now:%H%M%S%f}.csv"
    file = settings.landing / district_id / BY_HAND / name
    file.parent.mkdir(exist_ok=True)
    temporary = file.with_suffix(".tmp")
    with temporary.open("x", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([*schema.TEMPLATE_COLUMNS["members"], *schema.MEMBER_OPTIONAL])
        # The moment tells this change from an equal one before it: the same bytes are the same delivery.
        writer.writerow([first_name, last_name, email.strip(), role, status, now.isoformat()])
    temporary.rename(file)
    return file


@dataclass(frozen=True)
class LastFetch:
    """How the last collecting of a district's files ended, and when; `error` is None where it went well."""

    district_id: str
    at: datetime
    error: str | None


def write_last_fetch(folder: Path, error: str | None) -> None:
    """Keeps for `rollcall status` how collecting went for the district of a landing folder."""
    target = folder / FETCHED
    target.mkdir(exist_ok=True)
    temporary = target / f"{_LAST_FETCH}.tmp"
    temporary.write_text(json.dumps({"at": datetime.now(UTC).isoformat(), "error": error}), "utf-8")
    temporary.replace(target / _LAST_FETCH)


def forget_last_fetch(folder: Path) -> None:
    """For a district from which nothing is collected any more."""
    (folder / FETCHED / _LAST_FETCH).unlink(missing_ok=True)


def last_fetches(settings: Settings) -> list[LastFetch]:
    """One for each district that files are collected for. What cannot be read is passed over: the next fetch writes it anew."""
    found = []
    for folder in folders(settings):
        try:
            last = json.loads((folder / FETCHED / _LAST_FETCH).read_text("utf-8"))
            found.append(LastFetch(folder.name, datetime.fromisoformat(last["at"]), last["error"]))
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            continue
    return found


def free_name(folder: Path, name: str) -> Path:
    """A path in `folder` for a file of that name, beside older ones of its name if there are any."""
    suffix = ".csv.gz" if name.lower().endswith(".csv.gz") else Path(name).suffix
    target, number = folder / name, 1
    while target.exists():
        number += 1
        target = folder / f"{name[: len(name) - len(suffix)]}-{number}{name[len(name) - len(suffix) :]}"
    return target


def folders(settings: Settings) -> list[Path]:
    """The landing folders of the districts."""
    if not settings.landing.is_dir():
        return []
    return sorted(f for f in settings.landing.iterdir() if f.is_dir() and not f.name.startswith((".", "_")))


def _is_settled(file: Path, now: float, settle_seconds: float) -> bool:
    """Whether nobody writes to the file any more.

    A time in the future is that of a clock that was wrong, and no reason to wait for it to come: what is being written has
    the time of now.
    """
    times = file.stat()
    return all(abs(now - moment) >= settle_seconds for moment in (times.st_mtime, times.st_ctime))


def scan(settings: Settings) -> tuple[list[Path], list[Path]]:
    """(district folders, files that have settled). Hidden files, settings and partial uploads are not deliveries."""
    now, files = time.time(), []
    for folder in folders(settings):
        for file in sorted(folder.rglob("*")):
            hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
            if (
                not file.is_file()
                or file.is_symlink()
                or hidden
                or file.name == "district.toml"
                or file.suffix in (".part", ".filepart", ".tmp")
            ):
                continue
            if file.parent in (folder / FETCHED, folder / BY_HAND) or _is_settled(file, now, settings.settle_seconds):
                files.append(file)
    return folders(settings), files
