"""Published versions: one file each, never changed, and a pointer that switches atomically."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

from rollcall.intake import lake
from rollcall.settings import PROJECT, RollcallError, Settings

_FICLONE = 0x40049409
_CODE = ("dbt_project.yml", "profiles.yml", "models", "seeds", "macros")


@dataclass(frozen=True)
class Version:
    """What a published version was made of; kept beside it as JSON."""

    version: str
    lake_fingerprint: str
    code_fingerprint: str
    published_at: str

    def file(self, settings: Settings) -> Path:
        return settings.versions / f"{self.version}.duckdb"


def lake_fingerprint(settings: Settings) -> str:
    """Changes when, and only when, the set of accepted deliveries does."""
    return hashlib.sha256("\n".join(sorted(lake.accepted_ids(settings))).encode()).hexdigest()


def code_fingerprint() -> str:
    """Changes with the models: a version made by others is no start for an increment."""
    digest = hashlib.sha256()
    for name in _CODE:
        root = PROJECT / name
        for file in sorted(root.rglob("*")) if root.is_dir() else [root]:
            if file.is_file():
                digest.update(f"{file.relative_to(PROJECT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def current(settings: Settings) -> Version | None:
    """The version that readers see, or None before the first. RollcallError when the pointer leads nowhere."""
    if not settings.pointer.is_symlink():
        if settings.pointer.exists():
            raise RollcallError(f"{settings.pointer} is a file and not Rollcall's pointer; move it away")
        return None
    target = settings.pointer.resolve()
    sidecar = target.with_suffix(".json")
    if not target.exists() or not sidecar.exists():
        raise RollcallError(
            f"{settings.pointer} points to {target.name}, which is not there; remove the pointer to rebuild"
        )
    return Version(**json.loads(sidecar.read_text("utf-8")))


def _clone(source: Path, target: Path) -> None:
    """A copy that shares its blocks where the file system can."""
    with source.open("rb") as reader, target.open("wb") as writer:
        try:
            fcntl.ioctl(writer.fileno(), _FICLONE, reader.fileno())
        except OSError:
            shutil.copyfileobj(reader, writer, 1 << 22)


def start_candidate(settings: Settings, base: Version | None) -> None:
    """A fresh candidate, a copy of `base` where there is one, and no work file: nothing of a failed run is left."""
    settings.build.mkdir(parents=True, exist_ok=True)
    for file in (settings.candidate, settings.work):
        file.unlink(missing_ok=True)
        Path(f"{file}.wal").unlink(missing_ok=True)
    if base:
        _clone(base.file(settings), settings.candidate)


def publish(settings: Settings, version: Version) -> None:
    """Makes the candidate the version that readers see. Until the pointer's rename they see the old one, then the new."""
    with duckdb.connect(str(settings.candidate)) as connection:
        connection.execute("checkpoint")
    wal = Path(f"{settings.candidate}.wal")
    if wal.exists():
        raise RollcallError(f"{wal} was not folded into the candidate")
    settings.versions.mkdir(parents=True, exist_ok=True)
    lake.fsync(settings.candidate)
    sidecar = version.file(settings).with_suffix(".json")
    sidecar.write_text(json.dumps(asdict(version), indent=2) + "\n", "utf-8")
    lake.fsync(sidecar)
    settings.candidate.rename(version.file(settings))
    lake.fsync(settings.versions)
    _point(settings, version)
    _retire(settings, version)


def _point(settings: Settings, version: Version) -> None:
    temporary = settings.warehouse / ".rollcall.duckdb.next"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(Path("versions") / f"{version.version}.duckdb")
    temporary.replace(settings.pointer)
    lake.fsync(settings.warehouse)


def rollback(settings: Settings, name: str | None) -> Version:
    """Points readers at an older version: the one before the current, or the one of that name."""
    kept = sorted(file.stem for file in settings.versions.glob("*.duckdb") if file.with_suffix(".json").exists())
    now = settings.pointer.resolve().stem
    older = [version for version in kept if version < now]
    wanted = name or (older[-1] if older else None)
    if wanted not in kept:
        there = ", ".join(reversed(kept)) or "none"
        why = f"there is no version '{name}'" if name else f"there is no version before {now}"
        raise RollcallError(f"{why}; versions kept are: {there}")
    sidecar = settings.versions / f"{wanted}.json"
    version = Version(**json.loads(sidecar.read_text("utf-8")))
    _point(settings, version)
    return version


def _retire(settings: Settings, version: Version) -> None:
    """Keeps the newest versions; a reader of a deleted one keeps its open file."""
    kept = sorted(settings.versions.glob("*.duckdb"), reverse=True)
    for file in kept[settings.keep_versions :]:
        if file != version.file(settings):
            file.unlink()
            file.with_suffix(".json").unlink(missing_ok=True)
