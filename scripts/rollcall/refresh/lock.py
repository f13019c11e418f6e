"""One refresh at a time on one warehouse."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rollcall.errors import RollcallError
from rollcall.settings import Settings


class Locked(RollcallError):
    """Another refresh is running."""


def is_held(file: Path) -> bool:
    """Whether a process holds a lock on a file; the kernel knows, whatever numbers processes have had since."""
    with file.open() as asked:
        try:
            fcntl.flock(asked, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


_mine: dict[Path, int] = {}


def descriptor(settings: Settings) -> int | None:
    """The lock that this process holds, for a process that must not outlive it unnoticed; None where it holds none."""
    return _mine.get(settings.warehouse.resolve())


@contextmanager
def refresh_lock(settings: Settings) -> Iterator[None]:
    """Holds `warehouse/.lock`. The kernel lets go of it when its holder dies, however it dies; a live one keeps it."""
    settings.warehouse.mkdir(parents=True, exist_ok=True)
    with (settings.warehouse / ".lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise Locked(f"another refresh is running (process {file.read().strip() or 'unknown'})") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        _mine[settings.warehouse.resolve()] = file.fileno()
        try:
            yield
        finally:
            del _mine[settings.warehouse.resolve()]
