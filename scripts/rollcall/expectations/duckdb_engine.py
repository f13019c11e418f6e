"""Lets Great Expectations' SQL engine talk to DuckDB. All that is needed lives here, so that a native engine can replace it.

duckdb-engine hands rows out lazily, and Great Expectations reads them after the connection has gone back to the pool:
every metric then fails with `list index out of range`. A buffered cursor, taken by public SQLAlchemy interfaces, does
not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
from duckdb_engine import ConnectionWrapper
from duckdb_engine import Dialect as DuckDBDialect
from sqlalchemy.dialects import registry
from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy


class _Context(DuckDBDialect.execution_ctx_cls):
    def post_exec(self) -> None:
        super().post_exec()
        if self.cursor.description:
            self.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(
                self.cursor, self.cursor.description, self.cursor.fetchall()
            )


class BufferedDuckDBDialect(DuckDBDialect):
    """duckdb-engine's dialect with results fetched at once, and the version before, where there is one, as `before`."""

    before: Path | None = None

    execution_ctx_cls = _Context
    supports_statement_cache = False

    def connect(self, *arguments: Any, **options: Any) -> Any:
        options["database"] = _FILES[options["database"]]
        connection = super().connect(*arguments, **options)
        _CONNECTIONS.append(connection)
        # Great Expectations looks columns up by the bare table name, whatever the asset's schema is.
        connection.execute("set schema = 'marts'")
        if self.before:
            path = str(self.before).replace("'", "''")
            connection.execute(f"attach if not exists '{path}' as before (read_only)")
        return connection


class LentDuckDBDialect(BufferedDuckDBDialect):
    """The same on cursors of a connection that is there already: they share its tables, but for temporary ones."""

    owner: duckdb.DuckDBPyConnection | None = None

    def connect(self, *arguments: Any, **options: Any) -> Any:
        return ConnectionWrapper(cursor())


registry.register("rollcallduckdb", __name__, "BufferedDuckDBDialect")
registry.register("rollcalllent", __name__, "LentDuckDBDialect")


_FILES: dict[str, str] = {}
_CONNECTIONS: list[Any] = []


def connection_string(file: Path) -> str:
    """An address that stands for the file: in a path, Great Expectations would replace what follows a dollar sign."""
    name = f"file-{len(_FILES)}"
    _FILES[name] = str(file)
    return f"rollcallduckdb:///{name}"


def close() -> None:
    """Closes the files: Great Expectations keeps connections of its own, which its engine does not close."""
    while _CONNECTIONS:
        _CONNECTIONS.pop().close()


def cursor() -> duckdb.DuckDBPyConnection:
    """A cursor of the connection that is lent. A metric of our own need not go through SQLAlchemy, which begins and ends a transaction."""
    if LentDuckDBDialect.owner is None:
        raise RuntimeError("no connection is lent to Great Expectations now")
    return LentDuckDBDialect.owner.cursor()


LENT = "rollcalllent:///:memory:"  # the address at which Great Expectations finds the connection that is lent


@contextmanager
def lent(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Lends Great Expectations a connection."""
    LentDuckDBDialect.owner = connection
    try:
        yield
    finally:
        LentDuckDBDialect.owner = None


READ_ONLY = {"connect_args": {"read_only": True}}
