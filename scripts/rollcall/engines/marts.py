"""Marts on Spark: Iceberg tables, of which each published version has a tag, and the file that is made of them for readers.

A version's tag is set before the pointer switches. Readers open the file alone, so a tag of a run that was killed in between
says nothing to anybody; the next run drops it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from rollcall.engines import spark as engine
from rollcall.errors import RollcallError
from rollcall.files import quote
from rollcall.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SCHEMA = "marts"
_STORAGE = "v1.4.0"  # DuckDB 1.4 and 1.5 clients can read it, as profiles.yml has it for DuckDB


@dataclass(frozen=True)
class Column:
    """A column as its mart's contract says it."""

    name: str
    data_type: str
    is_required: bool
    description: str


@dataclass(frozen=True)
class Mart:
    """A mart as its contract says it, and the order in which a first build lays it down."""

    name: str
    description: str
    columns: tuple[Column, ...]
    laid_down_by: tuple[str, ...] = ()


def _tag(version: str) -> str:
    return f"v{version}"


def _tables(spark: SparkSession) -> list[str]:
    """The marts that the catalog has."""
    if not any(row[0] == _SCHEMA for row in spark.sql(f"show namespaces in {engine.CATALOG}").collect()):
        return []
    return sorted(row["tableName"] for row in spark.sql(f"show tables in {_SCHEMA}").collect())


def _each(statements: Iterable[str]) -> None:
    """Runs statements that wait for the catalog and not for each other."""
    spark = engine.running()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda sql: spark.sql(sql).collect(), statements))


def _tags(spark: SparkSession) -> dict[str, set[str]]:
    """Mart → the tags that it has."""
    tables = _tables(spark)
    found: dict[str, set[str]] = {table: set() for table in tables}
    if tables:
        refs = " union all ".join(
            f"select '{table}' as mart, name from {_SCHEMA}.{table}.refs where type = 'TAG'" for table in tables
        )
        for mart, name in spark.sql(refs).collect():
            found[mart].add(name)
    return found


def start(settings: Settings, base: str | None) -> bool:
    """Makes the marts those of the version `base`, and the lake ready to be read. False when there is nothing to go on from."""
    try:
        return _start(settings, base)
    except RollcallError:
        raise
    except Exception as error:
        if not engine.is_of_java(error):
            raise
        raise engine.NoSpark(
            f"Spark's catalog cannot be read: {engine.first_line(error)}. Nothing was published, and nothing is lost"
        ) from error


def _start(settings: Settings, base: str | None) -> bool:
    spark = engine.session(settings)
    for schema in spark.sql("show namespaces in spark_catalog").collect():
        if schema[0] != "default":
            spark.sql(f"drop database spark_catalog.{schema[0]} cascade")
    shutil.rmtree(engine.work_folder(settings), ignore_errors=True)
    engine.read_lake(spark, settings)
    if base is None:
        return False
    tags = _tags(spark)
    if not tags or any(_tag(base) not in known for known in tags.values()):
        return False
    _each(
        f"call {engine.CATALOG}.system.set_current_snapshot(table => '{_SCHEMA}.{table}', ref => '{_tag(base)}')"
        for table in tags
    )
    return True


def tag(version: str) -> None:
    """Names the marts as they are: the next build may start from them."""
    spark = engine.running()
    _each(f"alter table {_SCHEMA}.{table} create or replace tag `{_tag(version)}`" for table in _tables(spark))


def forget(settings: Settings, kept: Iterable[str]) -> int:
    """Drops the tags of versions that are not `kept`, and the files that no tag needs any more. Returns how many tags went."""
    spark = engine.session(settings)
    known = {_tag(version) for version in kept}
    gone = {table: tags - known for table, tags in _tags(spark).items()}
    later = datetime.now(UTC) + timedelta(days=2)
    _each(f"alter table {_SCHEMA}.{table} drop tag `{name}`" for table, names in gone.items() for name in sorted(names))
    _each(
        f"call {engine.CATALOG}.system.expire_snapshots(table => '{_SCHEMA}.{table}', "
        f"older_than => timestamp_ltz '{later:%Y-%m-%d} 00:00:00', retain_last => 1)"
        for table, names in gone.items()
        if names
    )
    return len(set().union(*gone.values())) if gone else 0


def drop_all(settings: Settings) -> int:
    """Drops every mart with all its files and versions: a purge leaves none behind. Returns how many tables went."""
    spark = engine.session(settings)
    tables = _tables(spark)
    for table in tables:
        spark.sql(f"drop table {_SCHEMA}.{table} purge")
    if settings.spark_catalog == "hadoop":
        # What a task that was killed had begun to write is in no table.
        shutil.rmtree(settings.spark_tables / _SCHEMA, ignore_errors=True)
    return len(tables)


def rows_of(settings: Settings, district_id: str) -> dict[str, int]:
    """Mart and version → the rows of a district that Spark's catalog has there."""
    spark = engine.session(settings)
    found = {}
    for table in _tables(spark):
        name = f"{_SCHEMA}.{table}"
        if "district_id" not in spark.table(name).columns:
            continue
        for (reference,) in spark.sql(f"select name from {name}.refs").collect():
            (rows,) = spark.sql(
                f"select count(*) from {name} version as of '{reference}' where district_id = {_text_literal(district_id)}"
            ).collect()
            found[f"{name} on Spark, {reference}"] = rows[0]
    return found


def _text_literal(text: str) -> str:
    """Text in Spark's SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _files(spark: SparkSession, tables: Iterable[str], version: str | None = None) -> dict[str, set[str]]:
    """Mart → the Parquet files of its rows: those of now, or of a version."""
    of = f" version as of '{_tag(version)}'" if version else ""
    found: dict[str, set[str]] = {table: set() for table in tables}
    query = " union all ".join(
        f"select '{table}' as mart, file_path, content from {_SCHEMA}.{table}.files{of}" for table in found
    )
    for mart, path, content in spark.sql(query).collect():
        if content:
            raise RuntimeError(f"{mart} has files of deleted rows, which only a reader of Iceberg understands")
        found[mart].add(path.removeprefix("file://").removeprefix("file:"))
    return found


def unload(settings: Settings, marts: Mapping[str, Mart], base: str | None) -> dict[str, int]:
    """Makes the candidate that is audited and published: what Iceberg's files have gained and lost since `base`, or all of them.

    The marts' own Parquet files are read where they lie; a further day costs what the day has changed. Returns the bytes read.
    """
    spark = engine.running()
    after = _files(spark, marts)
    before = _files(spark, marts, base) if base else {name: set() for name in marts}
    if not base:
        settings.candidate.unlink(missing_ok=True)
    limits: dict[str, Any] = {"memory_limit": settings.memory_limit, "temp_directory": str(settings.build / "spill")}
    read = {}
    with duckdb.connect(config=limits) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute("set preserve_insertion_order = false")
        connection.execute(f"attach {quote(settings.candidate)} as candidate (storage_version {quote(_STORAGE)})")
        connection.execute(f"create schema if not exists candidate.{_SCHEMA}")
        connection.execute(f"use candidate.{_SCHEMA}")
        views = {
            name for (name,) in connection.execute("select view_name from duckdb_views() where not internal").fetchall()
        }
        for mart in marts.values():
            now = sorted(after[mart.name])
            if settings.spark_view_bytes is not None and sum(map(_bytes, now)) > settings.spark_view_bytes:
                kind = "view" if mart.name in views else "table"
                connection.execute(f'drop {kind} if exists "{mart.name}"')
                _create_view(connection, mart, now)
                continue
            if mart.name in views:
                connection.execute(f'drop view "{mart.name}"')
            if not base or mart.name in views:
                _create(connection, mart)
                before[mart.name] = set()
            come, gone = sorted(after[mart.name] - before[mart.name]), sorted(before[mart.name] - after[mart.name])
            read[mart.name] = sum(map(_bytes, come + gone))
            _apply(connection, mart, come, gone)
    return read


def _bytes(file: str) -> int:
    return Path(file).stat().st_size


def _rows(mart: Mart, files: list[str]) -> str:
    """The query of the rows of these files, with the types of the contract."""
    typed = ", ".join(f'"{column.name}"::{column.data_type} as "{column.name}"' for column in mart.columns)
    # Each column is in the file; what a path says of one is text that DuckDB would take for a number.
    return f"select {typed} from read_parquet([{', '.join(map(quote, files))}], hive_partitioning = false)"


def _create_view(connection: duckdb.DuckDBPyConnection, mart: Mart, files: list[str]) -> None:
    """A view of the files that the version's tag keeps: they never change, and go when the version does."""
    connection.execute(f'create view "{mart.name}" as {_rows(mart, files)}')
    _comment(connection, mart, "view")


def _comment(connection: duckdb.DuckDBPyConnection, mart: Mart, kind: str) -> None:
    connection.execute(f'comment on {kind} "{mart.name}" is {quote(mart.description)}')
    for column in mart.columns:
        connection.execute(f'comment on column "{mart.name}"."{column.name}" is {quote(column.description)}')


def _create(connection: duckdb.DuckDBPyConnection, mart: Mart) -> None:
    """The table as dbt makes it on DuckDB, with its constraints and comments."""
    columns = ", ".join(
        f'"{column.name}" {column.data_type}{" not null" if column.is_required else ""}' for column in mart.columns
    )
    connection.execute(f'create table "{mart.name}" ({columns})')
    _comment(connection, mart, "table")


def _apply(connection: duckdb.DuckDBPyConnection, mart: Mart, come: list[str], gone: list[str]) -> None:
    """Adds the rows of the files that came and takes out those of the files that went, but for what is in both."""
    names = [f'"{column.name}"' for column in mart.columns]

    def rows(files: list[str]) -> str:
        return _rows(mart, files)

    if gone:
        left = f"{rows(gone)} except all {rows(come)}" if come else rows(gone)
        connection.execute(f"create or replace temp table left_out as {left}")
        equal = " and ".join(f"there.{name} is not distinct from left_out.{name}" for name in names)
        connection.execute(f'delete from "{mart.name}" as there using left_out where {equal}')
    if come:
        new = f"{rows(come)} except all {rows(gone)}" if gone else rows(come)
        order = f" order by {', '.join(mart.laid_down_by)}" if mart.laid_down_by and not gone else ""
        connection.execute(f'insert into "{mart.name}" ({", ".join(names)}) select * from ({new}){order}')
