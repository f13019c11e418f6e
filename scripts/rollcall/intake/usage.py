"""Usage files: page loads of the browser extension, cut down to what product matching and counting need."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb

from rollcall.dbt_macros import rendered
from rollcall.districts import District
from rollcall.files import quote
from rollcall.intake import csvfile, headers, lake, privacy
from rollcall.intake.headers import Form
from rollcall.intake.observed import Observed
from rollcall.intake.oneroster import Given
from rollcall.rules import schema
from rollcall.settings import Settings

_SET_ASIDE = "set_aside"

_TIME = (
    "case when regexp_matches(occurred_at, '[0-9][T ][0-9].*([zZ]|[+-][0-9]{2}(:?[0-9]{2})?)$') "
    "then try_cast(occurred_at as timestamptz) end"
)
# As a browser reads it: what is before the last @ is not the host, a port is a number, a backslash ends the authority. What is
# no host after that is none at all: a part of `https://jane%40oak.org/` or of `https://jane:doe/` could be a name.
_HOST = (
    # Nearly every authority is a host and no more, which is asked in a fifth of the time that taking one apart takes.
    rf"case when regexp_full_match(authority, '{privacy.HOST}') then authority else "
    rf"coalesce(regexp_extract(authority, '^(?:[^?#\\]*@)?({privacy.HOST})[.]?(?::[0-9]*)?(?:[?#\\].*)?$', 1), '') end"
)
_PATH = (
    "case when regexp_matches(authority, '[?#]') then '' else lower(substr(rest, strpos(concat(rest, '/'), '/'))) end"
)

_IS_AHEAD = "coalesce(moment > now() + interval 5 minute, false)"
_TIMELY = f"coalesce(moment >= timestamptz '2000-01-01 00:00:00+00' and not {_IS_AHEAD}, false)"


def _seconds() -> str:
    """A SQL expression: the seconds of a page load, NULL where they are blank or unusable."""
    return rendered("usable_seconds", "try_cast(duration_seconds as double)")


@dataclass
class LoadedUsage:
    """A usage file, cut down, in the incoming folder: rows delivered, rows set aside, and the tables to ask rules of."""

    delivered: int
    set_aside: int
    given: list[Given]


def source(path: Path, form: Form, observed: Observed, settings: Settings) -> str | None:
    """The FROM clause over a usage file with all contract columns (absent ones NULL). None when its header is wrong."""
    if path.suffix == ".parquet":
        with duckdb.connect() as connection:
            reader = f"read_parquet({quote(path)}, hive_partitioning = false)"
            found = [row[0] for row in connection.execute(f"describe select * from {reader}").fetchall()]
        if not csvfile.has_usable_width(path, found, observed, settings):
            return None
        names = form.renamed(found)
        wanted = form.wanted(found)
        csvfile.observe_header(path.name, names, wanted, observed, headers.matched(found, "usage"))
        if not set(wanted) <= set(names):
            return None
        column = dict(zip(names, found, strict=True))
        fields = ", ".join(
            f"{_name(column[name])}::varchar as {name}" if name in names else f"null::varchar as {name}"
            for name in schema.USAGE_COLUMNS
        )
        return f"(select {fields} from {reader})"
    names = headers.read(path, form, observed, settings)
    return None if names is None else headers.source(path, names, schema.USAGE_COLUMNS)


def _name(column: str) -> str:
    """A column's name, whatever is in it."""
    return '"' + column.replace('"', '""') + '"'


def _events(files: list[str]) -> str:
    """A FROM clause over page loads that the intake has written."""
    return f"read_parquet([{', '.join(map(quote, files))}], hive_partitioning = false)"


def _identity_key(key: bytes) -> str:
    """A SQL expression for the 60-bit number of a (user_email, user_id) pair; NULL when both are blank."""
    parts = f"{quote(privacy.identity_salt(key))}, coalesce(lower(trim(user_email)), ''), coalesce(trim(user_id), '')"
    return (
        "case when trim(user_email) <> '' or trim(user_id) <> '' "
        f"then (md5_number(concat_ws(chr(31), {parts}))::uhugeint >> 68)::bigint end"
    )


def _event_key() -> str:
    """A SQL expression: 64 bits of the md5 of the event id, else of the whole row, before it is cut down."""
    row = ", ".join(f"coalesce({name}, '')" for name in schema.USAGE_COLUMNS)
    text = f"case when trim(event_id) <> '' then 'event' || trim(event_id) else concat_ws(chr(31), 'row', {row}) end"
    return f"(md5_number({text})::uhugeint >> 64)::ubigint"


def catalogued_paths(
    connection: duckdb.DuckDBPyConnection, catalogue: list[str], where: str = "true"
) -> list[tuple[str, str]]:
    """(host, path prefix) of a district's catalog (its files, and which rows), where it distinguishes products by path."""
    if not catalogue:
        return []
    return connection.execute(
        f"""with latest as (
            select * from {lake.read(catalogue)} where {where}
            qualify row_number() over (
                partition by trim(product_id) order by _effective_at desc, _arrived_at desc, _delivery_id desc
            ) = 1
        ),
        addresses as (
            select unnest(string_split(url, ';')) as url from latest where _op = 'upsert'
        )
        select distinct {rendered("url_host", "url")} as host, {rendered("url_path", "url")} as path_prefix
        from addresses where host <> '' and path_prefix <> ''
        order by length(path_prefix) desc, path_prefix, host"""
    ).fetchall()


def _under(host: str) -> str:
    return f"(host = {quote(host)} or ends_with(host, {quote('.' + host)}))"


def path_prefix(paths: list[tuple[str, str]], path: str) -> str:
    """A SQL expression: the longest catalogued path prefix of an address, which is all that is kept of its path.

    Of columns: the `host` of the address and its `path`.
    """
    branches = " ".join(
        f"when {_under(host)} and starts_with({path}, {quote(prefix)}) "
        f"and substr({path}, {len(prefix) + 1}, 1) in ('', '/', '?', '#') then {quote(prefix)}"
        for host, prefix in paths
    )
    return f"case {branches} else '' end" if branches else "''"


def addressed(rows: str, paths: list[tuple[str, str]]) -> str:
    """A FROM clause: rows that have a `url`, with its `host`, blank where it is no web address, and its `path_prefix`.

    In steps, each with what the next one needs: DuckDB works an expression out as often as it is written.
    """
    hosts = " or ".join(_under(host) for host in sorted({host for host, _ in paths})) or "false"
    return f"""(
        with address as (
            select *, case when regexp_matches(trim(url), '^[hH][tT][tT][pP][sS]?://') then substr(trim(url), strpos(trim(url), '://') + 3) end as rest
            from {rows}
        ),
        parted as (select *, lower(string_split(rest, '/')[1]) as authority from address),
        hosted as (select *, case when rest is null then '' else {_HOST} end as host from parted),
        catalogued as (select *, case when {hosts} then {_PATH} end as path from hosted)
        select * exclude (rest, authority, path), case when path is null then '' else {path_prefix(paths, "path")} end as path_prefix
        from catalogued
    )"""


def load(
    path: Path, form: Form, incoming: lake.Incoming, district: District, observed: Observed, settings: Settings
) -> LoadedUsage | None:
    """Writes the file's events, identities and hosts into the incoming folder. None when it cannot be read."""
    connection = incoming.connection
    rows = source(path, form, observed, settings)
    if rows is None:
        return None
    key = privacy.pii_key(settings)
    for statement in privacy.macros(key):
        connection.execute(statement)
    folder = incoming.folder / "extension" / "page_loads" / f"district_id={incoming.district_id}"
    folder.mkdir(parents=True)
    paths = catalogued_paths(connection, lake.files(settings, "inventory/products", incoming.district_id))
    (delivered,) = connection.execute(
        f"""copy (
            with read as (
                select *, {_TIME} as moment from {addressed(rows, paths)}
            )
            select
                {_event_key()} as event_key,
                {_identity_key(key)} as identity_key,
                host,
                path_prefix,
                moment::timestamp as occurred_at,
                {_seconds()} as duration_seconds,
                case when {_TIMELY} and host <> '' then timezone({quote(district.time_zone)}, moment)::date::varchar else '{_SET_ASIDE}' end
                    as usage_date
            from read
        ) to {quote(folder)} (
            format parquet, partition_by (usage_date), filename_pattern '{incoming.delivery_id}__{{i}}'
        )"""
    ).fetchone()
    if path.suffix != ".parquet" and csvfile.observe_lines(path.name, connection, observed):
        return None
    aside = sorted(str(file) for file in (folder / f"usage_date={_SET_ASIDE}").glob("*.parquet"))
    set_aside = connection.execute(f"select count(*) from {_events(aside)}").fetchone()[0] if aside else 0
    shutil.rmtree(folder / f"usage_date={_SET_ASIDE}", ignore_errors=True)
    _make_usage(rows if set_aside else f"(select * from {rows} limit 0)", connection)
    _make_counts(delivered, rows, folder, incoming, settings)
    _append_new(rows, folder, incoming, district, key, settings)
    return LoadedUsage(delivered, set_aside, [Given("usage", path.name), Given("usage_counts", path.name)])


def _make_usage(rows: str, connection: duckdb.DuckDBPyConnection) -> None:
    """Makes `usage`, all rows, for naming those that were set aside: a second reading, which only a file with such rows pays for."""
    connection.execute(
        f"""create table usage as
        select row_number() over () + 1 as _row_number, occurred_at, {_TIMELY} as is_timely, {_IS_AHEAD} as is_ahead, host
        from (select occurred_at, {_TIME} as moment, host from {addressed(rows, [])})"""
    )


def _make_counts(delivered: int, rows: str, folder: Path, incoming: lake.Incoming, settings: Settings) -> None:
    """Makes `usage_counts`, one row: page loads without a user or a usable duration, those of a time ahead, and those that are there already.

    That is in this file, or in the lake on its days.
    """
    incoming.connection.execute(
        """create table usage_counts as
        select $1::bigint as delivered, 0::bigint as without_user, 0::bigint as repeated, 0::bigint as unusable_durations,
            count(*) filter (is_ahead) as ahead, strftime(now(), '%Y-%m-%d %H:%M UTC') as now
        from usage""",
        [delivered],
    )
    written = sorted(str(file) for file in folder.rglob("*.parquet"))
    if not written:
        return
    days = sorted({Path(file).parent.name for file in written})
    district = settings.lake / "extension" / "page_loads" / f"district_id={incoming.district_id}"
    known = {record.stem for record in lake.records(settings, incoming.district_id) if lake.is_accepted(record)}
    earlier = [
        str(file)
        for day in days
        for file in (district / day).glob("*.parquet")
        if file.stem.rsplit("__", 1)[0] in known
    ]
    again = f"or event_key in (select event_key from {_events(earlier)})" if earlier else ""
    without_user, without_seconds, total, new = incoming.connection.execute(
        f"""select count(*) filter (identity_key is null), count(*) filter (duration_seconds is null), count(*),
            count(distinct event_key) filter (not is_again)
        from (select identity_key, event_key, duration_seconds, {"false " + again} as is_again from {_events(written)})"""
    ).fetchone()
    unusable = 0
    if without_seconds:
        # Most files leave it blank: what was written and is unusable is counted in a second reading, of that column alone.
        (unusable,) = incoming.connection.execute(
            f"select count(*) from {rows} where trim(duration_seconds) <> '' and {_seconds()} is null"
        ).fetchone()
    incoming.connection.execute(
        "update usage_counts set without_user = $1, repeated = $2, unusable_durations = $3",
        [without_user, total - new, unusable],
    )


def _append_new(
    rows: str, folder: Path, incoming: lake.Incoming, district: District, key: bytes, settings: Settings
) -> None:
    """Adds the identities and hosts that the district's usage had not named before; both grow with people, not days."""
    written = sorted(str(file) for file in folder.rglob("*.parquet"))
    if not written:
        return

    def unknown(table: str, columns: str) -> str:
        past = lake.files(settings, table, incoming.district_id)
        return f"({columns}) not in (select ({columns}) from {lake.read(past)})" if past else "true"

    domains = ", ".join(map(quote, district.email_domains)) or "null"
    stamp = f"{quote(incoming.delivery_id)} as _delivery_id"
    incoming.write(
        "extension/identities",
        f"""with written as (
            select distinct user_email, user_id from {rows}
        ),
        pair as (
            select lower(trim(user_email)) as user_email, trim(user_id) as user_id from written
        ),
        keyed as (
            select *, {_identity_key(key)} as identity_key, {privacy.domain("user_email")} as domain from pair
        ),
        used as (
            select distinct identity_key from {_events(written)} where identity_key is not null
        )
        select identity_key, keyed_hash(any_value(user_id)) as user_id_hash, keyed_hash(any_value(user_email)) as email_hash,
            case when any_value(domain) in ({domains}) then keyed_hash(split_part(any_value(user_email), '@', 1)) end
                as local_part_hash,
            nullif(any_value(domain), '') as email_domain, {stamp}
        from keyed semi join used using (identity_key)
        where {unknown("extension/identities", "identity_key")}
        group by identity_key""",
    )
    incoming.write(
        "extension/hosts",
        f"""select distinct host, path_prefix, {stamp} from {_events(written)}
        where {unknown("extension/hosts", "host, path_prefix")}""",
    )
