"""The log of the command: one JSON object a line, in `build/rollcall.log`."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler

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
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def to_file(settings: Settings) -> None:
    """Sends what the command logs to the file, which is turned over at 10 MiB; three old ones are kept."""
    # Where the disk is full the command says so once; that the log is full too is not news.
    logging.raiseExceptions = False
    settings.build.mkdir(parents=True, exist_ok=True)
    for handler in _log.handlers[:]:
        _log.removeHandler(handler)
    handler = RotatingFileHandler(settings.build / FILE, maxBytes=10 * 2**20, backupCount=3, encoding="utf-8")
    handler.setFormatter(_JsonLines())
    _log.setLevel(logging.INFO)
    _log.addHandler(handler)
    _log.propagate = False


def event(words: str, **facts: object) -> None:
    """Logs one event; `facts` become fields of its line."""
    _log.info(words, extra={"facts": facts})


def failure(words: str, **facts: object) -> None:
    """Logs the exception that is being handled, with its traceback."""
    _log.exception(words, extra={"facts": facts})


def failure_of_data(words: str, error: Exception, **facts: object) -> None:
    """Logs an exception that somebody's data caused: where it was raised, and not its message, which may quote the data."""
    where = "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__
    _log.error(words, extra={"facts": facts | {"traceback": where}})
