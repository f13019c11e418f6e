"""The checksums of the lake: SHA-256 of every file that a delivery has filled, written with it.

They lie in `checksums/district_id=…/*.sha256`, as `sha256sum` writes them: in the lake's folder, `sha256sum -c` reads them too.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rollcall.settings import Settings

Sums = dict[Path, str]  # path within the lake → checksum, hexadecimal


def of(file: Path) -> str:
    """The checksum of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def lists(settings: Settings, district_id: str = "*") -> list[Path]:
    """The lists of checksums, one a delivery."""
    return sorted((settings.lake / "checksums").glob(f"district_id={district_id}/*.sha256"))


def read(file: Path) -> Sums:
    """What one list has."""
    lines = file.read_text("utf-8").splitlines()
    return {Path(path): digest for digest, _, path in (line.partition("  ") for line in lines)}


def _write(file: Path, sums: Sums) -> None:
    if not sums:
        file.unlink(missing_ok=True)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as stream:
        stream.writelines(f"{digest}  {path.as_posix()}\n" for path, digest in sorted(sums.items()))
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(file)


def _drop(settings: Settings, district_id: str, is_gone: Callable[[Path], bool], but: Path | None = None) -> None:
    for file in lists(settings, district_id):
        if file == but:
            continue
        sums = read(file)
        kept = {path: digest for path, digest in sums.items() if not is_gone(path)}
        if len(kept) < len(sums):
            _write(file, kept)


def add(
    settings: Settings,
    district_id: str,
    name: str,
    sums: Sums,
    is_gone: Callable[[Path], bool] = lambda path: False,
) -> None:
    """Adds files to the list of that name, in place of what any list has of them or of what is gone."""
    file = settings.lake / "checksums" / f"district_id={district_id}" / f"{name}.sha256"
    kept = {path: digest for path, digest in (read(file) if file.exists() else {}).items() if not is_gone(path)}
    _write(file, kept | sums)
    _drop(settings, district_id, lambda path: is_gone(path) or path in sums, but=file)


def forget(settings: Settings, district_id: str, is_gone: Callable[[Path], bool]) -> None:
    """Takes files that are no longer in the lake off the lists."""
    _drop(settings, district_id, is_gone)


def known(settings: Settings, district_id: str = "*") -> Iterator[tuple[Path, str]]:
    """(path within the lake, checksum) of every file on the lists."""
    for file in lists(settings, district_id):
        yield from read(file).items()


def wrong(settings: Settings, sums: Sums) -> list[str]:
    """The files of these that are gone, or are not what was written."""

    def is_wrong(path: Path) -> bool:
        try:
            return of(settings.lake / path) != sums[path]
        except OSError:
            return True

    with ThreadPoolExecutor(settings.threads or os.cpu_count()) as pool:
        return [str(settings.lake / path) for path, bad in zip(sums, pool.map(is_wrong, sums), strict=True) if bad]
