"""One lake, and beside it the build folder and the warehouse of each engine."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from rollcall import logs
from rollcall.refresh.lock import refresh_lock
from rollcall.refresh.run import Days, Run, Say, refresh
from rollcall.settings import Settings

# For tables of a few rows: no code is generated, and as few tasks run as there are cores.
CONF = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=256m",
}
SHARED = ("landing", "archive", "lake", "quarantine", "rules")


@dataclass
class House:
    root: Path

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    def rooms(self, engine: str) -> dict[str, Path]:
        own = {name: self.root / engine / name for name in ("build", "warehouse")}
        return {name: self.root / name for name in SHARED} | own

    def settings(self, engine: str, **more: Any) -> Settings:
        return Settings(
            **self.rooms(engine), settle_seconds=0, engine=engine,
            **{"spark_master": "local[2]", "spark_conf": CONF} | more,
        )  # fmt: skip

    def refresh(
        self, engine: str, full: bool = False, backfill: Days | None = None, say: Say = lambda *_: None, **more: Any
    ) -> Run:
        """Refreshes in this process, in which Spark starts once. What arrived is in the lake after the first engine."""
        settings = self.settings(engine, **more)
        logs.to_file(settings)
        with refresh_lock(settings):
            return refresh(settings, say, full=full, backfill=backfill)

    def environment(self, engine: str, **settings: str) -> dict[str, str]:
        rooms = {f"ROLLCALL_{name.upper()}": str(path) for name, path in self.rooms(engine).items()}
        spark = {
            "ROLLCALL_ENGINE": engine,
            "ROLLCALL_SPARK_MASTER": "local[2]",
            "ROLLCALL_SPARK_CONF": json.dumps(CONF),
        }
        return (
            os.environ | rooms | spark | {"ROLLCALL_SETTLE_SECONDS": "0"}
            | {f"ROLLCALL_{name.upper()}": value for name, value in settings.items()}
        )  # fmt: skip

    def run(self, engine: str, *arguments: str, code: int = 0, **settings: str) -> subprocess.CompletedProcess[str]:
        """Runs `rollcall` as a user would."""
        done = subprocess.run(
            [sys.executable, "-m", "rollcall", *arguments], env=self.environment(engine, **settings), cwd=self.root,
            text=True, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def pointer(self, engine: str) -> Path:
        return self.root / engine / "warehouse" / "rollcall.duckdb"

    def differences(self) -> dict[str, tuple[int, int]]:
        """Mart → rows that only the one engine has, and only the other; both must have columns and comments alike."""
        found = {}
        with duckdb.connect() as connection:
            for engine in ("duckdb", "spark"):
                connection.execute(f"attach '{self.pointer(engine)}' as {engine} (read_only)")
            columns = [
                connection.execute(
                    """select table_name, column_name, data_type, is_nullable or is_view, comment
                    from duckdb_columns() inner join (
                        select table_name, bool_or(is_view) as is_view
                        from (
                            select view_name as table_name, true as is_view from duckdb_views() where schema_name = 'marts'
                            union all select table_name, false from duckdb_tables() where schema_name = 'marts'
                        )
                        group by table_name
                    ) using (table_name)
                    where database_name = ? and schema_name = 'marts' order by table_name, column_index""",
                    [engine],
                ).fetchall()
                for engine in ("duckdb", "spark")
            ]
            assert columns[0] and columns[0] == columns[1]
            for mart in sorted({row[0] for row in columns[0]}):
                # The ledger is one for both, and grows between the two.
                both = (
                    "where run_id in (select run_id from {}.marts.fct_refresh_runs)"
                    if mart == "fct_refresh_runs"
                    else ""
                )
                one, other = (
                    connection.execute(
                        f"select count(*) from (from {a}.marts.{mart} {both.format(b)} except all from {b}.marts.{mart})"
                    ).fetchone()[0]
                    for a, b in (("duckdb", "spark"), ("spark", "duckdb"))
                )
                if one or other:
                    found[mart] = (one, other)
        return found

    def row_counts(self, engine: str) -> dict[str, int]:
        """Mart → its rows."""
        names = self.query(
            engine, "select distinct table_name from duckdb_columns() where schema_name = 'marts' order by 1"
        )
        return {name: self.query(engine, f"select count(*) from {name}")[0][0] for (name,) in names}

    def files_with(self, text: str) -> set[str]:
        """The files below Spark's build folder and warehouse that have a text: in their name, their bytes, or a value packed into them."""
        root = self.root / "spark"
        return {
            str(path.relative_to(root))
            for path in root.rglob("*")
            if text in path.name or (path.is_file() and text.encode() in b"\n".join(_contents(path)))
        }

    def query(self, engine: str, sql: str) -> list[tuple]:
        with duckdb.connect(str(self.pointer(engine)), read_only=True) as connection:
            connection.execute("use marts")
            return connection.execute(sql).fetchall()


def _contents(path: Path) -> Iterator[bytes]:
    """A file's bytes, and what they say when they are unpacked: Parquet, DuckDB's files, Avro and gzip."""
    content = path.read_bytes()
    yield content
    if content[:4] == b"PAR1":
        with duckdb.connect() as connection:
            rows = connection.execute("select columns(*)::varchar from read_parquet(?)", [str(path)]).fetchall()
        yield repr(rows).encode()
    elif content[8:12] == b"DUCK":
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = connection.execute("select schema_name || '.' || table_name from duckdb_tables()").fetchall()
            for (table,) in tables:
                yield repr(connection.execute(f"select columns(*)::varchar from {table}").fetchall()).encode()
    elif content[:4] == b"Obj\x01":
        # After the header and after each block comes the mark that the file ends with; a block begins with two numbers.
        for block in content.split(content[-16:])[1:-1]:
            start = 0
            for _ in range(2):
                while block[start] & 0x80:
                    start += 1
                start += 1
            yield zlib.decompress(block[start:], -15)
    elif content[:2] == b"\x1f\x8b":
        yield gzip.decompress(content)
