"""Keyed hashes: what is kept of a person who must not be named."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from rollcall.errors import RollcallError
from rollcall.files import fsync
from rollcall.intake import lake
from rollcall.settings import Settings

_BLOCK = 64
_MADE, _LEAST = 32, 16  # bytes of a key that is made here, and the fewest of one that is given
# Host syntax in lower case: labels of letters, digits, hyphens and underscores, with dots between them.
HOST = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:[.][a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*"


def domain(email: str) -> str:
    """A SQL expression: the domain of an address in lower case; blank where what stands after the @ is none."""
    # No regexp_extract: to say what a pattern has matched takes ten times as long as to say that it has.
    return f"case when regexp_matches({email}, '@{HOST}$') then split_part({email}, '@', -1) else '' end"


def pii_key(settings: Settings) -> bytes:
    """The key of this installation: `ROLLCALL_PII_KEY`, else `lake/.pii_key`, made (0600) on first use.

    The lake remembers the key's fingerprint. Raises RollcallError when the lake was written with another key: hashes
    of old and new deliveries would not meet, and every person would silently become two. A key or a fingerprint that is
    cut off is never used.
    """
    file, fingerprint = settings.lake / ".pii_key", settings.lake / ".pii_key_fingerprint"
    known = _read(fingerprint)
    if known is not None and not re.fullmatch("[0-9a-f]{64}", known):
        raise RollcallError(
            f"{fingerprint} is cut off or damaged. Restore it from a backup; without one, delete it, but only if you know that "
            "the key is the one that the lake was written with"
        )
    if settings.pii_key:
        try:
            key = bytes.fromhex(settings.pii_key)
        except ValueError as error:
            raise RollcallError(
                "ROLLCALL_PII_KEY must be hexadecimal, for example from `openssl rand -hex 32`"
            ) from error
        if len(key) < _LEAST:
            raise RollcallError(f"ROLLCALL_PII_KEY must have at least {2 * _LEAST} hexadecimal digits")
    elif (text := _read(file)) is not None:
        # Without a fingerprint to compare it with, only the length of a key that Rollcall has made shows that it is whole.
        least = _LEAST if known else _MADE
        if not re.fullmatch("([0-9a-fA-F]{2})*", text) or len(text) < 2 * least:
            raise RollcallError(
                f"{file} holds no whole key of {2 * _MADE} hexadecimal digits. Restore it from a backup, or set ROLLCALL_PII_KEY; "
                "if nothing was ever taken into this lake, delete the file, and the next refresh makes a key"
            )
        key = bytes.fromhex(text)
    elif known or lake.records(settings):
        raise RollcallError(
            f"{file} is gone, and the lake was written with it. Restore it from a backup, or set ROLLCALL_PII_KEY"
        )
    else:
        key = secrets.token_bytes(_MADE)
        _write_whole(file, key.hex())
    mark = hashlib.sha256(b"rollcall" + key).hexdigest()
    if known is None:
        _write_whole(fingerprint, mark)
    elif known != mark:
        raise RollcallError(
            "the key for hashing people's identifiers is not the one that the lake was written with. "
            "Give the old key back in ROLLCALL_PII_KEY or in lake/.pii_key"
        )
    return key


def _read(file: Path) -> str | None:
    """What the file says; None where there is none."""
    try:
        return file.read_bytes().decode("ascii", "replace").strip()
    except FileNotFoundError:
        return None


def _write_whole(file: Path, text: str) -> None:
    """Writes the file (0600) whole or not at all, and makes it last: a full disk or a kill leaves no half of a key."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f"{file.name}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
    fsync(file.parent)


def macros(key: bytes) -> list[str]:
    """DuckDB macros: `keyed_hash(text)` is HMAC-SHA-256 in hex, NULL or blank in, NULL out."""
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")

    def literal(pad: int) -> str:
        return "'" + "".join(f"\\x{byte ^ pad:02x}" for byte in block) + "'::blob"

    return [
        f"""create or replace temp macro keyed_hash(value) as
        case when trim(value) <> '' then
            sha256({literal(0x5C)} || unhex(sha256({literal(0x36)} || encode(trim(value)))))
        end"""
    ]


def identity_salt(key: bytes) -> str:
    """A secret prefix for `identity_key`, the short number by which page loads refer to the identities of usage."""
    return hmac.new(key, b"identity_key", "sha256").hexdigest()
