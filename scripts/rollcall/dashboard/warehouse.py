"""The published version, opened read-only: a new one is picked up when the pointer moves, without a restart."""

from __future__ import annotations

import threading
from pathlib import Path

import duckdb
import numpy as np

from rollcall.errors import RollcallError
from rollcall.files import quote
from rollcall.refresh import publish
from rollcall.settings import Settings

# What the page asks is answered from this one file: no other file, not even one to spill to, no extension, no network.
_CONFIG = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "temp_directory": ""}


class NothingPublished(RollcallError):
    """There is no version yet for the page to show."""


class Version:
    """One published file and the connection to it."""

    def __init__(self, version: publish.Version, file: Path, tables: Path):
        self.name = version.version
        self.published_at = version.published_at
        # The instance itself is in memory, where sums over custom dates are kept while the version is shown.
        self._connection = duckdb.connect(config=_CONFIG)
        self._connection.execute(f"attach {quote(file)} as published (read_only)")
        # Marts that are too large for one file are views of what Spark keeps in `tables`.
        if self._connection.execute("select 1 from duckdb_views() where not internal limit 1").fetchall():
            self._connection.execute(f"set allowed_directories = [{quote(tables)}]")
        self._connection.execute("set enable_external_access = false")
        self._connection.execute("set lock_configuration = true")
        self._local = threading.local()

    def rows(self, sql: str, parameters: dict[str, object] | None = None) -> list[dict[str, object]]:
        """The rows of a query, as dictionaries; safe to call from several threads."""
        result = self._asked(sql, parameters)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def arrays(self, sql: str, parameters: dict[str, object] | None = None) -> dict[str, np.ndarray]:
        """The columns of a query, for many rows of numbers."""
        return {name: np.asarray(values) for name, values in self._asked(sql, parameters).fetchnumpy().items()}

    def _asked(self, sql: str, parameters: dict[str, object] | None) -> duckdb.DuckDBPyConnection:
        cursor = getattr(self._local, "cursor", None)
        if cursor is None:
            cursor = self._local.cursor = self._connection.cursor()
            cursor.execute("use published.marts")
        return cursor.execute(sql, parameters or {})


class Warehouse:
    """Gives the current version. An older one stays open while requests still use it."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._lock = threading.Lock()
        self._current: Version | None = None

    def version(self) -> Version:
        """The version that the pointer names now; while that leads nowhere, the last one.

        NothingPublished before the first, and when all is gone; RollcallError for a pointer that has led nowhere yet.
        """
        with self._lock:
            pointer = self._settings.pointer
            if self._current and pointer.is_symlink() and pointer.readlink().stem == self._current.name:
                return self._current
            try:
                found = publish.current(self._settings)
            except RollcallError:
                if self._current is None:
                    raise
                return self._current  # the next refresh puts the pointer right
            if found is None:
                raise NothingPublished("nothing is published yet: run `rollcall refresh` once files have arrived")
            if self._current is None or self._current.name != found.version:
                self._current = Version(found, found.file(self._settings), self._settings.spark_tables)
            return self._current
