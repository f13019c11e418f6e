"""The log of the command: one JSON object a line, in `build/rollcall.log`."""

from __future__ import annotations

import json
import logging
import re
import traceback
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler

import duckdb

from rollcall.settings import Settings

FILE = "rollcall.log"
_log = logging.getLogger("rollcall")
_log.addHandler(logging.NullHandler())  # without a file, nothing goes to the terminal either


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "process": record.process,
        } | getattr(record, "facts", {})
        if record.exc_info:
            line["traceback"] = traceback_of(record.exc_info[1])
        return json.dumps(line, default=str)


# A quote before a letter is one of the value's own, as in 'O'Brien'.
_QUOTED = re.compile(r"""'(?:[^'\n]|'(?=\w))*'|"(?:[^"\n]|"(?=\w))*\"""")
_TO_THE_LAST_QUOTE = re.compile(r"""'.*'|".*\"""")


_OF_A_VALUE = re.compile("(Conversion|Constraint|Invalid Input|Out of Range|Serialization) Error")


def message_of(error: BaseException) -> str:
    """What an error says, without what it may quote of a delivery: a value, or a statement with the key in it."""
    message = str(error).strip()
    if isinstance(error, duckdb.Error):
        message = message.partition("\n")[0]
    elif not isinstance(error, ValueError):
        return message
    return _QUOTED.sub(lambda quoted: quoted[0] if quoted[0][1:2] == "/" else "'…'", message)


def without_values(message: str) -> str:
    """What dbt says of a model that failed, without the value that a row of someone's data had there."""
    return _TO_THE_LAST_QUOTE.sub("'…'", message) if _OF_A_VALUE.search(message) else message


def traceback_of(error: BaseException | None) -> str:
    """The traceback of an error and of those that it came of, the first one first."""
    parts, seen = [], set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        frames = "".join(traceback.format_tb(error.__traceback__))
        parts.append(f"{frames}{type(error).__name__}: {message_of(error)}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\nand then\n\n".join(reversed(parts))


def to_file(settings: Settings, is_turned_over: bool = True) -> None:
    """Sends what the command logs to the file, which is turned over at 10 MiB; three old ones are kept.

    Not turned over where another process of the command does that.
    """
    # Where the disk is full the command says so once; that the log is full too is not news.
    logging.raiseExceptions = False
    settings.build.mkdir(parents=True, exist_ok=True)
    for handler in _log.handlers[:]:
        _log.removeHandler(handler)
    handler = RotatingFileHandler(
        settings.build / FILE, maxBytes=10 * 2**20 if is_turned_over else 0, backupCount=3, encoding="utf-8"
    )
    handler.setFormatter(_JsonLines())
    _log.setLevel(logging.INFO)
    _log.addHandler(handler)
    _log.propagate = False


def event(message: str, **facts: object) -> None:
    """Logs one event; `facts` become fields of its line."""
    _log.info(message, extra={"facts": facts})


def failure(message: str, **facts: object) -> None:
    """Logs the exception that is being handled, with its traceback."""
    _log.exception(message, extra={"facts": facts})


def failure_of_data(message: str, error: Exception, **facts: object) -> None:
    """Logs an exception that someone's data caused: where it was raised, and not its message, which may quote the data."""
    where = "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__
    _log.error(message, extra={"facts": facts | {"traceback": where}})
