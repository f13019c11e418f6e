"""What a person can fix, in one line: the errors that the command prints without a traceback."""

from __future__ import annotations

import errno
import re
import shutil
from pathlib import Path
from typing import Protocol


class RollcallError(Exception):
    """Something a person can fix; its text is the one line that the command prints."""


class Rooms(Protocol):
    """The folders whose disk may be full: the settings have them."""

    lake: Path
    build: Path
    warehouse: Path
    spark_warehouse: Path | None


_OF_THE_DISK = re.compile(
    r"No space left[a-z ]*|File too large|Disk quota exceeded|Read-only file system|Permission denied|Input/output error"
    r"|Could not write"
)
_ERRNOS_OF_THE_DISK = (
    errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO,
)  # fmt: skip


def is_of_the_disk(error: object, path: Path | None = None) -> bool:
    """Whether an error, or its message, is about a disk that is full, broken or not ours to write to.

    Names say nothing about the disk: what is quoted is left out of the message, and so is `path`, which may hold quotes itself.
    """
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _ERRNOS_OF_THE_DISK
    message = str(error).split("\nLINE ")[0].replace(str(path), "")
    return bool(_OF_THE_DISK.search(re.sub(r""""[^"]*"|'[^']*'""", "", message)))


def of_the_disk(error: object, settings: Rooms) -> RollcallError:
    """Such an error, as one that a person can fix."""
    message = str(error)
    reason = _OF_THE_DISK.search(message)
    # DuckDB's own message may go on with its stack: the reason and the file are what a person needs.
    file = re.search(r"""["'\\](/[^"'\\\n]+)""", message)
    cause = (reason[0] if reason else message.splitlines()[0]) + (f" ({file[1]})" if file else "")
    rooms = {name: getattr(settings, name) for name in ("lake", "build", "warehouse")}
    if settings.spark_warehouse:
        rooms["Spark's warehouse"] = settings.spark_warehouse
    free = []
    for name, room in rooms.items():
        existing = next(folder for folder in (room, *room.parents) if folder.exists())
        free.append(f"{name} {shutil.disk_usage(existing).free / 2**20:,.0f} MB")
    if re.search("No space left|File too large|Disk quota", message):
        fix = f"Make room (free now: {', '.join(free)})"
    else:
        fix = "Let the account that runs the refresh write there"
    return RollcallError(
        f"the disk refused: {cause}. Nothing was published, and nothing is lost. {fix}, and run `rollcall refresh`"
    )
