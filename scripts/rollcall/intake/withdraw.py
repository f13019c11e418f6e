"""Takes an accepted delivery back out of the lake, as if it had not come.

What came after it was written as what it differed in from what was there, or as what was not there yet. So whatever later
deliveries relied on is written again, as theirs, before the delivery goes; no file has to be read again, or kept.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from rollcall.errors import RollcallError
from rollcall.files import quote
from rollcall.intake import lake
from rollcall.intake.changes import Applied, Table, all_applied, first_full
from rollcall.intake.held import named
from rollcall.intake.lake_tables import CHANGE_COLUMNS, lake_tables
from rollcall.intake.landing import Kind
from rollcall.intake.take import Decision
from rollcall.intake.usage import catalogued_paths, path_prefix
from rollcall.settings import Settings


@dataclass(frozen=True)
class Accepted:
    """An accepted delivery, by its record."""

    district_id: str
    delivery_id: str
    kind: Kind
    file_name: str
    delivery_date: datetime
    arrived_at: datetime


def accepted(settings: Settings) -> list[Accepted]:
    """All that is accepted, in the order in which it came. May raise `lake.Damaged`."""
    records = [str(record) for record in lake.records(settings) if lake.is_accepted(record)]
    if not records:
        return []
    sql = f"""select district_id, delivery_id, delivery_kind, file_name, delivery_date, arrived_at
        from {lake.read(records)} order by arrived_at, delivery_id"""
    try:
        with duckdb.connect() as connection:
            rows = connection.execute(sql).fetchall()
    except duckdb.Error:
        lake.must_be_whole(settings)
        raise
    return [Accepted(district_id, id_, Kind(kind), *rest) for district_id, id_, kind, *rest in rows]


def find(settings: Settings, name: str) -> Accepted:
    """The accepted delivery of that id, file name or beginning of an id, with or without its district in front."""
    there = accepted(settings)
    return there[named(name, [(d.district_id, d.delivery_id, d.file_name) for d in there], "accepted")]


def withdraw(settings: Settings, name: str, decision: Decision) -> Accepted:
    """Withdraws the delivery; its record stays, with who has withdrawn it and why. For who holds the lock."""
    lake.sweep(settings)
    delivery = find(settings, name)
    lake.must_be_whole(settings, delivery.district_id)
    take_back(settings, delivery, lake.WITHDRAWN, decision)
    return delivery


def take_back(settings: Settings, delivery: Accepted, verdict: str, decision: Decision) -> None:
    """Gives an accepted delivery another verdict and takes what it filled out of the lake, wholly or not at all.

    Its file, wherever that is kept, is left alone.
    """
    settings.build.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix=".intake-", dir=settings.build) as scratch,
        lake.connect(settings, Path(scratch)) as connection,
    ):
        leaving = lake.TakingBack(settings, connection, delivery.district_id, delivery.delivery_id)
        if delivery.kind is Kind.USAGE:
            _leave_to_others(leaving, delivery)
        else:
            for lake_table in lake_tables():
                if set(CHANGE_COLUMNS) <= set(lake_tables()[lake_table]):
                    _restate(leaving, delivery, lake_table)
        if delivery.kind is Kind.PRODUCTS:
            _cut_paths(leaving, delivery)
        leaving.commit(verdict, decision.by, decision.why)


def _restate(leaving: lake.TakingBack, delivery: Accepted, lake_table: str) -> None:
    """Writes, as rows of the next full list of a table, what that list said and was written with the delivery only."""
    settings, connection = leaving.settings, leaving.connection
    files = lake.files(settings, lake_table, delivery.district_id)
    own = [file for file in files if lake.delivery_of(Path(file)) == delivery.delivery_id]
    others = all_applied(settings, delivery.district_id, str(delivery.kind), connection)
    table = Table(*lake_table.split("/"))
    (this,) = [one for one in others if one.delivery_id == delivery.delivery_id]
    later = [one for one in others if one.order > this.order]
    next_full = first_full(table.name, later)
    if table.name in this.full:
        _must_not_carry_deltas(leaving, this, table, others, next_full, files)
    if not own:
        return
    _must_be_of_its_date(connection, delivery, own)
    if next_full is None:
        return
    same = " and ".join(f'said."{column}" is not distinct from kept."{column}"' for column in table.columns)
    fields = ", ".join(f'said."{column}"' for column in table.columns)
    empty = str(lake.empty_file(settings, lake_table))
    mine = f"_delivery_id = {quote(delivery.delivery_id)}"

    def last(where: str) -> str:
        return f"""select * from rows where {where} qualify row_number() over (
            partition by trim("{table.key}") order by _effective_at desc, _arrived_at desc, _delivery_id desc, _row_number desc
        ) = 1"""

    leaving.write(
        lake_table,
        next_full.delivery_id,
        f"""with rows as (
            select * from {lake.read([*files, empty])}
            where (_effective_at, _arrived_at, _delivery_id) <= {next_full.place}
                and trim("{table.key}") in (select trim("{table.key}") from {lake.read(own)})
        ),
        said as ({last("true")}),
        kept as ({last(f"not ({mine})")})
        select {fields}, said._row_number, said._op, {next_full.stamp}
        from said left join kept on trim(said."{table.key}") = trim(kept."{table.key}")
        where said.{mine} and case
            when said._op = 'delete' then coalesce(kept._op, 'delete') = 'upsert'
            else kept._op is distinct from 'upsert' or not ({same}) end""",
    )


def _must_not_carry_deltas(
    leaving: lake.TakingBack,
    this: Applied,
    table: Table,
    others: list[Applied],
    next_full: Applied | None,
    files: list[str],
) -> None:
    """RollcallError where deltas would be left without the full list that they change."""
    if any(one.order < this.order and table.name in one.full for one in others):
        return
    filled = {lake.delivery_of(Path(file)) for file in files}
    deltas = sorted(
        one.delivery_id
        for one in others
        if one.order > this.order
        and table.name not in one.full
        and one.delivery_id in filled
        and (next_full is None or one.order < next_full.order)
    )
    if deltas:
        raise RollcallError(
            f"{this.delivery_id} is the only full list of {table.name} before {', '.join(deltas)}, which change it: "
            "withdraw those first, the newest before the others"
        )


def _must_be_of_its_date(connection: duckdb.DuckDBPyConnection, delivery: Accepted, own: list[str]) -> None:
    """RollcallError for what an older Rollcall has backfilled: there, rows of the next full list stand among its own."""
    (strange,) = connection.execute(
        f"select count(*) from {lake.read(own)} where _effective_at <> timestamp {quote(delivery.delivery_date)}"
    ).fetchone()
    if strange:
        raise RollcallError(
            f"{delivery.delivery_id} was backfilled by an older version of Rollcall and cannot be withdrawn: "
            "deliver a corrected file for the same date instead"
        )


def _leave_to_others(leaving: lake.TakingBack, delivery: Accepted) -> None:
    """Writes the identities and hosts that the delivery named first, and others use, as those of the first other."""
    settings, connection, district_id = leaving.settings, leaving.connection, delivery.district_id
    records = [str(record) for record in lake.records(settings, district_id) if lake.is_accepted(record)]
    loads = [
        file
        for file in lake.files(settings, "extension/page_loads", district_id)
        if lake.delivery_of(Path(file)) != delivery.delivery_id
    ]
    if not loads:
        return
    connection.execute(
        f"""create temp table others as
        select delivery_id, arrived_at, string_split(coalesce(email_domains, ''), ',') as email_domains
        from {lake.read(records)} where delivery_kind = 'usage' and delivery_id <> {quote(delivery.delivery_id)}"""
    )
    for table, keys in (("extension/identities", ["identity_key"]), ("extension/hosts", ["host", "path_prefix"])):
        files = lake.files(settings, table, district_id)
        own = [file for file in files if lake.delivery_of(Path(file)) == delivery.delivery_id]
        rest = [*(file for file in files if file not in own), str(lake.empty_file(settings, table))]
        if not own:
            continue
        key = f"({', '.join(keys)})"
        connection.execute(
            f"""create or replace temp table heirs as
            with orphans as (
                select * exclude (_delivery_id, district_id) from {lake.read(own)}
                where {key} not in (select {key} from {lake.read(rest)})
            ),
            used as (
                select distinct {", ".join(keys)}, regexp_extract(filename, '/([^/]+?)(?:__[0-9]+)?[.]parquet$', 1) as delivery_id
                from read_parquet([{", ".join(map(quote, loads))}], filename = true, hive_partitioning = false)
                where {key} in (select {key} from orphans)
            )
            select orphans.*, others.delivery_id as _delivery_id, others.email_domains
            from orphans inner join used using ({", ".join(keys)}) inner join others using (delivery_id)
            qualify row_number() over (partition by {", ".join(keys)} order by others.arrived_at, others.delivery_id) = 1"""
        )
        # The user name counts at the domains that the district had when an identity was first named.
        local = "case when list_contains(email_domains, email_domain) then local_part_hash end as local_part_hash"
        fields = "* exclude (email_domains)" + (f" replace ({local})" if table == "extension/identities" else "")
        for (heir,) in connection.execute("select distinct _delivery_id from heirs order by 1").fetchall():
            leaving.write(table, heir, f"select {fields} from heirs where _delivery_id = {quote(heir)}")


def _cut_paths(leaving: lake.TakingBack, delivery: Accepted) -> None:
    """Cuts the paths of later page loads down to what the catalog without the delivery would have kept of them."""
    settings, connection, district_id = leaving.settings, leaving.connection, delivery.district_id
    loads, hosts = (
        [Path(file) for file in lake.files(settings, f"extension/{table}", district_id)]
        for table in ("page_loads", "hosts")
    )
    catalogue = lake.files(settings, "inventory/products", district_id)
    added = [str(file) for file in leaving.folder.rglob("inventory/products/*/*.parquet")]
    mine = f"_delivery_id = {quote(delivery.delivery_id)}"
    untouched = []
    usages = all_applied(settings, district_id, str(Kind.USAGE), connection)
    later = [one for one in usages if one.arrived_at >= delivery.arrived_at]
    for usage in later:
        there = f"_arrived_at <= timestamp {quote(usage.arrived_at)}"
        paths = catalogued_paths(connection, [*catalogue, *added], f"{there} and not ({mine})")
        own = [file for file in loads if lake.delivery_of(file) == usage.delivery_id]
        if not own:
            continue
        source = f"read_parquet([{', '.join(map(quote, own))}], hive_partitioning = false)"
        if paths == catalogued_paths(connection, catalogue, there):
            untouched.append((usage.delivery_id, source))
            continue
        cut = path_prefix(paths, "path_prefix")
        for file in own:
            one = f"read_parquet({quote(file)}, hive_partitioning = false)"
            (cuts,) = connection.execute(f"select count(*) from {one} where path_prefix <> {cut}").fetchone()
            if cuts:
                leaving.replace(file, f"select * replace ({cut} as path_prefix) from {one}")
        # What it names is named anew, as long as it is used.
        hosts_of_it = (
            f"select distinct host, {cut} as path_prefix, {quote(usage.delivery_id)} as _delivery_id from {source}"
        )
        for file in [file for file in hosts if lake.delivery_of(file) == usage.delivery_id]:
            leaving.replace(file, f"{hosts_of_it} limit 0")
        leaving.write("extension/hosts", usage.delivery_id, hosts_of_it)
    if len(untouched) < len(later):
        # Paths that these still have may have been named by one of those first.
        for delivery_id, source in untouched:
            leaving.write(
                "extension/hosts",
                delivery_id,
                f"select distinct host, path_prefix, {quote(delivery_id)} as _delivery_id from {source} where path_prefix <> ''",
            )
