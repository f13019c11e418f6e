"""The run ledger: one JSON object a line, `lake/runs.jsonl`, which `fct_refresh_runs` reads.

A run that is killed while it writes leaves a broken last line: readers pass it over, and the next run begins a new one.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO

from rollcall.files import replacing, write
from rollcall.intake import lake
from rollcall.refresh.lock import is_held
from rollcall.settings import Settings

_BEGUN = ".running.json"


def file(settings: Settings) -> Path:
    return settings.lake / lake.RUNS


def append(settings: Settings, entry: dict[str, object]) -> None:
    """Adds a run, and makes it last."""
    with file(settings).open("ab+") as stream:
        stream.seek(0, os.SEEK_END)
        if stream.tell():
            stream.seek(-1, os.SEEK_END)
            torn = stream.read(1) != b"\n"
            stream.write(b"\n" if torn else b"")
        stream.write(json.dumps(entry, ensure_ascii=False, default=str).encode() + b"\n")
        stream.flush()
        os.fsync(stream.fileno())


def read(settings: Settings) -> tuple[list[dict], int]:
    """(the runs, the oldest first; the number of lines that cannot be read)."""
    runs, broken = [], 0
    if not file(settings).exists():
        return runs, broken
    for line in file(settings).read_bytes().split(b"\n"):
        if not line.strip():
            continue
        try:
            run = json.loads(line)
        except ValueError:
            broken += 1
            continue
        if isinstance(run, dict) and "run_id" in run:
            runs.append(run)
        else:
            broken += 1
    return runs, broken


def rewrite(settings: Settings, runs: list[dict]) -> None:
    """Puts these runs in place of all; what could not be read is gone."""
    write(file(settings), "".join(json.dumps(run, ensure_ascii=False) + "\n" for run in runs))


@dataclass(frozen=True)
class Begun:
    """A refresh that has begun and has not ended: it runs, or it was killed or lost its power."""

    run_id: str
    started_at: datetime
    process: int
    is_running: bool


def begin(settings: Settings, run_id: str, started_at: datetime) -> TextIO:
    """Marks that a refresh has begun; `end` takes the mark away, however it ends, unless it is killed.

    The open file holds a lock on the mark, which says that the refresh runs: the warehouse's own lock would not say so, since
    other commands take it too, `watch` among them when it asks.
    """
    settings.warehouse.mkdir(parents=True, exist_ok=True)
    with replacing(settings.warehouse / _BEGUN) as temporary:
        mark = temporary.open("w", encoding="utf-8")
        fcntl.flock(mark, fcntl.LOCK_EX)  # before it has its name: nobody sees it without its lock
        json.dump({"run_id": run_id, "started_at": started_at.isoformat(), "process": os.getpid()}, mark)
        mark.flush()
    return mark


def end(settings: Settings, mark: TextIO | None) -> None:
    (settings.warehouse / _BEGUN).unlink(missing_ok=True)
    if mark:
        mark.close()


def begun(settings: Settings) -> Begun | None:
    """The refresh that has begun and has not ended, if any."""
    file = settings.warehouse / _BEGUN
    try:
        mark = json.loads(file.read_text("utf-8"))
        started_at, process = datetime.fromisoformat(mark["started_at"]), int(mark["process"])
        return Begun(mark["run_id"], started_at, process, is_held(file))
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def beat(settings: Settings, entry: dict[str, object]) -> None:
    """Says when a refresh last ended, be it that it found nothing to do: the ledger does not grow with the clock."""
    write(settings.warehouse / ".last_run.json", json.dumps(entry))


def last_beat(settings: Settings) -> dict | None:
    """When and how the last refresh ended; None before the first. What cannot be read, the ledger's last run stands in for."""
    names = ("run_id", "ended_at", "exit_code")
    try:
        beat = json.loads((settings.warehouse / ".last_run.json").read_text("utf-8"))
        return {name: beat[name] for name in names}
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        runs, _ = read(settings)
        return {name: runs[-1][name] for name in names} if runs else None
