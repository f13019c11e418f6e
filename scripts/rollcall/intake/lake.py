"""The lake: append-only Parquet, the system of record.

A delivery is in the lake when its record under `deliveries/` is, and that record is renamed into place last: whatever
a killed run left behind without one is invisible to every reader and swept away by the next run.
"""

from __future__ import annotations

import glob
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from rollcall.intake import schema
from rollcall.settings import RollcallError, Settings

NOT_ACCEPTED = ("rejected", "held", "discarded")
RUNS = "runs.jsonl"
NOTHING = "_empty"  # the district of the typed, empty file that every table has


def connect(settings: Settings, scratch: Path) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB in UTC with the limits of the settings; what does not fit spills, encrypted, to `scratch`."""
    config = {"memory_limit": settings.memory_limit, "temp_directory": str(scratch)}
    if settings.threads:
        config["threads"] = str(settings.threads)
    connection = duckdb.connect(config=config)
    # The cipher that DuckDB brings along, whose random numbers are weak, and not the one of an extension to be fetched: the
    # files are in a folder that only the account of the refresh and its group read, and are gone with the delivery.
    connection.execute("set force_mbedtls_unsafe = 'true'")
    connection.execute("set temp_file_encryption = true")
    connection.execute("set timezone = 'UTC'")
    return connection


def quote(value: object) -> str:
    """A SQL string literal."""
    return "'" + str(value).replace("'", "''") + "'"


def fsync(path: Path) -> None:
    """Makes a file, or the names in a folder, outlive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def prepare(settings: Settings) -> None:
    """Makes what `dbt build` needs to find: every table of the lake as a typed, empty Parquet file."""
    settings.lake.mkdir(parents=True, exist_ok=True)
    (settings.lake / RUNS).touch()
    known = hashlib.sha256(repr(schema.lake_tables()).encode()).hexdigest()
    mark = settings.lake / ".schema"
    is_same = mark.exists() and mark.read_text("ascii") == known
    missing = []
    for table, columns in schema.lake_tables().items():
        file = empty_file(settings, table)
        if not is_same or not file.exists():
            missing.append((file, columns))
    if not missing:
        return
    with duckdb.connect() as connection:
        for file, columns in missing:
            file.parent.mkdir(parents=True, exist_ok=True)
            fields = ", ".join(f'null::{kind} as "{name}"' for name, kind in columns.items())
            temporary = file.with_suffix(".tmp")
            connection.execute(f"copy (select {fields} limit 0) to {quote(temporary)} (format parquet)")
            temporary.rename(file)
    mark.write_text(known, "ascii")


def empty_file(settings: Settings, table: str) -> Path:
    """The typed Parquet file without rows that every table has."""
    partition = "usage_date=0001-01-01/" if table == "extension/page_loads" else ""
    return settings.lake / table / f"district_id={NOTHING}" / f"{partition}{NOTHING}.parquet"


def records(settings: Settings, district_id: str | None = None) -> list[Path]:
    """The delivery records, which name the district (folder) and the delivery (file); of all districts, or of one."""
    name = "*" if district_id is None else glob.escape(district_id)
    return sorted((settings.lake / "deliveries").glob(f"district_id={name}/[!_]*.parquet"))


def is_accepted(record: Path) -> bool:
    return not record.stem.endswith(tuple(f"-{verdict}" for verdict in NOT_ACCEPTED))


def accepted_ids(settings: Settings) -> set[str]:
    return {
        f"{record.parent.name.removeprefix('district_id=')}/{record.stem}"
        for record in records(settings)
        if is_accepted(record)
    }


def files(settings: Settings, table: str, district_id: str) -> list[str]:
    """A district's files of a table, those of accepted deliveries only."""
    known = {record.stem for record in records(settings, district_id) if is_accepted(record)}
    return [
        str(file)
        for file in sorted((settings.lake / table / f"district_id={district_id}").glob("*.parquet"))
        if file.stem in known
    ]


def sweep(settings: Settings) -> None:
    """Removes what a killed run left in the lake. Its folder tells of it; a run that ended well left none."""
    for folder in settings.lake.glob(".incoming-*"):
        # A delivery's id has no `--`; a district may.
        district_id, _, delivery_id = folder.name.removeprefix(".incoming-").rpartition("--")
        if f"{district_id}/{delivery_id}" not in accepted_ids(settings):
            for file in settings.lake.glob(
                f"**/district_id={glob.escape(district_id)}/**/{glob.escape(delivery_id)}*.parquet"
            ):
                if file.is_file() and folder not in file.parents and "deliveries" not in file.parts:
                    file.unlink()
        shutil.rmtree(folder)
    for file in settings.lake.glob("deliveries/*/*.tmp"):
        file.unlink()
    for file in settings.lake.glob(f"deliveries/*/*{_ON_TRIAL}"):
        file.rename(file.with_suffix(""))


_ON_TRIAL = ".on_trial"  # behind the name of a record that a build is tried without


@contextmanager
def without(records_: Iterable[Path]) -> Iterator[None]:
    """The lake as if these deliveries had not come, for as long as the block runs; after a kill `sweep` brings them back."""
    hidden = [record.rename(f"{record}{_ON_TRIAL}") for record in records_]
    try:
        yield
    finally:
        for file in hidden:
            file.rename(file.with_suffix(""))


def record_of(record: Path) -> dict[str, object]:
    """The fields of a delivery's record."""
    with duckdb.connect() as connection:
        cursor = connection.execute(f"select * from read_parquet({quote(record)}, hive_partitioning = false)")
        names = [column[0] for column in cursor.description]
        return dict(zip(names, cursor.fetchone(), strict=True))


def data_files(lake: Path, district_id: str, delivery_id: str) -> list[Path]:
    """A delivery's files in the tables of the lake, its record and its rule results not among them."""
    return sorted(
        file
        for table in schema.lake_tables()
        if table not in ("deliveries", "rule_results")
        for file in (lake / table / f"district_id={district_id}").rglob("*.parquet")
        if file.stem.rsplit("__", 1)[0] == delivery_id
    )


class Incoming:
    """One delivery on its way in: its files are written aside, then moved into place, the record last."""

    def __init__(self, settings: Settings, connection: duckdb.DuckDBPyConnection, district_id: str, delivery_id: str):
        self.lake, self.connection = settings.lake, connection
        self.district_id, self.delivery_id = district_id, delivery_id
        self.folder = settings.lake / f".incoming-{district_id}--{delivery_id}"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def write(self, table: str, query: str) -> int:
        """Writes the rows of `query` as this delivery's file of `table`, unless there are none. Returns the rows."""
        columns = ", ".join(f'"{name}"::{kind} as "{name}"' for name, kind in schema.lake_tables()[table].items())
        file = self.folder / table / f"district_id={self.district_id}" / f"{self.delivery_id}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        (rows,) = self.connection.execute(
            f"copy (select {columns} from ({query})) to {quote(file)} (format parquet, compression zstd)"
        ).fetchone()
        if not rows:
            file.unlink()
        return rows

    def commit(self, record: dict[str, object], verdict: str = "accepted") -> None:
        """Moves the files into place and then the record; from that rename on, the delivery is in the lake.

        An earlier record of the delivery, as held or rejected, is replaced.
        """
        moved = sorted(file for file in self.folder.rglob("*.parquet"))
        for file in moved:
            target = self.lake / file.relative_to(self.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            fsync(file)
            file.rename(target)
        for folder in {(self.lake / file.relative_to(self.folder)).parent for file in moved}:
            fsync(folder)
        name = self.delivery_id if verdict == "accepted" else f"{self.delivery_id}-{verdict}"
        target = self.lake / "deliveries" / f"district_id={self.district_id}" / f"{name}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        fields = ", ".join(f'${name}::{kind} as "{name}"' for name, kind in schema.lake_tables()["deliveries"].items())
        temporary = target.with_suffix(".tmp")
        self.connection.execute(f"copy (select {fields}) to {quote(temporary)} (format parquet)", record)
        fsync(temporary)
        temporary.rename(target)
        was_accepted = verdict != "accepted" and target.with_stem(self.delivery_id).exists()
        for other in (self.delivery_id, *(f"{self.delivery_id}-{verdict}" for verdict in NOT_ACCEPTED)):
            if other != name:
                target.with_stem(other).unlink(missing_ok=True)
        fsync(target.parent)
        if was_accepted:
            for file in data_files(self.lake, self.district_id, self.delivery_id):
                file.unlink()
        shutil.rmtree(self.folder)


class Damaged(RollcallError):
    """Files of the lake cannot be read: `what` is wrong, and how to `fix` it."""

    def __init__(self, files: list[str]):
        self.what = f"the lake is damaged: {', '.join(files)} cannot be read"
        self.fix = "Put it back from the backup of the lake; docs/operations.md says what to do where there is none"
        super().__init__(f"{self.what}. Nothing was published. {self.fix}")


def must_be_whole(settings: Settings, district_id: str | None = None) -> None:
    """Reads the lake to the end, for after something failed; Damaged names the files that cannot be read.

    With a district, only what the intake reads of it, which is all but its page loads.
    """
    pattern = f"district_id={glob.escape(district_id)}/*.parquet" if district_id else "*.parquet"
    found = []
    with duckdb.connect() as connection:
        for file in sorted(settings.lake.rglob(pattern)):
            if any(part.startswith(".") for part in file.relative_to(settings.lake).parts):
                continue
            try:
                connection.execute(
                    f"select count(hash(columns(*))) from read_parquet({quote(file)}, hive_partitioning = false)"
                ).fetchall()
            except duckdb.Error:
                found.append(str(file))
    if found:
        raise Damaged(found)


def read(paths: Iterable[str]) -> str:
    """A FROM clause over Parquet files."""
    # A district may be called 0012: what stands in a path is text.
    options = "hive_partitioning = true, hive_types_autocast = false, union_by_name = true"
    return f"read_parquet([{', '.join(map(quote, paths))}], {options})"
