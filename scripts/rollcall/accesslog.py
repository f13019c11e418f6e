"""Who saw, exported and changed what, and when; and who is signed on: the small state of what is served, in one SQLite file.

No figure is in it. `rollcall access` lists it, lines go after `access_log_days`, and a purge takes a district's.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rollcall.errors import RollcallError
from rollcall.settings import Settings

_SCHEMA = """
create table if not exists access (at real not null, who text not null, action text not null, district_id text, what text not null);
create index if not exists access_at on access (at);
create table if not exists sessions (id text primary key, who text not null, began_at real not null, seen_at real not null);
"""
_MOST = 1_000  # characters of what a line says
_TOUCH = 30  # seconds within which a session is not written again


@dataclass(frozen=True)
class Line:
    at: float
    who: str
    action: str
    district_id: str | None
    what: str

    @property
    def time(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)


def file(settings: Settings) -> Path:
    return settings.state / "access.sqlite"


@contextlib.contextmanager
def _open(settings: Settings) -> Iterator[sqlite3.Connection]:
    path = file(settings)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_new = not path.exists()
        if is_new:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        with contextlib.closing(sqlite3.connect(path, timeout=10)) as connection:
            if is_new or not connection.execute("select 1 from sqlite_master").fetchone():
                connection.execute("pragma journal_mode = wal")
                connection.executescript(_SCHEMA)
            # A line that a power cut loses is one of the last second.
            connection.execute("pragma synchronous = normal")
            # What is deleted is overwritten: a purge must leave nothing in the file.
            connection.execute("pragma secure_delete = on")
            with connection:
                yield connection
    except (sqlite3.Error, OSError) as error:
        raise RollcallError(f"the access log {path} cannot be used: {error}") from error


# The log


def note(settings: Settings, who: str, action: str, district_id: str | None = None, what: str = "") -> None:
    """Writes a line. What cannot be logged must not happen: RollcallError."""
    now = time.time()
    with _open(settings) as connection:
        connection.execute("insert into access values (?, ?, ?, ?, ?)", (now, who, action, district_id, what[:_MOST]))
        connection.execute("delete from access where at < ?", (now - settings.access_log_days * 86_400,))


def lines(
    settings: Settings, since: float = 0, who: str | None = None, district_id: str | None = None, most: int = 1000
) -> list[Line]:
    """The newest lines, the newest first."""
    if not file(settings).exists():
        return []
    with _open(settings) as connection:
        return [
            Line(*row)
            for row in connection.execute(
                """select at, who, action, district_id, what from access
                where at >= ?1 and (?2 is null or who = ?2) and (?3 is null or district_id = ?3) order by at desc limit ?4""",
                (since, who, district_id, most),
            )
        ]


def retire(settings: Settings) -> int:
    """Deletes the lines that are old enough, and the sessions that have ended. Returns how many lines went."""
    if not file(settings).exists():
        return 0
    now = time.time()
    with _open(settings) as connection:
        connection.execute("delete from sessions where began_at < ?", (now - settings.session_hours * 3600,))
        return connection.execute(
            "delete from access where at < ?", (now - settings.access_log_days * 86_400,)
        ).rowcount


def count(settings: Settings, district_id: str) -> int:
    """How many lines are about a district."""
    if not file(settings).exists():
        return 0
    with _open(settings) as connection:
        (found,) = connection.execute("select count(*) from access where district_id = ?", (district_id,)).fetchone()
    return found


def forget(settings: Settings, district_id: str) -> int:
    """Deletes the lines about a district, and all of people who are in no line about another. Returns how many went."""
    if not file(settings).exists():
        return 0
    theirs = """who in (select who from access where district_id = ?1)
        and who not in (select who from access where district_id <> ?1)"""
    with _open(settings) as connection:
        connection.execute(f"delete from sessions where {theirs}", (district_id,))
        gone = connection.execute(f"delete from access where district_id = ?1 or ({theirs})", (district_id,)).rowcount
    with _open(settings) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    return gone


# The sessions


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def begin(settings: Settings, who: str) -> str:
    """A new session of a person, as the secret that names it. The file keeps its hash alone."""
    token, now = secrets.token_urlsafe(32), time.time()
    with _open(settings) as connection:
        connection.execute("insert into sessions values (?, ?, ?, ?)", (_hash(token), who, now, now))
    return token


def signed_on(settings: Settings, token: str, is_active: bool) -> str | None:
    """Whose session it is; None where it has ended. `is_active`: the person has done something, which puts the idle end off."""
    if not file(settings).exists():
        return None
    now = time.time()
    with _open(settings) as connection:
        row = connection.execute("select who, began_at, seen_at from sessions where id = ?", (_hash(token),)).fetchone()
        if row is None:
            return None
        who, began_at, seen_at = row
        is_over = now - began_at > settings.session_hours * 3600 or now - seen_at > settings.session_idle_minutes * 60
        if is_over:
            connection.execute("delete from sessions where id = ?", (_hash(token),))
            return None
        if is_active and now - seen_at > min(_TOUCH, settings.session_idle_minutes * 6):
            connection.execute("update sessions set seen_at = ? where id = ?", (now, _hash(token)))
        return who


def end(settings: Settings, token: str) -> None:
    """Ends a session, whoever still has its cookie."""
    with _open(settings) as connection:
        connection.execute("delete from sessions where id = ?", (_hash(token),))


def key(settings: Settings) -> bytes:
    """The key that sessions are signed with; made on first use."""
    if given := settings.session_key.get_secret_value():
        try:
            found = bytes.fromhex(given)
        except ValueError as error:
            raise RollcallError("ROLLCALL_SESSION_KEY is not hex digits") from error
        if len(found) < 32:
            raise RollcallError("ROLLCALL_SESSION_KEY must have 64 hex digits or more")
        return found
    path = settings.state / "session_key"
    try:
        settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            # Written aside and linked: a second process finds a whole key or none.
            aside = path.with_name(f".session_key-{secrets.token_hex(4)}")
            with os.fdopen(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as stream:
                stream.write(secrets.token_hex(32))
            with contextlib.suppress(FileExistsError):
                os.link(aside, path)
            aside.unlink()
        return bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise RollcallError(f"the key of the sessions {path} cannot be used: {error}") from error
