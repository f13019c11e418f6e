"""The lake: append-only Parquet, the system of record.

A delivery is in the lake when its record under `deliveries/` is, and that record is renamed into place last: whatever
a killed run left behind without one is invisible to every reader and swept away by the next run.
"""

from __future__ import annotations

import glob
import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from rollcall.errors import RollcallError
from rollcall.files import fsync, quote
from rollcall.intake import checksums
from rollcall.intake.lake_tables import lake_tables
from rollcall.settings import Settings

WITHDRAWN = "withdrawn"
NAMES = "names"  # what replaces files without the names of people who are students by now
REPLACED = "-replaced"  # the list of checksums of files that others took the place of
NOT_ACCEPTED = ("rejected", "held", "failed", "discarded", WITHDRAWN)
RUNS = "runs.jsonl"
_TRIES = 20  # to read the records while a refresh replaces some
NOTHING = "_empty"  # the district of the typed, empty file that every table has
# That of the page loads comes after the districts', but for one whose name begins with a letter beyond ASCII: DuckDB does not open all of
# their files to plan, and takes the first one for a sample. Were that the empty one, it would plan for none.
_NOTHING_LAST = "~empty"
_PAGE_LOADS = "extension/page_loads"


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
    # In a notebook, and wherever else there is no script, DuckDB draws the progress of a long query on the standard output.
    connection.execute("set enable_progress_bar = false")
    return connection


def prepare(settings: Settings) -> None:
    """Makes what `dbt build` needs to find: every table of the lake as a typed, empty Parquet file."""
    settings.lake.mkdir(parents=True, exist_ok=True)
    (settings.lake / RUNS).touch()
    known = hashlib.sha256(repr(lake_tables()).encode()).hexdigest()
    mark = settings.lake / ".schema"
    is_same = mark.exists() and mark.read_text("ascii") == known
    missing = []
    for table, columns in lake_tables().items():
        file = empty_file(settings, table)
        if not is_same or not file.exists():
            missing.append((file, columns))
    if missing:
        _write_empty(missing)
        mark.write_text(known, "ascii")
    if (once := settings.lake / _PAGE_LOADS / f"district_id={NOTHING}").exists():
        shutil.rmtree(once)  # of a lake that was written before it came last


def _write_empty(missing: list[tuple[Path, dict[str, str]]]) -> None:
    with duckdb.connect() as connection:
        for file, columns in missing:
            file.parent.mkdir(parents=True, exist_ok=True)
            fields = ", ".join(f'null::{kind} as "{name}"' for name, kind in columns.items())
            temporary = file.with_suffix(".tmp")
            connection.execute(f"copy (select {fields} limit 0) to {quote(temporary)} (format parquet)")
            temporary.rename(file)


def empty_file(settings: Settings, table: str) -> Path:
    """The typed Parquet file without rows that every table has."""
    if table == _PAGE_LOADS:
        return settings.lake / table / f"district_id={_NOTHING_LAST}" / "usage_date=0001-01-01" / f"{NOTHING}.parquet"
    return settings.lake / table / f"district_id={NOTHING}" / f"{NOTHING}.parquet"


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


def withdrawn_ids(settings: Settings) -> set[str]:
    """What was withdrawn, be it that it has come again since."""
    return {
        f"{record.parent.name.removeprefix('district_id=')}/{record.stem.removesuffix(f'-{WITHDRAWN}')}"
        for record in records(settings)
        if record.stem.endswith(f"-{WITHDRAWN}")
    }


def fingerprint(settings: Settings) -> str:
    """Changes when the set of accepted deliveries does, and when one is withdrawn, be it that it has come again."""
    entries = [*sorted(accepted_ids(settings)), withdrawals(settings)]
    return hashlib.sha256("\n".join(entries).encode()).hexdigest()


def withdrawals(settings: Settings) -> str:
    """Changes with each withdrawal, and each time names are taken out of files: a version from before it is no start for an increment."""
    withdrawn = [record for record in records(settings) if record.stem.endswith(f"-{WITHDRAWN}")]
    withdrawn += sorted((settings.lake / "checksums").glob(f"district_id=*/{NAMES}{REPLACED}.sha256"))
    entries = [f"{record.parent.name}/{record.name} {checksums.of(record)}" for record in withdrawn]
    return hashlib.sha256("\n".join(entries).encode()).hexdigest() if entries else ""


def delivery_of(file: Path) -> str:
    """The delivery that a file of the lake belongs to: `<delivery>.parquet`, or `<delivery>__<number>.parquet`."""
    return file.stem.rsplit("__", 1)[0]


def files(settings: Settings, table: str, district_id: str) -> list[str]:
    """A district's files of a table, those of accepted deliveries only."""
    known = {record.stem for record in records(settings, district_id) if is_accepted(record)}
    return [
        str(file)
        for file in sorted((settings.lake / table / f"district_id={district_id}").rglob("*.parquet"))
        if delivery_of(file) in known
    ]


def of_delivery(settings: Settings, district_id: str, delivery_id: str) -> list[Path]:
    """Every file that a delivery filled, but for its record."""
    results = settings.lake / "rule_results" / f"district_id={district_id}" / f"{delivery_id}.parquet"
    return [*data_files(settings.lake, district_id, delivery_id), *([results] if results.exists() else [])]


def further_file(table: str, district_id: str, delivery_id: str, *folders: Path) -> Path:
    """The path, within the lake, of one more file of a delivery: of the first number that no folder has yet."""
    number = 0
    while True:
        file = Path(table) / f"district_id={district_id}" / f"{delivery_id}__{number}.parquet"
        if not any((folder / file).exists() for folder in folders):
            return file
        number += 1


def sweep(settings: Settings) -> None:
    """Removes what a killed run left in the lake, and finishes a withdrawal that it had begun.

    Their folders show both; a run that ended well left none.
    """
    for record in settings.lake.glob(f"deliveries/*/*{_ON_TRIAL}"):
        _show(settings, record.with_suffix(""))
    for folder in settings.lake.glob(f"{_PREPARING}*"):
        shutil.rmtree(folder)
    for folder in settings.lake.glob(f"{_REPLACING}*"):
        _replace(settings, folder)
    for folder in settings.lake.glob(f"{_INCOMING}*"):
        district_id, delivery_id = folder.name.removeprefix(_INCOMING).rsplit("--", 1)
        known = {record.stem.removeprefix(delivery_id) for record in records(settings, district_id)}
        if "" not in known:
            # What was found in a delivery that was refused stays with its record.
            is_recorded = bool(known & {f"-{verdict}" for verdict in NOT_ACCEPTED if verdict != WITHDRAWN})
            for file in of_delivery(settings, district_id, delivery_id):
                if not (is_recorded and file.is_relative_to(settings.lake / "rule_results")):
                    file.unlink()
            _forget(settings, district_id, delivery_id)
        shutil.rmtree(folder)
    for file in settings.lake.glob("deliveries/*/*.tmp"):
        file.unlink()


_ON_TRIAL = ".on_trial"  # behind the name of a record that a build is tried without


@contextmanager
def without(settings: Settings, records_: Iterable[Path]) -> Iterator[None]:
    """The lake as if these deliveries had not come, for as long as the block runs; after a kill `sweep` brings them back."""
    hidden = list(records_)
    try:
        for record in hidden:
            # The record first, and back last: as long as it is hidden, `sweep` looks for the rest.
            record.rename(f"{record}{_ON_TRIAL}")
            for file in data_files(settings.lake, district_of(record), record.stem):
                file.rename(f"{file}{_ON_TRIAL}")
        yield
    finally:
        for record in hidden:
            _show(settings, record)


def _show(settings: Settings, record: Path) -> None:
    """Brings a delivery back that `without` has hidden, as far as it had."""
    for table in lake_tables():
        for file in (settings.lake / table / record.parent.name).rglob(f"{record.stem}*{_ON_TRIAL}"):
            if file.parent != record.parent:
                file.rename(file.with_suffix(""))
    hidden = Path(f"{record}{_ON_TRIAL}")
    if hidden.exists():
        hidden.rename(record)


def record_of(record: Path) -> dict[str, object]:
    """The fields of a delivery's record."""
    with duckdb.connect() as connection:
        cursor = connection.execute(f"select * from read_parquet({quote(record)}, hive_partitioning = false)")
        names = [column[0] for column in cursor.description]
        # A record of before has fewer fields.
        return dict.fromkeys(lake_tables()["deliveries"]) | dict(zip(names, cursor.fetchone(), strict=True))


def data_files(lake: Path, district_id: str, delivery_id: str) -> list[Path]:
    """A delivery's files in the tables of the lake, its record and its rule results not among them."""
    return sorted(
        file
        for table in lake_tables()
        if table not in ("deliveries", "rule_results")
        for file in (lake / table / f"district_id={district_id}").rglob("*.parquet")
        if delivery_of(file) == delivery_id
    )


_INCOMING, _PREPARING, _REPLACING = ".incoming-", ".preparing-", ".replacing-"


def change_verdict(settings: Settings, record: Path, verdict: str, by: str, why: str) -> Path:
    """Puts another verdict in place of a delivery's, with who has decided it; what the delivery filled stays.

    Killed on the way, the delivery has its old verdict, or both records, of which the accepted one counts.
    """
    district_id = record.parent.name.removeprefix("district_id=")
    target = _written_record(record, record.parent, verdict, by, why)
    checksums.add(settings, district_id, target.stem, {target.relative_to(settings.lake): checksums.of(target)})
    fsync(target.parent)
    record.unlink()
    checksums.forget(settings, district_id, lambda path: path == record.relative_to(settings.lake))
    fsync(target.parent)
    return target


def _written_record(record: Path, folder: Path, verdict: str, by: str, why: str) -> Path:
    """Writes a copy of a record, with another verdict, into `folder`; its name says the verdict."""
    stem = record.stem
    for suffix in (f"-{one}" for one in NOT_ACCEPTED):
        stem = stem.removesuffix(suffix)
    target = folder / f"{stem}-{verdict}.parquet"
    temporary = target.with_suffix(".tmp")
    changed = {"verdict": "$verdict", "decided_by": "$by", "decided_why": "$why"}
    fields = ", ".join(
        f'{changed.get(column, column)}::{kind} as "{column}"' for column, kind in lake_tables()["deliveries"].items()
    )
    # A record of before has fewer columns.
    empty = record.parents[1] / f"district_id={NOTHING}" / f"{NOTHING}.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select {fields} from {read([str(record), str(empty)])}) to {quote(temporary)} (format parquet)",
            {"verdict": verdict, "by": by, "why": why},
        )
    fsync(temporary)
    temporary.rename(target)
    return target


class Replacing:
    """Files of the lake that others take the place of: these are written aside, then all of it is done, or nothing.

    The rename of the folder decides: `sweep` finishes what was killed after it, and forgets what was killed before.
    """

    def __init__(self, settings: Settings, connection: duckdb.DuckDBPyConnection, district_id: str, name: str):
        self.settings, self.connection = settings, connection
        self.district_id = district_id
        self.folder = settings.lake / f"{_PREPARING}{district_id}--{name}"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def replace(self, file: Path, query: str) -> None:
        """Writes the rows of `query` in place of a file of the lake."""
        target = self.folder / file.relative_to(self.settings.lake)
        target.parent.mkdir(parents=True, exist_ok=True)
        self.connection.execute(f"copy ({query}) to {quote(target)} (format parquet, compression zstd)")

    def put_in(self) -> None:
        """Puts in what was written."""
        for path in sorted(self.folder.rglob("*"), reverse=True):
            fsync(path)
        fsync(self.folder)
        decided = self.folder.with_name(self.folder.name.replace(_PREPARING, _REPLACING, 1))
        self.folder.rename(decided)
        fsync(self.settings.lake)
        _replace(self.settings, decided)


class TakingBack(Replacing):
    """An accepted delivery on its way out, with what has to take its place."""

    def __init__(self, settings: Settings, connection: duckdb.DuckDBPyConnection, district_id: str, delivery_id: str):
        super().__init__(settings, connection, district_id, delivery_id)
        self.delivery_id = delivery_id

    def write(self, table: str, delivery_id: str, query: str) -> int:
        """Writes the rows of `query` as one more file of another delivery, unless there are none. Returns the rows."""
        file = further_file(table, self.district_id, delivery_id, self.settings.lake, self.folder)
        return _write_rows(self.connection, table, self.folder / file, query)

    def commit(self, verdict: str, by: str, why: str) -> None:
        """Gives the delivery its new verdict, takes out what it filled, and puts in what was written."""
        record = Path("deliveries") / f"district_id={self.district_id}" / f"{self.delivery_id}.parquet"
        (self.folder / record).parent.mkdir(parents=True, exist_ok=True)
        _written_record(self.settings.lake / record, (self.folder / record).parent, verdict, by, why)
        self.put_in()


def _replace(settings: Settings, folder: Path) -> None:
    """Does what `Replacing.put_in` has decided; each step may have been done already."""
    district_id, delivery_id = folder.name.removeprefix(_REPLACING).rsplit("--", 1)
    # The records last: as long as the old one is there, the delivery counts, and what is put in says what it said.
    written = sorted(folder.rglob("*.parquet"), key=lambda file: ("deliveries" in file.relative_to(folder).parts, file))
    for file in written:
        target = settings.lake / file.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        checksums.add(
            settings, district_id, f"{delivery_id}{REPLACED}", {target.relative_to(settings.lake): checksums.of(file)}
        )
        file.rename(target)
        fsync(target.parent)
    record = settings.lake / "deliveries" / f"district_id={district_id}" / f"{delivery_id}.parquet"
    record.unlink(missing_ok=True)
    fsync(record.parent)
    for file in of_delivery(settings, district_id, delivery_id):
        file.unlink()
    _forget(settings, district_id, delivery_id)
    shutil.rmtree(folder)


def _forget(settings: Settings, district_id: str, delivery_id: str) -> None:
    """Takes what a delivery had filled, and is gone, off the lists of checksums."""
    checksums.forget(
        settings, district_id, lambda path: delivery_of(path) == delivery_id and not (settings.lake / path).exists()
    )


def _write_rows(connection: duckdb.DuckDBPyConnection, table: str, file: Path, query: str) -> int:
    """Writes the rows of `query` as a file of `table`, unless there are none. Returns the rows."""
    columns = ", ".join(f'"{name}"::{kind} as "{name}"' for name, kind in lake_tables()[table].items())
    file.parent.mkdir(parents=True, exist_ok=True)
    (rows,) = connection.execute(
        f"copy (select {columns} from ({query})) to {quote(file)} (format parquet, compression zstd)"
    ).fetchone()
    if not rows:
        file.unlink()
    return rows


class Incoming:
    """One delivery on its way in: its files are written aside, then moved into place, the record last."""

    def __init__(self, settings: Settings, connection: duckdb.DuckDBPyConnection, district_id: str, delivery_id: str):
        self.lake, self.connection = settings.lake, connection
        self.district_id, self.delivery_id = district_id, delivery_id
        self.settings = settings
        self.folder = settings.lake / f"{_INCOMING}{district_id}--{delivery_id}"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def write(self, table: str, query: str, other: str | None = None) -> int:
        """Writes the rows of `query` as this delivery's file of `table`, unless there are none. Returns the rows.

        With `other`, as one more file of that delivery, which is in the lake already.
        """
        file = Path(table) / f"district_id={self.district_id}" / f"{self.delivery_id}.parquet"
        if other:
            file = further_file(table, self.district_id, other, self.lake, self.folder)
        return _write_rows(self.connection, table, self.folder / file, query)

    def commit(self, record: dict[str, object], verdict: str = "accepted") -> None:
        """Moves the files into place and then the record; from that rename on, the delivery is in the lake.

        An earlier record of the delivery, as held or rejected, is replaced; one that says that it was withdrawn stays.
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
        fields = ", ".join(f'${name}::{kind} as "{name}"' for name, kind in lake_tables()["deliveries"].items())
        temporary = target.with_suffix(".tmp")
        self.connection.execute(f"copy (select {fields}) to {quote(temporary)} (format parquet)", record)
        fsync(temporary)
        sums = {file: checksums.of(self.lake / file) for file in (file.relative_to(self.folder) for file in moved)}
        sums[target.relative_to(self.lake)] = checksums.of(temporary)
        before = {f"{self.delivery_id}-{one}" for one in NOT_ACCEPTED if one != WITHDRAWN} | {self.delivery_id}
        checksums.add(
            self.settings, self.district_id, self.delivery_id, sums,
            is_gone=lambda path: path not in sums and delivery_of(path) in before,
        )  # fmt: skip
        temporary.rename(target)
        was_accepted = verdict != "accepted" and target.with_stem(self.delivery_id).exists()
        for other in before - {name}:
            target.with_stem(other).unlink(missing_ok=True)
        fsync(target.parent)
        if was_accepted:
            for file in data_files(self.lake, self.district_id, self.delivery_id):
                file.unlink()
            _forget(self.settings, self.district_id, self.delivery_id)
        shutil.rmtree(self.folder)


class Damaged(RollcallError):
    """Files of the lake cannot be read: `what` is wrong, and how to `fix` it."""

    def __init__(self, files: list[str]):
        self.files = files
        self.what = f"the lake is damaged: {', '.join(files)} cannot be read"
        self.fix = "Put it back from the backup of the lake; docs/operations.md says what to do where there is none"
        super().__init__(f"{self.what}. Nothing was published. {self.fix}")

    def __reduce__(self):
        return Damaged, (self.files,)  # between processes, as between functions


def ask(
    settings: Settings, query: Callable[[str], str], district_id: str | None = None, newest: int | None = None
) -> list[dict[str, Any]]:
    """The rows of a query about delivery records: of all districts or of one, of all records or of the newest ones.

    `query` makes the SQL of the FROM clause that reads them. Without a record there is no row. May raise `Damaged`.
    """
    for _ in range(_TRIES):
        found = records(settings, district_id)
        if newest is not None:
            found = sorted(found, key=_written_at, reverse=True)[:newest]
        if not found:
            return []
        # With the file without rows: records of before have fewer columns.
        rows = read(map(str, [*found, empty_file(settings, "deliveries")]))
        try:
            with duckdb.connect() as connection:
                cursor = connection.execute(query(rows))
                names = [column[0] for column in cursor.description]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        except duckdb.Error:
            if all(record.exists() for record in found):
                must_be_whole(settings)
                raise
            # A refresh that runs beside it has replaced a record since they were listed.
    raise RollcallError("a refresh is replacing the records of deliveries: try again")


def _written_at(record: Path) -> float:
    try:
        return record.stat().st_mtime
    except FileNotFoundError:
        return 0


def must_be_whole(settings: Settings, district_id: str | None = None) -> None:
    """Reads the lake to the end, for after something failed; Damaged names the files that cannot be read.

    With a district, only what the intake reads of it, which is all but its page loads.
    """
    files = [
        file
        for file in all_files(settings, district_id)
        if not district_id or not file.is_relative_to(settings.lake / _PAGE_LOADS)
    ]
    sums = dict(checksums.known(settings, district_id or "*"))
    found = unreadable(files)
    found += checksums.wrong(
        settings,
        {p: sums[p] for p in (f.relative_to(settings.lake) for f in files if str(f) not in found) if p in sums},
    )
    if found:
        raise Damaged(sorted(found))


def all_files(settings: Settings, district_id: str | None = None) -> list[Path]:
    """Every file that deliveries have filled, and their records; of all districts when none is named."""
    pattern = f"district_id={glob.escape(district_id)}" if district_id else "district_id=*"
    return [
        file
        for table in lake_tables()
        for folder in sorted((settings.lake / table).glob(pattern))
        for file in sorted(folder.rglob("*.parquet"))
        if is_district(district_of(file))
    ]


def is_district(name: str) -> bool:
    """Whether a partition's district is one, and not where the empty files lie."""
    return name not in (NOTHING, _NOTHING_LAST)


def district_of(file: Path) -> str:
    """The district that a file of the lake is of."""
    return next(part for part in file.parts if part.startswith("district_id=")).removeprefix("district_id=")


def unreadable(files: Iterable[Path]) -> list[str]:
    """Which of these files cannot be read to their end."""
    found = []
    with duckdb.connect() as connection:
        for file in files:
            try:
                connection.execute(
                    f"select count(hash(columns(*))) from read_parquet({quote(file)}, hive_partitioning = false)"
                ).fetchall()
            except duckdb.Error:
                found.append(str(file))
    return found


def must_be_as_written(settings: Settings, is_read: Callable[[Path], bool]) -> None:
    """Compares files with their checksums, by their path in the lake; Damaged names those that are not as they were written."""
    sums = {
        path: digest
        for path, digest in checksums.known(settings)
        if is_read(path) and not Path(f"{settings.lake / path}{_ON_TRIAL}").exists()
    }
    if found := checksums.wrong(settings, sums):
        raise Damaged(found)


def read(paths: Iterable[str]) -> str:
    """A FROM clause over Parquet files."""
    # A district may be called 0012: what stands in a path is text.
    options = "hive_partitioning = true, hive_types_autocast = false, union_by_name = true"
    return f"read_parquet([{', '.join(map(quote, paths))}], {options})"
