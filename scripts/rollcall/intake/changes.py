"""The change log of a district: what a delivery differs in from the state before it, appended to the lake."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

import duckdb

from rollcall.districts import Extensions, Thresholds
from rollcall.files import quote
from rollcall.intake import lake
from rollcall.intake.lake_tables import CHANGE_COLUMNS, KEYS, lake_tables
from rollcall.settings import Settings


@dataclass
class Changes:
    """Rows of one delivery: as delivered, set aside by a rule, and what is different from the state before."""

    delivered: int = 0
    set_aside: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0


@dataclass(frozen=True)
class Table:
    """One table of a delivery, loaded in DuckDB under `name`, on its way to `folder`/`name` of the lake.

    `is_full` is true of a full list, whose missing people have left; else the rows are changes, and `deleted`
    is the query of the keys that it takes away. With `may_repeat` a row that is there twice counts once.
    """

    folder: str
    name: str
    is_full: bool = True
    deleted: str = ""
    may_repeat: bool = False

    @property
    def lake_table(self) -> str:
        return f"{self.folder}/{self.name}"

    @property
    def key(self) -> str:
        return KEYS[self.folder]

    @property
    def columns(self) -> list[str]:
        return [column for column in lake_tables()[self.lake_table] if column not in CHANGE_COLUMNS]


@dataclass(frozen=True)
class Applied:
    """A delivery that was applied, and the tables of which it is a full list."""

    delivery_id: str
    delivery_date: date
    arrived_at: datetime
    full: frozenset[str] = frozenset()

    @property
    def order(self) -> tuple[date, datetime, str]:
        """When it counts, among all that was applied."""
        return self.delivery_date, self.arrived_at, self.delivery_id

    @property
    def place(self) -> str:
        """The same as a SQL row, to compare with `(_effective_at, _arrived_at, _delivery_id)`."""
        return f"(timestamp {quote(self.delivery_date)}, timestamp {quote(self.arrived_at)}, {quote(self.delivery_id)})"

    @property
    def stamp(self) -> str:
        """The columns that say where a row of the change log comes from."""
        return (
            f"timestamp {quote(self.delivery_date)} as _effective_at, timestamp {quote(self.arrived_at)} as _arrived_at, "
            f"{quote(self.delivery_id)} as _delivery_id"
        )


def all_applied(
    settings: Settings, district_id: str, kind: str, connection: duckdb.DuckDBPyConnection
) -> list[Applied]:
    """What was applied of a kind."""
    records = [
        str(record)
        for record in lake.records(settings, district_id)
        if lake.is_accepted(record) and f"-{kind}-" in record.stem
    ]
    if not records:
        return []
    rows = connection.execute(
        f"select delivery_id, delivery_date, arrived_at, full_tables from {lake.read(records)}"
    ).fetchall()
    return [Applied(id_, day, at, frozenset((full or "").split(","))) for id_, day, at, full in rows]


def first_full(table: str, deliveries: Iterable[Applied]) -> Applied | None:
    """The first of some deliveries that is a full list of a table."""
    return min((one for one in deliveries if table in one.full), key=lambda one: one.order, default=None)


@dataclass(frozen=True)
class Past:
    """What was delivered for a district before; with `until`, before a day's end.

    `full_tables` are those of which a full list was delivered; `delivery_date` is that of the delivery to come.
    """

    settings: Settings
    district_id: str
    delivery_date: date
    thresholds: Thresholds
    until: date | None = None
    full_tables: frozenset[str] = frozenset()
    extensions: Extensions = field(default_factory=Extensions)
    _made: dict[str, str] = field(default_factory=dict, init=False)

    def make(self, connection: duckdb.DuckDBPyConnection, lake_table: str, key: str) -> None:
        """Finds the last row per key once, as a table of this connection, for all that ask for it."""
        if lake_table not in self._made and self.files(lake_table):
            name = "past_" + lake_table.replace("/", "_")
            connection.execute(f'create table "{name}" as select * from {self.latest(lake_table, key)}')
            self._made[lake_table] = f'"{name}"'

    def look_again(self) -> None:
        """Has what the lake says read again: it was written to."""
        self._made.clear()

    def files(self, lake_table: str) -> list[str]:
        return lake.files(self.settings, lake_table, self.district_id)

    def state(self, lake_table: str, key: str) -> str | None:
        """A query of the last row per key (deleted ones too); None when nothing was ever delivered."""
        return self.latest(lake_table, key) if self.files(lake_table) else None

    def rows(self, lake_table: str) -> str:
        """A FROM clause over the change log, be it empty."""
        return lake.read([*self.files(lake_table), str(lake.empty_file(self.settings, lake_table))])

    def latest(self, lake_table: str, key: str) -> str:
        """A query of the last row per key (deleted ones too), be there any or not."""
        if lake_table in self._made:
            return self._made[lake_table]
        rows = f"(select *, filename, file_row_number from {self.rows(lake_table)}{self._when})"
        key = f'trim("{key}")'
        # Most keys are there once. Only the rows of the others are sorted, and of them only what they are sorted by.
        return f"""(
            select * exclude (filename, file_row_number) from {rows} anti join (
                select filename, file_row_number from {rows}
                where hash({key}) in (select hash({key}) from {rows} group by {key} having count(*) > 1)
                qualify row_number() over (
                    partition by {key}
                    order by _effective_at desc, _arrived_at desc, _delivery_id desc, _row_number desc
                ) > 1
            ) as replaced using (filename, file_row_number)
        )"""

    @property
    def _when(self) -> str:
        return f" where _effective_at <= timestamp {quote(self.until)}" if self.until else ""


@dataclass
class Log:
    """Writes the tables of one delivery, compared with `past`. `next_full` is the full list of a table that was applied after this one's date.

    That is so in a backfill only: there the delivery's changes hold until that list, which says again what holds.
    """

    incoming: lake.Incoming
    past: Past
    delivery_date: date
    arrived_at: datetime
    next_full: dict[str, Applied]

    def append(self, tables: Iterable[Table]) -> Changes:
        total = Changes()
        for table in tables:
            self._append(table, total)
        return total

    @property
    def _stamp(self) -> str:
        return Applied(self.incoming.delivery_id, self.delivery_date, self.arrived_at).stamp

    def _append(self, table: Table, total: Changes) -> None:
        connection = self.incoming.connection
        fields = lake_columns(connection, table.name, table.lake_table)
        rows = f'select {fields}, _row_number from "{table.name}" where true{but_set_aside(connection, table.name)}'
        if table.may_repeat:
            rows += f' and _row_number in (select min(_row_number) from "{table.name}" group by "{table.key}")'
        (delivered,) = connection.execute(f'select count(*) from "{table.name}"').fetchone()
        (set_aside,) = connection.execute(
            f"select count(distinct row_number) from set_aside where table_name = {quote(table.name)}"
        ).fetchone()
        total.delivered += delivered
        total.set_aside += set_aside
        next_full = self.next_full.get(table.name)
        if not self.past.files(table.lake_table) and not next_full:
            total.added += self.incoming.write(
                table.lake_table, f"select *, 'upsert' as _op, {self._stamp} from ({rows})"
            )
            return
        before = self.past.latest(table.lake_table, table.key)
        added, changed, removed = self._compare(connection, table, rows, before)
        total.added, total.changed, total.removed = (
            total.added + added,
            total.changed + changed,
            total.removed + removed,
        )
        query = f"select * exclude (is_added, is_new), {self._stamp} from change"
        # Every row of a delta is kept, those that change nothing too: a backfill before it must not undo them.
        query += " where is_new" if table.is_full else ""
        self.incoming.write(table.lake_table, query)
        if next_full:
            # As rows of that list, whose they are, and not of this delivery, which may be withdrawn.
            self.incoming.write(table.lake_table, self._restored(table, before, next_full), next_full.delivery_id)

    def _compare(self, connection: duckdb.DuckDBPyConnection, table: Table, rows: str, before: str) -> tuple:
        old = f"(select * from {before} where _op = 'upsert')"
        content = f"hash({', '.join(map(_quoted, table.columns))}) as content"
        # First which rows differ, by 64 bits of all that they say: joined whole, the rows of a large district do not fit in memory.
        connection.execute(
            f"""create or replace temp table differing as
            select _row_number, old_key is null as is_added, old_key is null or new.content <> old.content as is_new
            from (select trim("{table.key}") as new_key, _row_number, {content} from ({rows})) as new
            left join (select trim("{table.key}") as old_key, {content} from {old}) as old on new_key = old_key
            {"where is_new" if table.is_full else ""}"""
        )
        keys = f'select trim("{table.key}") from ({rows})'
        # What a delta takes away is kept as well when it was not there: a backfill may yet bring it.
        gone = (
            f"""select "{table.key}", true as is_gone from {old} where trim("{table.key}") not in ({keys})"""
            if table.is_full
            else f"""select gone_key as "{table.key}", gone_key in (select trim("{table.key}") from {old}) as is_gone
            from (select distinct gone_key from ({table.deleted}) as deleted(gone_key))
            where gone_key <> '' and gone_key not in ({keys})"""
        )
        connection.execute(
            f"""create or replace temp table change as
            select {", ".join(map(_quoted, table.columns))}, _row_number, 'upsert' as _op, is_added, is_new
            from ({rows}) inner join differing using (_row_number)
            union all by name
            select "{table.key}", 'delete' as _op, false as is_added, is_gone as is_new from ({gone})"""
        )
        return connection.execute(
            """select count(*) filter (_op = 'upsert' and is_added),
                count(*) filter (_op = 'upsert' and is_new and not is_added), count(*) filter (_op = 'delete' and is_new)
            from change"""
        ).fetchone()

    def _restored(self, table: Table, before: str, next_full: Applied) -> str:
        """What the next full list had said already, and says again now that something else was so before it."""
        past = self.past.rows(table.lake_table)
        fields = ", ".join(f'old."{column}"' for column in table.columns if column != table.key)
        return f"""select change."{table.key}", {fields}, old._row_number,
                case when old._op = 'upsert' then 'upsert' else 'delete' end as _op, {next_full.stamp}
            from change left join {before} as old on trim(change."{table.key}") = trim(old."{table.key}")
            where trim(change."{table.key}") not in (
                select trim("{table.key}") from {past}
                where _effective_at > timestamp {quote(self.delivery_date)}
                    and (_effective_at, _arrived_at, _delivery_id) <= {next_full.place}
            )"""


def but_set_aside(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """A further condition on the rows of a loaded table: not set aside. Blank where none are, which saves looking for each."""
    of_table = f"from set_aside where table_name = {quote(table)}"
    are_any = connection.execute(f"select 1 {of_table} limit 1").fetchone()
    return f" and _row_number not in (select row_number {of_table})" if are_any else ""


def _quoted(column: str) -> str:
    return f'"{column}"'


def lake_columns(connection: duckdb.DuckDBPyConnection, loaded: str, lake_table: str) -> str:
    """The lake's columns out of a loaded table; those that this version of the standard does not have are NULL."""
    there = {row[0] for row in connection.execute(f'describe "{loaded}"').fetchall()}
    return ", ".join(
        f'"{column}"' if column in there else f'null::varchar as "{column}"'
        for column in lake_tables()[lake_table]
        if column not in CHANGE_COLUMNS
    )
