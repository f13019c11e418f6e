"""Lets a command of the tests run as another account, which must reach the project and its interpreter."""

from __future__ import annotations

import ctypes
import os
import pwd
import subprocess
import sys
import tempfile
from pathlib import Path

from rollcall.paths import PROJECT

_CLONE_NEWNS = 0x20000


def become(name: str, home: str) -> None:
    """Makes this process, which is root's, one of that account for good."""
    account = pwd.getpwnam(name)
    _open_the_way([Path(sys.base_prefix), Path(sys.prefix), PROJECT])
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    os.environ["HOME"] = home


def _open_the_way(paths: list[Path]) -> None:
    """Where one of the paths lies in a folder closed to others, as root's home is: this process alone sees it in an open one."""
    closed: dict[Path, list[Path]] = {}
    for path in map(Path.resolve, paths):
        for folder in reversed(path.parents):
            if not folder.stat().st_mode & 0o001:
                closed.setdefault(folder, []).append(path)
                break
    if not closed:
        return
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNS):
        raise OSError(
            ctypes.get_errno(), f"{', '.join(map(str, closed))} is closed to other accounts, and cannot be opened"
        )

    def mount(*arguments: object) -> None:
        subprocess.run(["mount", *map(str, arguments)], check=True)

    mount("--make-rprivate", "/")
    with tempfile.TemporaryDirectory() as aside:
        for folder, inside in closed.items():
            mount("-t", "tmpfs", "-o", "mode=755", "none", aside)
            kept = []
            for number, path in enumerate(inside):
                kept.append(Path(aside) / str(number))
                kept[-1].mkdir()
                mount("--bind", path, kept[-1])
            mount("-t", "tmpfs", "-o", "mode=755", "none", folder)
            for path, source in zip(inside, kept, strict=True):
                path.mkdir(parents=True, exist_ok=True)
                mount("--bind", source, path)
            subprocess.run(["umount", "-R", aside], check=True)
