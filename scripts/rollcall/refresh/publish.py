"""Published versions: one file each, never changed, and a pointer that switches atomically."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb

from rollcall.errors import RollcallError
from rollcall.files import fsync, move, quote
from rollcall.settings import Settings

_FICLONE = 0x40049409
_LOOSE = 1 / 6  # how much of a file may be empty: it is at most 1.2 times as large as it need be
_PART = 2**30  # bytes that the kernel is asked to copy at once


@dataclass(frozen=True)
class Version:
    """What a published version was made of; kept beside it as JSON."""

    version: str
    lake_fingerprint: str
    code_fingerprint: str
    published_at: str
    withdrawals: str = ""

    def file(self, settings: Settings) -> Path:
        return settings.versions / f"{self.version}.duckdb"


def kept(settings: Settings) -> list[str]:
    """The names of the versions that are whole, the oldest first."""
    files = settings.versions.glob("*.duckdb")
    return sorted(file.stem for file in files if file.with_suffix(".json").exists())


def _described(settings: Settings, name: str) -> Version:
    """The version of that name. RollcallError when its file is not there, or cannot be opened."""
    file = settings.versions / f"{name}.duckdb"
    try:
        version = Version(**json.loads(file.with_suffix(".json").read_text("utf-8")))
        with duckdb.connect(str(file), read_only=True) as connection:
            connection.execute("select count(*) from marts.dim_districts").fetchall()
    except (OSError, ValueError, TypeError, duckdb.Error) as error:
        if _is_of_a_lock(error):
            return version
        raise RollcallError(f"version {name} cannot be opened ({str(error).splitlines()[0]})") from error
    return version


def is_locked(file: Path) -> bool:
    """Whether someone has a version open for writing, which no reader should: it cannot be opened then, and is not damaged."""
    try:
        duckdb.connect(str(file), read_only=True).close()
    except duckdb.Error as error:
        return _is_of_a_lock(error)  # anything else is for who opens it to report
    return False


def has_views(version: Version, settings: Settings) -> bool:
    """Whether marts of a version are views of files that Spark keeps, which DuckDB cannot go on from."""
    with duckdb.connect(str(version.file(settings)), read_only=True) as connection:
        (count,) = connection.execute("select count(*) from duckdb_views() where not internal").fetchone()
    return count > 0


def _is_of_a_lock(error: Exception) -> bool:
    return isinstance(error, duckdb.IOException) and "Conflicting lock" in str(error)


def current(settings: Settings) -> Version | None:
    """The version that readers see, or None before the first. RollcallError when the pointer leads nowhere."""
    if not settings.pointer.is_symlink():
        if settings.pointer.exists():
            raise RollcallError(f"{settings.pointer} is a file and not Rollcall's pointer; move it away")
        return None
    return _described(settings, settings.pointer.resolve().stem)


def mend(settings: Settings) -> list[str]:
    """Puts a pointer right that leads nowhere, or is gone: to the newest whole version. Returns what was done, in words.

    Where no version is whole the pointer goes, and the marts are built from the whole lake.
    """
    try:
        if current(settings) or not kept(settings):
            return []
        broken = f"{settings.pointer} was gone"
    except RollcallError as error:
        if not settings.pointer.is_symlink():
            raise
        broken = str(error)
    for name in reversed(kept(settings)):
        try:
            _point(settings, _described(settings, name))
        except RollcallError:
            continue
        return [f"{broken}: readers have version {name} again"]
    settings.pointer.unlink(missing_ok=True)
    return [f"{broken}: no version is whole, so the marts are built from the whole lake"]


def _clone(source: Path, target: Path) -> None:
    """A copy that shares its blocks where the file system can, and else is made within the kernel."""
    with source.open("rb") as reader, target.open("wb") as writer:
        try:
            fcntl.ioctl(writer.fileno(), _FICLONE, reader.fileno())
            return
        except OSError:
            pass  # another file system
        try:
            while os.copy_file_range(reader.fileno(), writer.fileno(), _PART):
                pass
            return
        except (AttributeError, OSError):
            pass  # not Linux, or a file system that has neither
    shutil.copyfile(source, target)


def start_candidate(settings: Settings, base: Version | None) -> None:
    """A fresh candidate, a copy of `base` where there is one, and nothing of a failed run.

    The work file is there only with `base`, as `keep_start` has kept it, where a build of the same code has.
    """
    settings.build.mkdir(parents=True, exist_ok=True)
    for file in (settings.candidate, settings.work):
        file.unlink(missing_ok=True)
        Path(f"{file}.wal").unlink(missing_ok=True)
    if base:
        _clone(base.file(settings), settings.candidate)
        start = _kept_start(settings, base.code_fingerprint)
        with suppress(duckdb.Error):  # there is none, or it is damaged: it is made again
            duckdb.connect(str(start), read_only=True).close()
            _clone(start, settings.work)


def _kept_start(settings: Settings, code_fingerprint: str) -> Path:
    return settings.build / f"start-{code_fingerprint[:16]}.duckdb"


def keep_start(settings: Settings, code_fingerprint: str, rosters: list[str]) -> None:
    """Keeps what builds to come begin with: the work file's seeds, and the tables of the rosters without their rows.

    They change with the code. A build that loads no seeds and derives nobody's roster needs them.
    """
    kept = _kept_start(settings, code_fingerprint)
    for old in settings.build.glob("start-*"):
        old.unlink()
    part = kept.with_suffix(".part")
    with duckdb.connect() as connection:
        connection.execute(f"attach {quote(settings.work)} as work (read_only)")
        connection.execute(f"attach {quote(part)} as kept")
        for schema, name in connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'work'"
        ).fetchall():
            if schema == "seeds" or f"{schema}.{name}" in rosters:
                connection.execute(f'create schema if not exists kept."{schema}"')
                rows = "" if schema == "seeds" else "limit 0"
                connection.execute(f'create table kept."{schema}"."{name}" as from work."{schema}"."{name}" {rows}')
    part.replace(kept)


def compact(settings: Settings, is_from_nothing: bool = False) -> None:
    """Folds the log into the candidate; writes it anew where rows that this build has replaced leave much of it empty.

    One that was built from nothing has replaced no rows: the gaps of its writing are the next build's to fill.
    """
    with duckdb.connect(str(settings.candidate)) as connection:
        connection.execute("checkpoint")
        (is_loose, storage) = connection.execute(
            """select free_blocks > total_blocks * ?, rtrim(tags['storage_version'], '+')
            from pragma_database_size() inner join duckdb_databases() using (database_name)""",
            [_LOOSE],
        ).fetchone()
    if is_from_nothing or not is_loose:
        return
    anew = settings.candidate.with_suffix(".compact")
    anew.unlink(missing_ok=True)
    limits = {"memory_limit": settings.memory_limit, "temp_directory": str(settings.build / "spill")}
    with duckdb.connect(config=limits) as connection:
        connection.execute(f"attach {quote(settings.candidate)} as loose (read_only)")
        connection.execute(f"attach {quote(anew)} as compact (storage_version {quote(storage)})")
        connection.execute("copy from database loose to compact")
    anew.replace(settings.candidate)


def publish(settings: Settings, version: Version) -> None:
    """Makes the candidate the version that readers see. Until the pointer's rename they see the old one, then the new."""
    wal = Path(f"{settings.candidate}.wal")
    if wal.exists():
        raise RollcallError(f"{wal} was not folded into the candidate")
    settings.versions.mkdir(parents=True, exist_ok=True)
    fsync(settings.candidate)
    sidecar = version.file(settings).with_suffix(".json")
    sidecar.write_text(json.dumps(asdict(version), indent=2) + "\n", "utf-8")
    fsync(sidecar)
    # A version is never changed: who opens it to write is refused.
    settings.candidate.chmod(settings.candidate.stat().st_mode & ~0o222)
    move(settings.candidate, version.file(settings))
    fsync(settings.versions)
    _point(settings, version)
    retire(settings)


def _point(settings: Settings, version: Version) -> None:
    temporary = settings.warehouse / ".rollcall.duckdb.next"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(Path("versions") / f"{version.version}.duckdb")
    temporary.replace(settings.pointer)
    fsync(settings.warehouse)


def rollback(settings: Settings, name: str | None) -> Version:
    """Points readers at an older version: the one before the current, or the one of that name."""
    versions = kept(settings)
    now = settings.pointer.resolve().stem
    older = [version for version in versions if version < now]
    wanted = (older[-1] if older else None) if name is None else name
    if wanted not in versions:
        why = f"there is no version '{name}'" if name is not None else f"there is no version before {now}"
        raise RollcallError(f"{why}; versions kept are: {', '.join(reversed(versions)) or 'none'}")
    version = _described(settings, wanted)
    _point(settings, version)
    return version


def unpublish(settings: Settings) -> None:
    """Takes the version that readers see, and those before, away from them: all that it was made of was withdrawn."""
    settings.pointer.unlink(missing_ok=True)
    retire(settings, keep=0)


def retire(settings: Settings, keep: int | None = None) -> int:
    """Deletes all but the newest versions and the one that readers see; a reader of a deleted one keeps its open file.

    Returns how many went.
    """
    files = sorted(settings.versions.glob("*.duckdb"), reverse=True)
    now = settings.pointer.resolve() if settings.pointer.is_symlink() else None
    gone = [file for file in files[settings.keep_versions if keep is None else keep :] if file.resolve() != now]
    for file in gone:
        file.unlink()
        file.with_suffix(".json").unlink(missing_ok=True)
    for part in settings.versions.glob("*.part"):
        part.unlink()  # of a run that was killed while it copied
    for sidecar in settings.versions.glob("*.json"):
        if not sidecar.with_suffix(".duckdb").exists():
            sidecar.unlink()
    return len(gone)


def is_purging(settings: Settings) -> bool:
    """Whether a district is being removed: no version may be gone on from then."""
    return settings.purging.exists()
