"""Collects files from the SFTP servers of districts whose vendor keeps them there, into the landing folder.

A file is downloaded to a temporary name and renamed once it is whole, so what lies in `_fetched/` needs no settling.
"""

from __future__ import annotations

import base64
import fnmatch
import json
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import paramiko
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from rollcall.districts import District, Sftp
from rollcall.errors import RollcallError
from rollcall.files import fsync
from rollcall.intake import districts, landing
from rollcall.logs import event
from rollcall.settings import Settings

_SECONDS = 30
_COLLECTED = ".collected.json"  # hidden: no delivery
_BROKEN = (paramiko.SSHException, OSError, EOFError)


@dataclass
class Fetched:
    """What was collected for one district. `error` says why not all of it was."""

    district_id: str
    files: list[str] = field(default_factory=list)
    young: list[str] = field(default_factory=list)
    known: int = 0
    error: str | None = None


def fetch(settings: Settings, only: str | None, say: Callable[..., None]) -> list[Fetched]:
    """Collects what is new for every district with an `[sftp]` section, or for one. One that fails stops no other."""
    done = []
    folders = landing.folders(settings) if only is None else [districts.in_landing(settings, only)]
    for folder in folders:
        result, district = Fetched(folder.name), None
        try:
            district = District.load(folder, settings.rules)
            if district.sftp:
                _collect(settings, folder, district.sftp, result, say)
            elif only:
                raise RollcallError(f"{folder / 'district.toml'} has no [sftp] section that says where the files are")
        except RollcallError as error:
            result.error = str(error)
        try:
            if district and district.sftp:
                landing.write_last_fetch(folder, result.error)
            elif district:
                landing.forget_last_fetch(folder)
        except OSError as error:
            result.error = (
                result.error
                or f"{folder} cannot be written to: let the account that collects write there ({error.strerror})"
            )
        if result.error or (district and district.sftp):
            done.append(result)
        event("fetched", **vars(result))
    return done


def _fingerprint(key: paramiko.PKey) -> str:
    return f"{key.get_name()} {key.get_base64()}"


class _Refuse(paramiko.MissingHostKeyPolicy):
    """Trusts no key that was not given: it says which key the server shows, for a person to compare."""

    def __init__(self, settings_file: Path):
        self.settings_file = settings_file

    def missing_host_key(self, client, hostname, key) -> None:
        raise RollcallError(
            f"{self.settings_file} has no host key for {hostname}, which presents {key.fingerprint}: ask the vendor "
            f'whether that key is theirs, and if it is, add under [sftp]: host_key = "{_fingerprint(key)}"'
        )


@contextmanager
def _connected(sftp: Sftp, settings_file: Path) -> Iterator[paramiko.SFTPClient]:
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(_Refuse(settings_file))
    where = sftp.host if sftp.port == 22 else f"[{sftp.host}]:{sftp.port}"
    if sftp.host_key:
        kind, key = sftp.host_key.split()[:2]
        client.get_host_keys().add(where, kind, paramiko.PKey.from_type_string(kind, base64.b64decode(key)))
    password = None
    if sftp.password_env:
        password = os.environ.get(sftp.password_env)
        if password is None:
            raise RollcallError(f"{settings_file}: password_env names {sftp.password_env}, which is not set")
    try:
        client.connect(
            sftp.host,
            sftp.port,
            sftp.user,
            password=password,
            key_filename=str(sftp.key_file.expanduser()) if sftp.key_file else None,
            allow_agent=False,
            look_for_keys=False,
            timeout=_SECONDS,
            banner_timeout=_SECONDS,
            auth_timeout=_SECONDS,
        )
        with client.open_sftp() as session:
            session.get_channel().settimeout(_SECONDS)
            yield session
    except paramiko.BadHostKeyException as error:
        raise RollcallError(
            f"{sftp.host} presents another host key than {settings_file} has ({error.key.fingerprint}): nothing was sent to it. "
            "Someone may be intercepting the connection, or the vendor has a new key: ask them before you change host_key"
        ) from error
    except paramiko.AuthenticationException as error:
        raise RollcallError(
            f"{sftp.host} rejected user '{sftp.user}'; check user and key_file or password_env in {settings_file}"
        ) from error
    finally:
        client.close()


def _collect(settings: Settings, folder: Path, sftp: Sftp, result: Fetched, say: Callable[..., None]) -> None:
    target = folder / landing.FETCHED
    try:
        for attempt in Retrying(
            retry=retry_if_exception_type(_BROKEN),
            stop=stop_after_attempt(3),
            wait=wait_exponential(multiplier=1, max=20),
            reraise=True,
        ):
            with attempt, _connected(sftp, folder / "district.toml") as session:
                _download_new(settings, session, sftp, target, result, say)
    except FileNotFoundError as error:
        raise RollcallError(f"{sftp.host} has no folder '{sftp.folder}'") from error
    except (socket.gaierror, *_BROKEN) as error:
        raise RollcallError(
            f"{sftp.host}: the files could not be collected, tried three times: {str(error).strip() or type(error).__name__}; "
            "complete files are kept, and the next fetch continues"
        ) from error


def _download_new(
    settings: Settings,
    session: paramiko.SFTPClient,
    sftp: Sftp,
    target: Path,
    result: Fetched,
    say: Callable[..., None],
) -> None:
    collected = _collected(target)
    found = sorted(session.listdir_attr(sftp.folder), key=lambda entry: (entry.st_mtime, entry.filename))
    result.known, result.young = 0, []
    for entry in found:
        name = entry.filename
        is_wanted = any(fnmatch.fnmatch(name.lower(), pattern.lower()) for pattern in sftp.files)
        if not stat.S_ISREG(entry.st_mode) or name.startswith(".") or "/" in name or not is_wanted:
            continue
        seen = [entry.st_size, entry.st_mtime]
        if collected.get(name) == seen:
            result.known += 1
            continue
        if abs(time.time() - entry.st_mtime) < settings.settle_seconds:
            result.young.append(name)
            continue
        target.mkdir(parents=True, exist_ok=True)
        part = target / f".{name}.part"
        try:
            # Compares the sizes, and fails when less came than there is.
            session.get(
                f"{sftp.folder}/{name}",
                str(part),
                callback=lambda done, total, name=name: say(f"{result.district_id}: collecting {name}", done, total),
            )
            after = session.stat(f"{sftp.folder}/{name}")
            if [after.st_size, after.st_mtime] != seen:
                result.young.append(name)
                continue
            os.utime(part, (entry.st_mtime, entry.st_mtime))
            fsync(part)
            part.rename(landing.free_name(target, name))
        finally:
            part.unlink(missing_ok=True)
        fsync(target)
        collected[name] = seen
        _remember(target, collected)
        result.files.append(name)


def _collected(target: Path) -> dict[str, list[int]]:
    """What was collected, by name: size and time on the server. A damaged list costs a second download, no more."""
    try:
        found = json.loads((target / _COLLECTED).read_text("utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(target: Path, collected: dict[str, list[int]]) -> None:
    temporary = target / f"{_COLLECTED}.tmp"
    temporary.write_text(json.dumps(collected, indent=0), "utf-8")
    temporary.replace(target / _COLLECTED)
