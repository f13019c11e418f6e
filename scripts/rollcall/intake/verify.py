"""Compares the lake with its checksums: what is new since the last time, or all of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rollcall.intake import checksums, lake
from rollcall.settings import Settings


@dataclass
class Verified:
    """What was compared: files, their bytes, and how many had no checksum before and have one now."""

    files: int = 0
    bytes: int = 0
    adopted: int = 0

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def _file(settings: Settings) -> Path:
    return settings.warehouse / ".verified.json"


def _last(settings: Settings) -> dict:
    """Which lists were compared, each as it was then, and what was damaged."""
    try:
        said = json.loads(_file(settings).read_text("utf-8"))
        return {"lists": dict(said["lists"]), "damaged": list(said["damaged"])}
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return {"lists": {}, "damaged": []}


def verify(settings: Settings, is_whole: bool = False) -> Verified:
    """Compares what is new since the last time, or the whole lake. `lake.Damaged` names what is not as it was written.

    A file without a checksum, of a lake that was filled before there were any, is read to its end and gets one.
    """
    lake.sweep(settings)
    before = _last(settings)
    lists = {path.relative_to(settings.lake).as_posix(): path.stat().st_mtime_ns for path in checksums.lists(settings)}
    new = {name for name, when in lists.items() if is_whole or before["lists"].get(name) != when}
    again = {Path(path) for path in before["damaged"]}
    known = dict(checksums.known(settings))
    sums = {path: digest for name in new for path, digest in checksums.read(settings.lake / name).items()}
    sums |= {path: known[path] for path in again & set(known)}
    damaged = checksums.wrong(settings, sums)
    adopted = [file for file in lake.all_files(settings) if file.relative_to(settings.lake) not in known]
    unreadable = lake.unreadable(adopted)
    for file in adopted:
        if str(file) not in unreadable:
            checksums.add(
                settings, lake.district_of(file), "adopted", {file.relative_to(settings.lake): checksums.of(file)}
            )
    damaged += unreadable
    there = [path for path in map(settings.lake.joinpath, sums) if path.exists()] + adopted
    _write(settings, damaged, lists if not damaged else before["lists"])
    if damaged:
        raise lake.Damaged(damaged)
    return Verified(len(sums) + len(adopted), sum(path.stat().st_size for path in there), len(adopted))


def _write(settings: Settings, damaged: list[str], lists: dict[str, int]) -> None:
    settings.warehouse.mkdir(parents=True, exist_ok=True)
    inside = [Path(file).relative_to(settings.lake).as_posix() for file in damaged]
    temporary = _file(settings).with_suffix(".tmp")
    temporary.write_text(json.dumps({"lists": lists, "damaged": inside}), "utf-8")
    temporary.replace(_file(settings))


def still_damaged(settings: Settings) -> list[str]:
    """Of what was damaged when it was last compared, what still is."""
    damaged = [Path(path) for path in _last(settings)["damaged"]]
    if not damaged:
        return []
    known = dict(checksums.known(settings))
    found = checksums.wrong(settings, {path: known[path] for path in damaged if path in known})
    return found + lake.unreadable([settings.lake / path for path in damaged if path not in known])
