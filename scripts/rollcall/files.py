"""Files that outlive a loss of power, and their names in SQL."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def fsync(path: Path) -> None:
    """Makes a file, or the names in a folder, outlive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A path beside `target` to write to. What stands there in the end is `target`, wholly or not at all, and lasts."""
    temporary = target.with_name(f".{target.name}.tmp")
    temporary.unlink(missing_ok=True)
    yield temporary
    fsync(temporary)
    temporary.replace(target)
    fsync(target.parent)


def write(target: Path, text: str) -> None:
    """Writes a file, wholly or not at all."""
    with replacing(target) as temporary:
        temporary.write_text(text, "utf-8")


def move(source: Path, target: Path) -> Path:
    """Moves a file. To another disk it is copied first, so that there never is half of it under its name."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        part = target.with_name(".moving.part")
        try:
            shutil.copy2(source, part)
            fsync(part)
            part.rename(target)
        finally:
            part.unlink(missing_ok=True)
        source.unlink()
    return target


def quote(value: object) -> str:
    """A SQL string literal."""
    return "'" + str(value).replace("'", "''") + "'"
