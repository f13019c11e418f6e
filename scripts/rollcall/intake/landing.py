"""What lies in the landing folders, and what each file is, by its content and not its folder."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path

from rollcall.districts import District
from rollcall.errors import RollcallError
from rollcall.files import move, replacing
from rollcall.intake import checksums, csvfile, headers
from rollcall.intake.container import standard_name
from rollcall.intake.headers import NO_FORM, Form
from rollcall.intake.observed import Observed
from rollcall.rules import schema
from rollcall.settings import Settings
from rollcall.text import plain


class Kind(StrEnum):
    """The kinds of delivery, in the order in which those of one date are applied: rosters before their use.

    Catalogs and lists of schools go before all others, whatever their date: see `Delivery.order`.
    """

    ONEROSTER = "oneroster"
    SCHOOLS = "schools"
    EDUCATORS = "educators"
    STUDENTS = "students"
    MEMBERS = "members"
    ACCESS = "access"
    PRODUCTS = "products"
    USAGE = "usage"
    UNKNOWN = "unknown"

    @property
    def has_order(self) -> bool:
        """Whether one that is older than the last would put an older list in place of a newer one."""
        return self not in (Kind.USAGE, Kind.MEMBERS)

    @property
    def goes_first(self) -> bool:
        """Whether it is looked up while other deliveries are read, so that one without a date holds from the beginning."""
        return self in (Kind.PRODUCTS, Kind.SCHOOLS)


@dataclass(frozen=True)
class Delivery:
    """One file that arrived. `delivery_id` names its date, kind and content; the same bytes are the same delivery."""

    path: Path
    district: District
    kind: Kind
    sha256: str
    delivery_date: date
    modified_at: float
    size: int = 0
    form: Form = NO_FORM

    @property
    def is_as_hashed(self) -> bool:
        """Whether the file is still the one that was hashed: a sender who keeps it open can write to it all the same."""
        now = self.path.stat()
        return (now.st_mtime, now.st_size) == (self.modified_at, self.size)

    @property
    def name(self) -> str:
        return f"{self.district.district_id}/{self.path.name}"

    @property
    def delivery_id(self) -> str:
        return f"{self.delivery_date}-{self.kind}-{self.sha256[:16]}"

    @property
    def order(self) -> tuple[str, bool, date, int, float, str]:
        """What deliveries are sorted by before they are applied.

        Catalogs first: the paths of page loads are kept as far as a catalog needs them, and cut for good otherwise. So are lists of
        schools: rows of a template that name none of them are set aside.
        """
        kinds = list(Kind)
        return (
            self.district.district_id, not self.kind.goes_first, self.delivery_date, kinds.index(self.kind),
            self.modified_at, self.path.name,
        )  # fmt: skip


# Folders below a district's that only Rollcall writes to: what has its name there is whole.
FETCHED, BY_HAND = "_fetched", "_by_hand"
_LAST_FETCH = ".last.json"  # hidden: no delivery
_DATE = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")


def kind_of(path: Path, district: District) -> tuple[Kind, Form]:
    """The kind of a file, and the form of a CSV. A zip is a roster if it is one at all: what is wrong with it is the roster rules' to say."""
    name = path.name.lower()
    form = NO_FORM
    if is_workbook(path):
        return Kind.UNKNOWN, form
    if name.endswith(".zip") or zipfile.is_zipfile(path):
        return Kind.ONEROSTER, form
    if name.endswith(".parquet"):
        return Kind.USAGE, Form("usage", district.columns.get("usage", {}))
    if name.endswith((".csv", ".csv.gz")):
        form = headers.recognize(path, csvfile.header(path), district)
    return Kind(form.kind or "unknown"), form


_OLD_WORKBOOK = bytes.fromhex("D0CF11E0A1B11AE1")
_NEW_WORKBOOKS = ("xl/workbook.xml", "xl/workbook.bin", "content.xml")


def is_workbook(path: Path) -> bool:
    """Whether a file is a workbook of a spreadsheet program, whatever it is called: most of them are zips."""
    with path.open("rb") as stream:
        if stream.read(len(_OLD_WORKBOOK)) == _OLD_WORKBOOK:
            return True
    try:
        with zipfile.ZipFile(path) as archive:
            return not {*_NEW_WORKBOOKS}.isdisjoint(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        return False  # no zip, or a damaged one, which the rules on zips name


def observe_unknown(path: Path, observed: Observed) -> None:
    """Notes what a file of no known kind is."""
    found = csvfile.header(path)
    container = observed.container
    container.is_workbook = is_workbook(path)
    if other := headers.other_format(found):
        container.other_format, container.other_remedy = other.name, other.remedy
    else:
        is_standard = standard_name(path.name) is not None or any("sourcedid" in plain(name) for name in found)
        container.is_loose_oneroster = path.suffix == ".csv" and is_standard
    csvfile.observe_unknown(path, observed)


def delivery_date(path: Path, district: District) -> date:
    """The ISO date in the file's name, else the day it arrived in the district's time zone."""
    if match := _DATE.search(path.name):
        try:
            return date(*map(int, match.groups()))
        except ValueError as error:
            raise RollcallError(f"{path.name}: '{match[0]}' in the name is no date") from error
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).astimezone(district.zone).date()


def is_timeless(path: Path, district: District) -> bool:
    """Whether a file holds from the beginning: a catalog or list of schools without a date in its name."""
    return not _DATE.search(path.name) and kind_of(path, district)[0].goes_first


def describe(path: Path, district: District) -> Delivery:
    """What one file is. Reads it once, for its hash."""
    before = path.stat()
    kind, form = kind_of(path, district)
    return Delivery(
        path,
        district,
        kind,
        checksums.of(path),
        delivery_date(path, district),
        before.st_mtime,
        before.st_size,
        form,
    )


def by_hand(folder: Path) -> Path:
    """The folder, below a district's, of what Rollcall itself places there: it is whole, and taken at once."""
    found = folder / BY_HAND
    if found.is_symlink():
        raise RollcallError(f"{found} is a link, which may lead to another district: replace it with a folder")
    found.mkdir(exist_ok=True)
    return found


def write_member(folder: Path, settings: Settings, row: Mapping[str, str]) -> Path:
    """Writes a member file of one row into a district's landing folder, wholly or not at all."""
    now = datetime.now(UTC)
    district = District.load(folder, settings.rules)
    name = f"members_{now.astimezone(district.zone):%Y-%m-%d}_{now:%H%M%S%f}.csv"
    file = by_hand(folder) / name
    temporary = file.with_suffix(".tmp")
    with temporary.open("x", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [*schema.FORMS["members"][0], *schema.MEMBER_OPTIONAL], restval="")
        writer.writeheader()
        # The moment distinguishes this change from an equal one before it: the same bytes are the same delivery.
        writer.writerow({**row, "changed_at": now.isoformat()})
    temporary.rename(file)
    return file


def place(file: Path, folder: Path) -> Path:
    """Copies a file into a district's landing folder, wholly or not at all. Returns where it lies: an older one of its name stays."""
    target = free_name(folder, file.name)
    with replacing(target) as temporary:
        shutil.copyfile(file, temporary)
    return target


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
        except (FileNotFoundError, ValueError, TypeError, KeyError, RecursionError):
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


# A district's name is a folder's name in every room, a partition of the lake and a value in every mart. Letters and digits of
# any language, spaces, dots, dashes and underscores are the same in all of them; quotes, wildcards, `=` and `%` are not.
_USABLE_NAME = re.compile(r"[^\W_]([\w .-]*[\w-])?")
_LONGEST_DISTRICT = 100  # bytes: folders of a delivery are named after the district and the delivery
_NO_DISTRICTS = ("lost+found",)  # what a file system keeps at its root


def is_usable_name(name: str) -> bool:
    """Whether a landing folder of that name can be a district."""
    return bool(_USABLE_NAME.fullmatch(name)) and len(name.encode()) <= _LONGEST_DISTRICT


def _folders(settings: Settings) -> list[Path]:
    """All folders of the landing but hidden ones."""
    if not settings.landing.is_dir():
        return []
    found = (f for f in settings.landing.iterdir() if not f.name.startswith(".") and f.name not in _NO_DISTRICTS)
    return sorted(f for f in found if f.is_dir())


def folders(settings: Settings) -> list[Path]:
    """The landing folders of the districts."""
    return [folder for folder in _folders(settings) if is_usable_name(folder.name)]


def refused_folders(settings: Settings) -> list[str]:
    """Says of each landing folder whose name cannot be a district's that nothing is taken from it."""
    return [
        f"{_quoted(folder.name)}: a district's folder is named with letters, digits, spaces and . _ -, begins with a letter or digit "
        f"and has at most {_LONGEST_DISTRICT} bytes; the files in it stay where they are until the folder is renamed"
        for folder in _folders(settings)
        if not is_usable_name(folder.name)
    ]


def _quoted(name: str) -> str:
    """A name in quotes, with what a terminal, a log or an email cannot show in it escaped, and cut where it is long."""
    return repr(name if len(name) <= _LONGEST_DISTRICT else f"{name[:_LONGEST_DISTRICT]}…")


def excess(file: Path, settings: Settings) -> str | None:
    """Why a file is too large to be read at all, if it is."""
    size = file.stat().st_size
    if size <= settings.upload_max_bytes:
        return None
    limit = f"more than {settings.upload_max_bytes:,} (ROLLCALL_UPLOAD_MAX_BYTES)"
    return f"the file has {size:,} bytes, {limit}, and was not read; deliver it in parts"


def _is_settled(file: Path, now: float, settle_seconds: float) -> bool:
    """Whether nobody writes to the file any more.

    A time in the future is that of a clock that was wrong, and no reason to wait for it to come: what is being written has
    the time of now.
    """
    times = file.stat()
    return all(abs(now - moment) >= settle_seconds for moment in (times.st_mtime, times.st_ctime))


@dataclass
class Scan:
    """What lies in the landing: the districts' folders, the files that have settled, and why others cannot be taken."""

    folders: list[Path]
    files: list[Path]
    unreadable: list[str]


def scan(settings: Settings) -> Scan:
    """Looks through the landing. Hidden files, settings and partial uploads are not deliveries.

    What a killed run had claimed already is among the files.
    """
    found = Scan(folders(settings), claimed(settings), refused_folders(settings))
    for folder in found.folders:
        _scan(folder, settings, found)
    return found


def waiting(settings: Settings, folder: Path) -> Scan:
    """What lies in one district's landing folder, settled or not."""
    found = Scan([folder], [], [])
    _scan(folder, settings.model_copy(update={"settle_seconds": 0}), found)
    return found


def _scan(folder: Path, settings: Settings, found: Scan) -> None:
    def cannot_list(error: OSError) -> None:
        name = printable(os.path.relpath(error.filename, settings.landing))
        found.unreadable.append(f"{name}: the account that runs the refresh cannot list this folder ({error.strerror})")

    now = time.time()
    for root, subfolders, names in os.walk(folder, onerror=cannot_list):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(names):
            file = Path(root) / name
            if name.startswith(".") or name == "district.toml" or file.suffix in (".part", ".filepart", ".tmp"):
                continue
            shown = printable(os.path.relpath(file, settings.landing))
            try:
                if file.is_symlink() or not file.is_file():
                    continue
                is_ours = file.parent in (folder / FETCHED, folder / BY_HAND)
                if not is_ours and not _is_settled(file, now, settings.settle_seconds):
                    continue
                too_large = excess(file, settings)
            except FileNotFoundError:
                continue  # renamed or taken back since it was listed: the next refresh sees what became of it
            except OSError as error:
                found.unreadable.append(f"{shown}: the file cannot be looked at ({error.strerror})")
                continue
            if not os.access(file, os.R_OK):
                found.unreadable.append(f"{shown}: the account that runs the refresh may not read the file")
            elif not os.access(root, os.W_OK | os.X_OK):
                found.unreadable.append(
                    f"{shown}: the account that runs the refresh may not move files out of this folder"
                )
            elif too_large:
                found.unreadable.append(f"{shown}: {too_large}")
            else:
                found.files.append(file)


# Characters of a file name that are kept: letters and digits of any language, and plain punctuation. Quotes, wildcards, control
# characters and bytes that are no text would have to be guarded against in every statement, terminal, mail and spreadsheet.
_ODD = re.compile(r"[^\w .,;()+=@#&!~%$-]")
_LONGEST_NAME = 150  # bytes, so that a number or an ending of ours fits behind it


def printable(name: str) -> str:
    """A path as it can be shown and stored anywhere: what is odd in it is an underscore."""
    return "/".join(_ODD.sub("_", part) for part in name.split("/"))


def plain_name(name: str) -> str:
    """`printable`, and short enough, with its endings kept."""
    stem, endings = (name, "") if "." not in name[1:] else name.split(".", 1)
    if len(endings) > 20:
        stem, _, endings = name.rpartition(".")
    endings = f".{printable(endings)}" if endings and len(endings) <= 20 else ""
    stem = printable(stem).encode()[: _LONGEST_NAME - len(endings.encode())].decode(errors="ignore")
    return f"{stem}{endings}".lstrip(".") or "unnamed"


def claim(file: Path, settings: Settings) -> Path:
    """Takes a file out of the landing before anything is read of it, so that what is hashed, read and archived is one file.

    It waits below `taken` of the archive, in a folder of its own; the next refresh finds it there after a kill.
    """
    inside = file.relative_to(settings.landing)
    district = settings.taken / inside.parts[0]
    district.mkdir(parents=True, exist_ok=True)
    number = 1 + max((int(each.name) for each in district.iterdir() if each.name.isdigit()), default=0)
    target = district / str(number) / plain_name(file.name)
    target.parent.mkdir()
    target.with_name(_ORIGIN).write_text(os.fsencode(inside).hex(), "ascii")
    try:
        return move(file, target)
    except OSError:
        release_claim(target)
        raise


_ORIGIN = ".origin"


def claimed(settings: Settings) -> list[Path]:
    """Files that were taken out of the landing and of which nothing was decided."""
    return sorted(file for file in settings.taken.glob("*/*/*") if file.name != _ORIGIN and file.suffix != ".part")


def put_back(file: Path, settings: Settings) -> None:
    """Puts a claimed file back where it lay; it stays claimed where that is not possible."""
    origin = file.with_name(_ORIGIN)
    target = settings.landing / os.fsdecode(bytes.fromhex(origin.read_text("ascii")))
    if target.parent.is_dir() and os.access(target.parent, os.W_OK) and not target.exists():
        move(file, target)
        release_claim(file)


def release_claim(file: Path) -> None:
    """Removes the folder of a claimed file that has gone on to its place."""
    file.with_name(_ORIGIN).unlink(missing_ok=True)
    file.parent.rmdir()
