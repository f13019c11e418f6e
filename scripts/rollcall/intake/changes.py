"""The change log of a district: what a delivery differs in from the state before it, appended to the lake."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import duckdb

from rollcall.intake import lake, schema
from rollcall.intake.lake import quote
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

    `is_full` is true of a full list, from which whoever is missing has left; else the rows are changes, and `deleted`
    is the query of the keys that it takes away.
    """

    folder: str
    name: str
    key: str
    is_full: bool = True
    deleted: str = ""

    @property
    def lake_table(self) -> str:
        return f"{self.folder}/{self.name}"

    @property
    def columns(self) -> list[str]:
        return [column for column in schema.lake_tables()[self.lake_table] if column not in schema.CHANGE_COLUMNS]


def state(settings: Settings, lake_table: str, key: str, district_id: str, until: date | None = None) -> str | None:
    """A query of the district's last row per key (deleted ones too); None when nothing was ever delivered."""
    past = lake.files(settings, lake_table, district_id)
    if not past:
        return None
    when = f"where _effective_at <= timestamp {quote(until)}" if until else ""
    return f"""(
        select * from {lake.read(past)} {when}
        qualify row_number() over (
            partition by trim("{key}") order by _effective_at desc, _arrived_at desc, _delivery_id desc, _row_number desc
        ) = 1
    )"""


@dataclass
class Log:
    """Writes the tables of one delivery. `next_full` is when a full list of a table was applied after this one's date.

    That is so in a backfill only: there the delivery's changes hold until that list, which says again what holds.
    """

    incoming: lake.Incoming
    settings: Settings
    delivery_date: date
    arrived_at: datetime
    next_full: dict[str, date]

    def append(self, tables: Iterable[Table]) -> Changes:
        total = Changes()
        for table in tables:
            self._append(table, total)
        return total

    def _stamp(self, when: date) -> str:
        return (
            f"timestamp {quote(when)} as _effective_at, timestamp {quote(self.arrived_at)} as _arrived_at, "
            f"{quote(self.incoming.delivery_id)} as _delivery_id"
        )

    def _append(self, table: Table, total: Changes) -> None:
        connection = self.incoming.connection
        fields = _fields(connection, table)
        rows = f"""select {fields}, _row_number from "{table.name}"
            where _row_number not in (select row_number from set_aside where table_name = {quote(table.name)})"""
        (delivered,) = connection.execute(f'select count(*) from "{table.name}"').fetchone()
        (set_aside,) = connection.execute(
            f"select count(distinct row_number) from set_aside where table_name = {quote(table.name)}"
        ).fetchone()
        total.delivered += delivered
        total.set_aside += set_aside
        before = state(
            self.settings, table.lake_table, table.key, self.incoming.district_id, until=self.delivery_date
        )
        if before is None:
            total.added += self.incoming.write(
                table.lake_table, f"select *, 'upsert' as _op, {self._stamp(self.delivery_date)} from ({rows})"
            )
            return
        added, changed, removed = self._compare(connection, table, rows, before)
        total.added, total.changed, total.removed = (
            total.added + added,
            total.changed + changed,
            total.removed + removed,
        )
        query = f"select * exclude (is_added, is_new), {self._stamp(self.delivery_date)} from change"
        if not table.is_full:
            # Every row of a delta is kept, those that change nothing too: a backfill before it must not undo them.
            self.incoming.write(table.lake_table, query)
            return
        query += " where is_new"
        if next_full := self.next_full.get(table.name):
            query += f" union all by name {self._restored(table, before, next_full)}"
        self.incoming.write(table.lake_table, query)

    def _compare(self, connection: duckdb.DuckDBPyConnection, table: Table, rows: str, before: str) -> tuple:
        same = " and ".join(f'new."{column}" is not distinct from old."{column}"' for column in table.columns)
        gone = (
            f'trim("{table.key}") not in (select trim("{table.key}") from new)'
            if table.is_full
            else f'trim("{table.key}") in ({table.deleted}) and trim("{table.key}") not in (select trim("{table.key}") from new)'
        )
        connection.execute(
            f"""create or replace temp table change as
            with old as (select * from {before} where _op = 'upsert'),
            new as ({rows})
            select {", ".join(f'new."{column}"' for column in table.columns)}, new._row_number, 'upsert' as _op,
                old."{table.key}" is null as is_added, old."{table.key}" is null or not ({same}) as is_new
            from new left join old on trim(new."{table.key}") = trim(old."{table.key}")
            {"where is_new" if table.is_full else ""}
            union all by name
            select old."{table.key}", 'delete' as _op, false as is_added, true as is_new from old where {gone}"""
        )
        return connection.execute(
            """select count(*) filter (_op = 'upsert' and is_added),
                count(*) filter (_op = 'upsert' and is_new and not is_added), count(*) filter (_op = 'delete')
            from change"""
        ).fetchone()

    def _restored(self, table: Table, before: str, next_full: date) -> str:
        """What the next full list had said already, and says again now that something else was so before it."""
        past = lake.read(lake.files(self.settings, table.lake_table, self.incoming.district_id))
        fields = ", ".join(f'old."{column}"' for column in table.columns if column != table.key)
        return f"""select change."{table.key}", {fields}, old._row_number,
                case when old._op = 'upsert' then 'upsert' else 'delete' end as _op, {self._stamp(next_full)}
            from change left join {before} as old on trim(change."{table.key}") = trim(old."{table.key}")
            where trim(change."{table.key}") not in (
                select trim("{table.key}") from {past}
                where _effective_at > timestamp {quote(self.delivery_date)} and _effective_at <= timestamp {quote(next_full)}
            )"""


def _fields(connection: duckdb.DuckDBPyConnection, table: Table) -> str:
    """The lake's columns out of the loaded table; those that this version of the standard does not have are NULL."""
    loaded = {row[0] for row in connection.execute(f'describe "{table.name}"').fetchall()}
    return ", ".join(
        f'"{column}"' if column in loaded else f'null::varchar as "{column}"' for column in table.columns
    )
