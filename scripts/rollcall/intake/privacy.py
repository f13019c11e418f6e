"""Keyed hashes: what is kept of a person who must not be named."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets

from rollcall.settings import RollcallError, Settings

_BLOCK = 64


def pii_key(settings: Settings) -> bytes:
    """The key of this installation: `ROLLCALL_PII_KEY`, else `lake/.pii_key`, made (0600) on first use.

    The lake remembers the key's fingerprint. Raises RollcallError when the lake was written with another key: hashes
    of old and new deliveries would not meet, and every person would silently become two.
    """
    file, fingerprint = settings.lake / ".pii_key", settings.lake / ".pii_key_fingerprint"
    if settings.pii_key:
        try:
            key = bytes.fromhex(settings.pii_key)
        except ValueError as error:
            raise RollcallError(
                "ROLLCALL_PII_KEY must be hexadecimal, for example from `openssl rand -hex 32`"
            ) from error
        if len(key) < 16:
            raise RollcallError("ROLLCALL_PII_KEY must have at least 32 hexadecimal digits")
    elif file.exists():
        key = bytes.fromhex(file.read_text("ascii"))
    elif fingerprint.exists():
        raise RollcallError(
            f"{file} is gone, and the lake was written with it. Put it back from a backup, or set ROLLCALL_PII_KEY"
        )
    else:
        settings.lake.mkdir(parents=True, exist_ok=True)
        key = secrets.token_bytes(32)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(key.hex())
    mark = hashlib.sha256(b"rollcall" + key).hexdigest()
    if not fingerprint.exists():
        settings.lake.mkdir(parents=True, exist_ok=True)
        fingerprint.write_text(mark, "ascii")
    elif fingerprint.read_text("ascii") != mark:
        raise RollcallError(
            "the key for hashing people's identifiers is not the one that the lake was written with. "
            "Give the old key back in ROLLCALL_PII_KEY or in lake/.pii_key"
        )
    return key


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
