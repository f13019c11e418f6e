"""Files that were uploaded in the browser: received in pieces, tried in a process of their own, then placed in the landing or removed.

Each has a folder in `state/uploads/<district>/`: its record, the file until it is placed, and what trying it has found. A piece is as
long as a request may be, so a large file takes no more memory than a small one, and no body is read of somebody who may not upload.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rollcall.errors import RollcallError
from rollcall.files import write
from rollcall.intake import checksums, districts, landing
from rollcall.settings import Settings
from rollcall.text import printable

PIECE = 900_000  # bytes of one request
_ENDINGS = (".zip", ".csv", ".csv.gz", ".parquet")
_RECORD = "upload.json"
_SPARE = 2  # copies of a file that the disk must have room for
_KEPT_DAYS = 30  # for which the record of a placed file says who has uploaded it
_MOST = 50  # uploads of a district that wait for somebody

RECEIVING, WAITING, TRYING, TRIED, FAILED, PLACED = "receiving", "waiting", "trying", "tried", "failed", "placed"


class Gone(RollcallError):
    """There is no such upload, or no longer."""


@dataclass
class Upload:
    """One file, and how far it has come. `held` is the delivery that it is of, where it is no upload but a held delivery being tried."""

    district_id: str
    upload_id: str
    file_name: str
    by: str
    at: str
    size: int
    status: str = RECEIVING
    message: str = ""
    sha256: str = ""
    placed_at: str = ""
    held: str = ""

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.at)

    def folder(self, settings: Settings) -> Path:
        return settings.state / "uploads" / self.district_id / self.upload_id

    def file(self, settings: Settings) -> Path:
        return self.folder(settings) / "file" / self.file_name

    def out(self, settings: Settings) -> Path:
        """What trying it has found: the report, progress and changes."""
        return self.folder(settings) / "out"

    def save(self, settings: Settings) -> None:
        write(self.folder(settings) / _RECORD, json.dumps(asdict(self), ensure_ascii=False))

    def found(self, settings: Settings, name: str) -> dict:
        """A JSON file of what was found; empty while it is not there."""
        try:
            return dict(json.loads((self.out(settings) / name).read_text("utf-8")))
        except (FileNotFoundError, ValueError):
            return {}


def _load(folder: Path) -> Upload | None:
    try:
        return Upload(**json.loads((folder / _RECORD).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def all_of(settings: Settings, district_id: str = "*") -> list[Upload]:
    """The uploads of a district, or of all, the newest first."""
    room = settings.state / "uploads"
    names = [district_id] if district_id != "*" else [folder.name for folder in room.glob("*")]
    found = [_load(record.parent) for name in names for record in (room / name).glob(f"*/{_RECORD}")]
    return sorted(filter(None, found), key=lambda upload: upload.at, reverse=True)


def find(settings: Settings, district_id: str, upload_id: str) -> Upload:
    """The upload of that id. Gone where there is none: only what a listing shows makes a path."""
    for upload in all_of(settings, district_id):
        if upload.upload_id == upload_id:
            return upload
    raise Gone("this upload is no longer there")


def begin(settings: Settings, district_id: str, file_name: str, size: int, by: str) -> Upload:
    """Makes the record of a file that is to come. RollcallError for one that would not be taken."""
    folder = districts.in_landing(settings, district_id)
    name = landing.plain_name(Path(file_name.replace("\\", "/")).name)
    if not name.lower().endswith(_ENDINGS):
        raise RollcallError(f"{printable(file_name)}: only files that end in {', '.join(_ENDINGS)} can be uploaded")
    if size > settings.upload_max_bytes:
        raise RollcallError(
            f"{name}: the file has {size:,} bytes, more than {settings.upload_max_bytes:,} (ROLLCALL_UPLOAD_MAX_BYTES); deliver it in parts"
        )
    if size <= 0:
        raise RollcallError(f"{name}: the file is empty")
    retire(settings)
    if sum(upload.status != PLACED for upload in all_of(settings, folder.name)) >= _MOST:
        raise RollcallError(f"{_MOST} uploads are waiting already: place or remove some of them first")
    settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    if shutil.disk_usage(settings.state).free < _SPARE * size:
        raise RollcallError("the disk has no room for a file of this size")
    upload = Upload(folder.name, secrets.token_hex(8), name, by, datetime.now(UTC).isoformat(), size)
    upload.file(settings).parent.mkdir(mode=0o700, parents=True)
    upload.file(settings).touch(0o600)
    upload.save(settings)
    return upload


def receive(settings: Settings, upload: Upload, offset: int, piece: bytes) -> int:
    """Adds a piece; how much of the file is there. One that was sent twice is not added twice."""
    if upload.status != RECEIVING:
        raise RollcallError(f"{upload.file_name} is complete already")
    if not piece:
        raise RollcallError("an empty piece was sent")
    file = upload.file(settings)
    there = file.stat().st_size
    if offset != there:
        return there
    if there + len(piece) > upload.size:
        raise RollcallError(f"{upload.file_name}: more came than the {upload.size:,} bytes that were announced")
    with file.open("ab") as stream:
        stream.write(piece)
    there += len(piece)
    if there == upload.size:
        upload.sha256 = checksums.of(file)
        upload.status = WAITING
        upload.save(settings)
    return there


def of_held(settings: Settings, district_id: str, delivery_id: str, file: Path, by: str) -> Upload:
    """The record of a held delivery that is to be tried; its file stays where it is, and is linked or copied."""
    for upload in all_of(settings, district_id):
        if upload.held == delivery_id:
            if upload.status not in (FAILED, TRIED):
                return upload
            shutil.rmtree(upload.folder(settings))
    upload = Upload(
        district_id,
        secrets.token_hex(8),
        file.name,
        by,
        datetime.now(UTC).isoformat(),
        file.stat().st_size,
        WAITING,
        held=delivery_id,
    )
    upload.file(settings).parent.mkdir(mode=0o700, parents=True)
    shutil.copy2(file, upload.file(settings))
    upload.save(settings)
    return upload


def place(settings: Settings, upload: Upload) -> Path:
    """Places the file in the district's landing folder, where the next refresh takes it. RollcallError where that makes no sense."""
    folder = districts.in_landing(settings, upload.district_id)
    verdict = upload.found(settings, "changes.json").get("verdict")
    if upload.held or upload.status != TRIED or verdict not in ("accepted", "held"):
        raise RollcallError(f"{upload.file_name} cannot be placed: it has not been checked, or would be rejected")
    placed = landing.place(upload.file(settings), landing.by_hand(folder))
    upload.status, upload.placed_at = PLACED, datetime.now(UTC).isoformat()
    upload.save(settings)
    for part in (upload.file(settings).parent, upload.out(settings)):
        shutil.rmtree(part, ignore_errors=True)
    return placed


def remove(settings: Settings, upload: Upload) -> None:
    shutil.rmtree(upload.folder(settings), ignore_errors=True)


def retire(settings: Settings) -> int:
    """Removes what nobody has placed in time, and old records of what was placed. Returns how many went."""
    now, gone = time.time(), 0
    for upload in all_of(settings):
        kept = _KEPT_DAYS * 86_400 if upload.status == PLACED else settings.upload_hours * 3_600
        if now - upload.moment.timestamp() > kept:
            remove(settings, upload)
            gone += 1
    return gone


def is_id(text: str) -> bool:
    return bool(re.fullmatch("[0-9a-f]{16}", text))
