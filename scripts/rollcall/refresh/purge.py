"""Deleting for good: what was kept long enough, or all that is kept of a district, with a report that proves it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from rollcall import accesslog, logs
from rollcall.engines import marts, spark
from rollcall.errors import RollcallError
from rollcall.files import fsync
from rollcall.intake import districts, lake, take
from rollcall.refresh import alerted, clock, ledger, publish
from rollcall.refresh.run import Say, refresh
from rollcall.settings import Settings
from rollcall.text import printable

_ROOMS = ("landing", "archive", "quarantine", "lake", "state")


@dataclass
class Purge:
    """What went, and what a search afterwards found. `checks` is what was looked at and how much of it was left there."""

    what: str
    at: str
    by: str | None = None
    why: str | None = None
    removed: dict[str, int] = field(default_factory=dict)
    removed_bytes: int = 0
    checks: dict[str, int] = field(default_factory=dict)
    published: str | None = None
    file: Path | None = None

    @property
    def is_clean(self) -> bool:
        return not any(self.checks.values())

    def as_dict(self) -> dict[str, object]:
        return {**vars(self), "file": str(self.file) if self.file else None, "is_clean": self.is_clean}

    def lines(self) -> Iterator[str]:
        yield f"Purged {printable(self.what)} at {self.at[:19]} UTC" + (
            f", by {printable(self.by)}: {printable(self.why)}" if self.by else ""
        )
        for name, count in self.removed.items():
            yield f"  removed {count:,} {name.replace('_', ' ')}"
        yield f"  {self.removed_bytes:,} bytes"
        for where, left in self.checks.items():
            yield f"  {'left: ' + format(left, ',') if left else 'none left'} in {where}"
        if self.published:
            yield f"Readers have version {self.published}, which holds nothing of it."
        elif self.by:
            yield "Nothing is published."
        if self.file:
            yield f"The report is {self.file}"
        if not self.is_clean:
            yield "Not all is gone: run the same command again."


def _must_reach_all(settings: Settings) -> None:
    """RollcallError before anything is deleted, where what Spark keeps of the district could not be deleted, too."""
    if settings.engine == "spark":
        spark.check(settings)
    elif (settings.spark_tables / "marts").exists():
        raise RollcallError(
            f"{settings.spark_tables} holds marts that were built on Spark, which DuckDB does not clear. Nothing was deleted. "
            "Set ROLLCALL_ENGINE=spark and purge again, or delete that folder first if you have gone back to DuckDB"
        )


def _write(settings: Settings, purge: Purge) -> None:
    folder = settings.warehouse / "purges"
    folder.mkdir(parents=True, exist_ok=True)
    purge.file = folder / f"{re.sub('[^0-9T]', '', purge.at[:23])}.json"
    purge.file.write_text(json.dumps(purge.as_dict(), ensure_ascii=False, indent=2) + "\n", "utf-8")
    fsync(purge.file)
    logs.event("purged", what=purge.what, removed=purge.removed, is_clean=purge.is_clean)


def retention(settings: Settings) -> Purge:
    """Deletes what is older than the settings say. A refresh does the same, without the report."""
    if settings.engine == "spark":
        spark.check(settings)
    now = datetime.now(UTC)
    purge = Purge("what was kept long enough", now.isoformat())
    before = _bytes(settings)
    purge.removed |= take.retire(settings, clock.read(settings, now).believed)
    purge.removed["published_versions"] = publish.retire(settings)
    if settings.engine == "spark":
        purge.removed["versions_on_spark"] = marts.forget(settings, publish.kept(settings))
    purge.removed["access_log_lines"] = accesslog.retire(settings)
    purge.removed_bytes = before - _bytes(settings)
    _write(settings, purge)
    return purge


def _bytes(settings: Settings) -> int:
    rooms = (settings.archive, settings.quarantine, settings.versions)
    return sum(file.stat().st_size for room in rooms for file in room.rglob("*") if file.is_file())


def _folders(settings: Settings, district_id: str) -> Iterator[tuple[str, Path]]:
    """(room, path) of all that is a district's own, each found in a listing of its room."""
    yield from ((room, folder) for room, folder in districts.rooms(settings) if folder.name == district_id)
    # What was uploaded in the browser, and not placed in the landing.
    yield from (("state", folder) for folder in (settings.state / "uploads").glob("*") if folder.name == district_id)
    # The records first: from then on nothing of the district is in the lake for any reader.
    partitions = [folder for folder in districts.partitions(settings) if districts.of_partition(folder) == district_id]
    partitions += [folder for folder in districts.incoming(settings) if districts.of_incoming(folder)[0] == district_id]
    for folder in sorted(partitions, key=lambda path: (path.parent.name != "deliveries", str(path))):
        yield "lake", folder


def find(settings: Settings, name: str) -> str:
    """The district of exactly that name. RollcallError where nothing is kept of it, or where a link leads out of a room."""
    district_id = districts.find(name, districts.known(settings))
    for room, folder in _folders(settings, district_id):
        if folder.is_symlink():
            raise RollcallError(
                f"{printable(folder)} is a link to {printable(folder.resolve())}, and Rollcall deletes only what lies in its own "
                f"folders. Nothing was deleted. Delete what is there, remove the link from {room}/, and purge again"
            )
    return district_id


def _marker(settings: Settings) -> Path:
    return settings.purging


def _begin(settings: Settings, district_id: str, purge: Purge) -> None:
    """Marks what is under way, and counts what will go before it goes: a purge that goes on says all that went."""
    before = districts.purging(settings)
    before = before if before.get("district_id") == district_id else {}
    found: dict[str, int] = {}
    for room, path in _folders(settings, district_id):
        files = [file for file in path.rglob("*") if file.is_symlink() or file.is_file()]
        purge.removed_bytes += sum(file.lstat().st_size for file in files)
        found[f"{room}_files"] = found.get(f"{room}_files", 0) + len(files)
    # One that was killed had counted what it has deleted, and what it has not.
    purge.removed = {
        name: max(found.get(name, 0), count) for name, count in (found | before.get("removed", {})).items()
    }
    purge.removed_bytes = max(purge.removed_bytes, before.get("removed_bytes", 0))
    marker = {"district_id": district_id, "removed": purge.removed, "removed_bytes": purge.removed_bytes}
    temporary = _marker(settings).with_suffix(".tmp")
    temporary.write_text(json.dumps(marker), "utf-8")
    fsync(temporary)
    temporary.replace(_marker(settings))


def district(settings: Settings, district_id: str, by: str, why: str, say: Say) -> Purge:
    """Removes a district from every room, publishes a version without it, and deletes all versions before that.

    Killed on the way, the same command goes on where it stopped; a refresh in between builds from the whole lake.
    """
    _must_reach_all(settings)
    purge = Purge(f"district {district_id}", datetime.now(UTC).isoformat(), by, why)
    for room in (settings.warehouse, settings.lake):  # nothing may have been taken yet
        room.mkdir(parents=True, exist_ok=True)
    _begin(settings, district_id, purge)
    say(f"deleting what is kept of {district_id}")
    for _, path in list(_folders(settings, district_id)):
        if path.is_dir():
            shutil.rmtree(path)
    purge.removed["ledger_entries"] = _forget_in_ledger(settings, district_id)
    alerted.forget(settings, district_id)
    purge.removed["access_log_lines"] = accesslog.forget(settings, district_id)
    purge.removed["build_files"] = _clear_build(settings)
    if settings.engine == "spark":
        # With every version that they have: what follows makes them anew, from a lake that holds nothing of the district.
        purge.removed["tables_on_spark"] = marts.drop_all(settings)

    if not lake.accepted_ids(settings):
        # No district is left: an empty warehouse is one that no audit lets pass, and nobody is there to read it.
        settings.pointer.unlink(missing_ok=True)
        purge.removed["published_versions"] = publish.retire(settings, keep=0)
    elif _is_published(settings, district_id):
        # What other districts have delivered meanwhile is for their next refresh.
        run = refresh(settings, say, full=True, intake=False)
        if run.exit_code not in (0, 20) or run.version != run.run_id:
            failure = (run.failures or ["nothing was published"])[0]
            raise RollcallError(
                f"the version without {printable(district_id)} could not be published: {failure}; run the purge again"
            )
        purge.published = run.version
        purge.removed["published_versions"] = publish.retire(settings, keep=1)
        _clear_build(settings)
    else:
        current = publish.current(settings)
        purge.published = current.version if current else None
    _search(settings, district_id, purge)
    if purge.is_clean:
        _marker(settings).unlink()
    _write(settings, purge)
    return purge


def _is_published(settings: Settings, district_id: str) -> bool:
    """Whether a version may hold anything of the district; one that cannot be read may."""
    for file in settings.versions.glob("*.duckdb"):
        try:
            if any(district_id in rows for rows in districts.in_version(file).values()):
                return True
        except duckdb.Error:
            return True
    return False


def _names(district_id: str) -> re.Pattern[str]:
    """Finds the name in a sentence of the ledger; what goes on before or after it is another name."""
    return re.compile(rf"(?<![\w.-]){re.escape(district_id)}(?![\w-]|[.]\w)")


def _is_about(line: str, district_id: str, settings: Settings) -> bool:
    """Whether an entry of the ledger is about a file or the settings of the district."""
    folder = settings.landing / district_id
    return line.startswith((f"{district_id}/", f"{folder}/", f"{folder}:"))


def _forget_in_ledger(settings: Settings, district_id: str) -> int:
    """Takes the district's deliveries out of the runs, and what was said of its files.

    What is said of a run as a whole stays; the district's name in it does not.
    """
    runs, _ = ledger.read(settings)
    gone, name = 0, _names(district_id)
    for run in runs:
        kept = [delivery for delivery in run["deliveries"] if delivery["district_id"] != district_id]
        gone += len(run["deliveries"]) - len(kept)
        run["deliveries"] = kept
        for field_ in ("repeated", "skipped"):
            run[field_] = [line for line in run.get(field_, []) if not _is_about(line, district_id, settings)]
        for field_ in ("failures", "drift", "mended"):
            run[field_] = [name.sub("[purged]", line) for line in run.get(field_, [])]
    ledger.rewrite(settings, runs)
    return gone


def _left_in_ledger(settings: Settings, district_id: str) -> int:
    name = _names(district_id)
    return sum(
        any(delivery["district_id"] == district_id for delivery in run["deliveries"])
        or any(_is_about(line, district_id, settings) for field_ in ("repeated", "skipped") for line in run[field_])
        or any(name.search(line) for field_ in ("failures", "drift", "mended") for line in run[field_])
        for run in ledger.read(settings)[0]
    )


def _clear_build(settings: Settings) -> int:
    """The build folder may be lost at any time, and its logs, Data Docs and work file name districts."""
    spark.stop()  # its scratch files are there
    gone = 0
    for path in settings.build.glob("*"):
        gone += 1
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    logs.to_file(settings)
    return gone


def _search(settings: Settings, district_id: str, purge: Purge) -> None:
    """Looks for the district in every room and in every table that readers have."""
    for room in _ROOMS:
        found = [path for name, path in _folders(settings, district_id) if name == room and path.exists()]
        purge.checks[f"{room} ({getattr(settings, room)})"] = len(found)
    purge.checks["the run ledger"] = _left_in_ledger(settings, district_id)
    purge.checks["what alerts have said"] = alerted.count_of(settings, district_id)
    purge.checks["the access log"] = accesslog.count(settings, district_id)
    if settings.engine == "spark":
        purge.checks |= marts.rows_of(settings, district_id)
    for name in publish.kept(settings):
        for mart, rows in districts.in_version(settings.versions / f"{name}.duckdb").items():
            purge.checks[f"{mart} of version {name}"] = rows.get(district_id, 0)
