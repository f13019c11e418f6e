"""What a delivery would change: taken into a copy of the lake, built beside the published version, compared with it, and thrown away.

The intake and the models are those of a refresh, so nothing here says what a change is: it is what would differ for readers.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from rollcall import logs
from rollcall.dbt_macros import code_fingerprint
from rollcall.districts import District
from rollcall.errors import RollcallError
from rollcall.files import quote, write
from rollcall.intake import districts, lake, landing, take
from rollcall.intake.findings import Report
from rollcall.intake.landing import Delivery
from rollcall.refresh import publish
from rollcall.refresh.run import Say
from rollcall.settings import Settings

_ROOMS = ("landing", "archive", "lake", "build", "quarantine")
_TRIES = 10  # copies of a lake that is being written to
_TRIED = take.Decision("what-if", "tried on a copy")


@dataclass
class WhatIf:
    """A delivery as the next refresh would take it, and what readers would see differently once it is published."""

    report: Report
    delivery: Delivery
    is_known: bool = False
    not_built: str = ""
    failures: list[str] = field(default_factory=list)
    figures: list[dict[str, object]] = field(default_factory=list)
    changes: dict[str, dict[str, int]] = field(default_factory=dict)
    schools: list[dict[str, object]] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        return self.report.verdict

    @property
    def is_built(self) -> bool:
        return bool(self.figures)

    @property
    def changes_nothing(self) -> bool:
        moved = any(figure["before"] != figure["after"] for figure in self.figures)
        return self.is_built and not moved and not any(any(counts.values()) for counts in self.changes.values())

    def as_dict(self) -> dict[str, object]:
        return {
            "file": self.delivery.path.name,
            "district_id": self.delivery.district.district_id,
            "kind": str(self.delivery.kind),
            "delivery_date": self.delivery.delivery_date.isoformat(),
            "content_sha256": self.delivery.sha256,
            "verdict": self.verdict,
            "already_delivered": self.is_known,
            "not_built": self.not_built,
            "failures": self.failures,
            "figures": self.figures,
            "changes": self.changes,
            "schools": self.schools,
        }


def what_if(settings: Settings, file: Path, district: District, say: Say, out: Path | None = None) -> WhatIf:
    """Tries a file. With `out`, a folder, writes the report there as soon as it is known, then `changes.csv` and `changes.json`.

    Nothing of the house is changed, and no refresh waits for it: the copy is made without the lock.
    """
    with take.private_folder(settings) as scratch:
        # On DuckDB, also where Spark builds what readers have: its tables are of the published versions.
        rooms = {name: scratch / name for name in _ROOMS}
        there = settings.model_copy(update={**rooms, "engine": "duckdb"})
        for name in _ROOMS:
            getattr(there, name).mkdir()
        say("copying the lake")
        _copy(settings, there)
        before = scratch / "before.duckdb"
        folder = there.landing / district.district_id
        folder.mkdir()
        _same(file, folder / file.name)
        say("checking the file")
        found = _taken(there, landing.describe(folder / file.name, district))
        if out:
            found.report.write(out)
        if settings.engine == "spark":
            # Its tables have no copy beside them that costs nothing.
            found.not_built = (
                "Where the models run on Spark, what a file would change is not worked out before it is applied"
            )
        elif found.verdict in ("accepted", "held") and not found.is_known:
            _build(there, found, say)
            if not found.failures:
                say("comparing with the published version")
                _compare(there, found, before if before.exists() else None, out)
    if out:
        write(out / "changes.json", json.dumps(found.as_dict(), ensure_ascii=False, default=str))
    return found


def _same(source: Path, target: Path) -> None:
    """The same file under another name, so that a large one costs no time and no room."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EACCES, errno.ENOTSUP):
            raise
        # On another disk, or another account's: one that is replaced meanwhile fails the attempt, and nothing else.
        target.symlink_to(source)


def _copy(settings: Settings, there: Settings) -> None:
    """Copies the lake and the published version as they are at one moment: again, where a refresh has changed them meanwhile."""
    for _ in range(_TRIES):
        for folder in (there.lake, there.build):
            shutil.rmtree(folder)
            folder.mkdir()
        try:
            before = _state(settings)
            _view(settings.lake, there.lake)
            _start(settings, there)
            if before == _state(settings):
                break
        except FileNotFoundError:
            continue
    else:
        raise RollcallError("the lake is being changed all the time: try again when no refresh is running")
    lake.prepare(there)
    lake.sweep(there)


def _state(settings: Settings) -> tuple[str, str | None]:
    version = publish.current(settings)
    return lake.fingerprint(settings), version.version if version else None


def _view(source: Path, target: Path) -> None:
    """Data files are linked, since they are only ever replaced; the others, which are small, are copied.

    The records first: what a delivery filled is in its place before its record is.
    """
    for top in (source / "deliveries", source):
        for root, _, names in os.walk(top):
            folder = target / Path(root).relative_to(source)
            folder.mkdir(parents=True, exist_ok=True)
            for name in names:
                if not (folder / name).exists():
                    copy = _same if name.endswith((".parquet", ".on_trial")) else shutil.copy2
                    copy(Path(root) / name, folder / name)


def _start(settings: Settings, there: Settings) -> None:
    """Keeps the published version to compare with, and starts the candidate on it where a refresh would."""
    base, kept = publish.current(settings), there.build.parent / "before.duckdb"
    kept.unlink(missing_ok=True)
    if base:
        _same(base.file(settings), kept)
    is_start = (
        base is not None
        and base.code_fingerprint == code_fingerprint()
        and base.withdrawals == lake.withdrawals(settings)
        and not publish.is_locked(base.file(settings))
        and not publish.has_views(base, settings)
        and not publish.is_purging(settings)
    )
    publish.start_candidate(there, base if is_start else None)


def _taken(there: Settings, delivery: Delivery) -> WhatIf:
    """Takes the delivery into the copy; one that is held, as if it had been released."""
    if f"{delivery.district.district_id}/{delivery.delivery_id}" in lake.accepted_ids(there):
        return WhatIf(take.check(delivery, there), delivery, is_known=True)
    outcome = take.take(delivery, there)
    found = WhatIf(outcome.report, delivery)
    if outcome.verdict == "held" and outcome.report_folder:
        path = outcome.report_folder / delivery.path.name
        again = take.take(replace(delivery, path=path), there, released=_TRIED)
        if again.verdict != "accepted":
            found.failures = [f"Released, it would be {again.verdict}"]
    return found


def _build(there: Settings, found: WhatIf, say: Say) -> None:
    """Builds the candidate of the copy, in the copy's folder: from there its rooms lie as the house's do from its own."""
    if found.failures:
        return
    from rollcall.refresh.build import dbt_build

    say("building beside the published version")
    with contextlib.chdir(there.build.parent):
        built = dbt_build(there, say, None)
    if built.failed:
        found.failures = built.failed
        logs.event("what-if could not be built", failures=built.failed)


# People are those on a list or added manually; a person is at a school once, whatever grades and roles they have there.
_TABLES = """
create temp table people_{when} as
select user_key, user_sourced_id as id, user_type, display_name as name,
    concat_ws(', ', user_type, display_name, email, case when is_enabled then 'enabled' else 'not enabled' end) as said
from {when}.marts.dim_users where district_id = $district and is_active;

create temp table orgs_{when} as
select org_key, org_sourced_id as id, org_name as name, org_type, is_active and org_type = 'school' as is_school
from {when}.marts.dim_orgs where district_id = $district;

create temp table memberships_{when} as
select user_key, org_key, count(*) as memberships,
    string_agg(concat_ws(' ', role, 'in grade ' || grade_code), '; ' order by role, grade_code) as said
from {when}.marts.fct_memberships where district_id = $district and is_current group by all;

create temp table access_{when} as
select email, org_key, string_agg(access_role, ', ' order by access_role) as said
from {when}.marts.bridge_user_access where district_id = $district group by all;
"""
_ROWS = """
create temp table changed as
select 'person' as what, case when old.user_key is null then 'added' when new.user_key is null then 'removed' else 'changed' end as change,
    user_key, null::bigint as org_key, old.said as before, new.said as after
from people_before as old full join people_after as new using (user_key)
where old.said is distinct from new.said
union all
select 'school', case when old.org_key is null then 'added' when new.org_key is null then 'removed' else 'changed' end,
    null, org_key, old.name, new.name
from (select * from orgs_before where is_school) as old full join (select * from orgs_after where is_school) as new using (org_key)
where old.name is distinct from new.name
union all
select 'membership', case when old.user_key is null then 'added' when new.user_key is null then 'removed' else 'changed' end,
    user_key, org_key, old.said, new.said
from memberships_before as old full join memberships_after as new using (user_key, org_key)
where old.said is distinct from new.said
union all
select 'access', case when old.email is null then 'added' when new.email is null then 'removed' else 'changed' end, null,
    coalesce(old.org_key, new.org_key), concat_ws(': ', old.email, old.said), concat_ws(': ', new.email, new.said)
from access_before as old full join access_after as new on old.email = new.email and old.org_key is not distinct from new.org_key
where old.said is distinct from new.said;
"""
# Students by their id alone; of staff also what is kept of them.
_LISTED = """
select what, change, orgs.id as school_id, orgs.name as school, people.user_type, people.id as person_id, people.name as person_name,
    before, after
from changed
left join (select * from orgs_after union all select * from orgs_before where org_key not in (select org_key from orgs_after)) as orgs
    using (org_key)
left join (select * from people_after union all select * from people_before where user_key not in (select user_key from people_after)) as people
    using (user_key)
order by what desc, change, orgs.name, people.user_type, people.id
"""
_FIGURES = {
    "People": "select count(*) from people_{when}",
    "Students": "select count(*) from people_{when} where user_type = 'student'",
    "Educators": "select count(*) from people_{when} where user_type = 'educator'",
    "Administrators": "select count(*) from people_{when} where user_type = 'administrator'",
    "Other people": "select count(*) from people_{when} where user_type = 'other'",
    "Schools": "select count(*) from orgs_{when} where is_school",
    "Grades with students": """select count(distinct grade_code) from {when}.marts.fct_memberships
        where district_id = $district and is_current and role = 'student'""",
    "Memberships": "select coalesce(sum(memberships), 0)::bigint from memberships_{when}",
    "Page loads": "select coalesce(sum(page_loads), 0)::bigint from {when}.marts.fct_product_usage where district_id = $district",
    "Products in use": "select count(distinct product_key) from {when}.marts.fct_product_usage where district_id = $district",
    "Products in the catalog": "select count(*) from {when}.marts.dim_products where district_id = $district and is_catalogued",
    "Page loads of people on the roster": """select coalesce(sum(page_loads), 0)::bigint from {when}.marts.fct_product_usage
        where district_id = $district and roster_status = 'rostered'""",
}
_MARTS = ("dim_users", "dim_orgs", "fct_memberships", "fct_product_usage", "dim_products", "bridge_user_access")
_WHAT = ("person", "school", "membership", "access")


def _compare(there: Settings, found: WhatIf, before: Path | None, out: Path | None) -> None:
    """Fills in what differs for the district between the published version and the candidate."""
    with lake.connect(there, there.build) as connection:
        connection.execute(f"attach {quote(there.candidate)} as after (read_only)")
        _attach_before(connection, before)
        asked = {"district": found.delivery.district.district_id}
        for when in ("before", "after"):
            for statement in filter(str.strip, _TABLES.format(when=when).split(";\n")):
                connection.execute(statement, asked if "$district" in statement else None)
        connection.execute(_ROWS)
        for name, sql in _FIGURES.items():
            counts = {}
            for when in ("before", "after"):
                query = sql.format(when=when)
                (counts[when],) = connection.execute(query, asked if "$district" in query else None).fetchone()
            found.figures.append({"name": name, **counts})
        found.changes = {what: dict.fromkeys(("added", "changed", "removed"), 0) for what in _WHAT}
        for what, change, count in connection.execute(
            "select what, change, count(*) from changed group by all"
        ).fetchall():
            found.changes[what][change] = count
        found.schools = list(_by_school(connection))
        if out:
            target = out / "changes.csv"
            connection.execute(f"copy ({_safe()}) to {quote(target)} (format csv, header)")


def _attach_before(connection: duckdb.DuckDBPyConnection, before: Path | None) -> None:
    """The published version as `before`; marts that it does not have, or none is published, without rows."""
    there: set[str] = set()
    if before:
        connection.execute(f"attach {quote(before)} as published (read_only)")
        rows = connection.execute(
            "select distinct table_name from duckdb_columns() where database_name = 'published'"
        ).fetchall()
        there = {mart for (mart,) in rows}
    connection.execute("attach ':memory:' as before")
    connection.execute("create schema before.marts")
    for mart in _MARTS:
        if mart in there:
            connection.execute(f"create view before.marts.{mart} as select * from published.marts.{mart}")
        else:
            connection.execute(f"create table before.marts.{mart} as select * from after.marts.{mart} limit 0")


def _safe() -> str:
    """The rows as a spreadsheet shows them and does not run them."""
    columns = ("school_id", "school", "person_id", "person_name", "before", "after")
    guarded = ", ".join(
        f"case when regexp_matches(ltrim({name}), '^[=+@-]') then '''' || {name} else {name} end as {name}"
        for name in columns
    )
    return f"select * replace ({guarded}) from ({_LISTED})"


def _by_school(connection: duckdb.DuckDBPyConnection) -> Iterator[dict[str, object]]:
    """The schools and other orgs with a change in them, those with the most changes first."""
    cursor = connection.execute(
        """with counts as (
            select org_key, 'before' as side, count(*) as people from memberships_before group by all
            union all
            select org_key, 'after', count(*) from memberships_after group by all
        ),
        sized as (
            select org_key, coalesce(sum(people) filter (side = 'before'), 0)::bigint as before, coalesce(sum(people) filter (side = 'after'), 0)::bigint as after
            from counts group by all
        ),
        moved as (
            select org_key, count(*) filter (what = 'membership' and change = 'added') as added,
                count(*) filter (what = 'membership' and change = 'changed') as changed,
                count(*) filter (what = 'membership' and change = 'removed') as removed,
                max(change) filter (what = 'school') as school_is
            from changed where what in ('membership', 'school') group by all
        )
        select coalesce(new.name, old.name) as school, coalesce(new.id, old.id) as school_id, coalesce(sized.before, 0) as before,
            coalesce(sized.after, 0) as after, added, changed, removed, school_is
        from moved
        left join sized using (org_key)
        left join orgs_after as new using (org_key)
        left join orgs_before as old using (org_key)
        order by added + changed + removed desc, school"""
    )
    names = [column[0] for column in cursor.description]
    for row in cursor.fetchall():
        yield dict(zip(names, row, strict=True))


def of_district(settings: Settings, name: str) -> District:
    """The settings of the district of that landing folder."""
    return District.load(districts.in_landing(settings, name), settings.rules)
