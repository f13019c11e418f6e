"""What is wrong now, and what to do about it. `rollcall status` and the alerts say the same, from here."""

from __future__ import annotations

import json
import shlex
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from rollcall.dbt_macros import rendered
from rollcall.errors import RollcallError
from rollcall.intake import lake, landing, take, verify
from rollcall.refresh import clock, ledger, publish
from rollcall.rules.wording import Count
from rollcall.settings import Settings
from rollcall.text import printable

ACCEPTED = "accepted"


@dataclass(frozen=True)
class Problem:
    """Something a person has to look at. `key` is the thing that is wrong; `identity` changes with what is wrong about it."""

    key: str
    identity: str
    what: str
    fix: str


@dataclass(frozen=True)
class Arrival:
    """The newest delivery of a kind that a district sent."""

    district_id: str
    kind: str
    delivery_id: str
    file_name: str
    verdict: str
    delivery_date: str
    arrived_at: datetime
    accepted_date: str | None


def ago(moment: datetime, now: datetime) -> str:
    """How long ago that was, for a person."""
    minutes = int((now - moment).total_seconds() // 60)
    for size, unit in ((60 * 24, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            count = minutes // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now" if minutes > -2 else "in the future: the clock has jumped"


def arrivals(settings: Settings) -> list[Arrival]:
    """One row per district and kind: its newest delivery, and its newest that was accepted. May raise `lake.Damaged`."""
    found = lake.ask(
        settings,
        lambda records: (
            f"""select district_id, delivery_kind, max_by(delivery_id, arrived_at), max_by(file_name, arrived_at),
            max_by(verdict, arrived_at), max_by(delivery_date, arrived_at)::varchar, max(arrived_at),
            max(delivery_date) filter (verdict = '{ACCEPTED}')::varchar
        from {records} group by all order by all"""
        ),
    )
    utc = [
        [value.replace(tzinfo=UTC) if isinstance(value, datetime) else value for value in row.values()] for row in found
    ]
    return [Arrival(*row) for row in utc]


@dataclass(frozen=True)
class Refused:
    """A delivery that was rejected or held, or that Rollcall failed on, and that nothing accepted since covers."""

    district_id: str
    delivery_id: str
    kind: str
    file_name: str
    verdict: str
    arrived_at: datetime


def open_deliveries(settings: Settings, district_id: str | None = None) -> list[Refused]:
    """What needs someone, the newest first, of all districts or of one: as `fct_deliveries` has it, of what is not built yet too.

    May raise `lake.Damaged`.
    """
    found = lake.ask(
        settings,
        lambda records: (
            f"""with records as (select * from {records}),
            refused as ({rendered("refused_deliveries", "records")})
            select district_id, delivery_id, delivery_kind as kind, file_name, verdict, arrived_at
            from records semi join refused on records.district_id = refused.district_id
                and records.delivery_id = refused.delivery_id and records.verdict = refused.verdict and refused.covered_by is null
            order by arrived_at desc, delivery_id"""
        ),
        district_id,
    )
    return [Refused(**row | {"arrived_at": row["arrived_at"].replace(tzinfo=UTC)}) for row in found]


def published(settings: Settings) -> tuple[publish.Version | None, str | None]:
    """(the version that readers have, why there is none that can be read)."""
    try:
        return publish.current(settings), None
    except RollcallError as error:
        return None, str(error)


def problems(settings: Settings, now: datetime) -> list[Problem]:
    """All that is wrong, the worst first."""
    found = []
    try:
        of_deliveries = _of_deliveries(settings, now)
    except lake.Damaged as error:
        of_deliveries = []
        found = [Problem("lake", error.what, error.what, error.fix)]
    else:
        if damaged := verify.still_damaged(settings):
            error = lake.Damaged(damaged)
            found = [Problem("lake", error.what, error.what, error.fix)]
    found = [*found, *_of_refresh(settings, now), *_of_collecting(settings, now), *of_deliveries]
    return [Problem(*map(printable, astuple(problem))) for problem in found]


def _of_refresh(settings: Settings, now: datetime) -> list[Problem]:
    found = []
    runs, broken = ledger.read(settings)
    beat = ledger.last_beat(settings)
    last = runs[-1] if runs else None
    # What ended well since then is newer than the ledger's last line, whatever that says.
    # A run that went to its end and failed on a delivery has no failure of its own: that delivery is among the problems.
    if last and last["failures"] and (beat is None or beat["run_id"] == last["run_id"]):
        failure = last["failures"][0]
        fix = (
            "Readers keep the version they have. Check the deliveries of that run, or undo the change to the models, and "
            f"run `rollcall refresh`; details are in {settings.build / 'rollcall.log'} and `rollcall status --open`"
            if last["exit_code"] == 30
            else f"Fix that, and run `rollcall refresh`; the traceback is in {settings.build / 'rollcall.log'}"
        )
        ended = "the audit failed:" if last["exit_code"] == 30 else "the refresh failed:"
        found.append(Problem("refresh", f"{last['exit_code']} {failure}", f"{ended} {failure}", fix))
    if last and last.get("skipped") and (beat is None or beat["run_id"] == last["run_id"]):
        found += [
            Problem(f"skipped/{file}", file, f"not taken: {file}", "Fix that; the next refresh takes the file")
            for file in last["skipped"]
        ]
    begun = ledger.begun(settings)
    if begun and not begun.is_running:
        what = f"the refresh that began {ago(begun.started_at, now)} was interrupted: it was killed, or the machine went down"
        fix = (
            "Run `rollcall refresh`, which continues where it stopped; nothing is lost, and readers keep the version they have. "
            "If it happens again, the machine may be short of memory: set ROLLCALL_MEMORY_LIMIT lower"
        )
        found.append(Problem("cut off", begun.run_id, what, fix))
    if left := take.left_scratch(settings):
        names = ", ".join(str(folder) for folder in left)
        what = f"a refresh or a check was killed, and left unpacked files of a delivery in {names}"
        fix = "Run `rollcall refresh`, which deletes it"
        found.append(Problem("scratch", names, what, fix))
    last_clock = clock.last(settings)
    if last_clock and last_clock.is_ahead:
        what = (
            f"this machine's clock said {last_clock.now:%Y-%m-%d}, but nothing else confirms a date later than "
            f"{last_clock.believed:%Y-%m-%d}: Rollcall deletes nothing for its age beyond that date"
        )
        fix = "Set the clock if it is wrong; if it is right, wait: the next dated deliveries confirm it"
        found.append(Problem("clock", f"{last_clock.believed:%Y-%m-%d}", what, fix))
    version, unreadable = published(settings)
    if version and publish.is_locked(settings.pointer):
        what = f"someone has {settings.pointer} open for writing, so readers cannot open it"
        fix = "Find out who (`lsof`), and have them open it read-only"
        found.append(Problem("pointer", "open for writing", what, fix))
    if unreadable:
        found.append(Problem("pointer", unreadable, unreadable, "Run `rollcall refresh`"))
    if broken:
        what = f"{Count(broken):# line|# lines} of {ledger.file(settings)} cannot be read, and Rollcall skips {Count(broken):it|them}"
        fix = "A run was killed while writing, or the disk is failing: check the file, and delete those lines"
        found.append(Problem("ledger", str(broken), what, fix))
    silent_for = _hours_since(version.published_at, now) if version else None
    if settings.alert_hours and silent_for is not None and silent_for > settings.alert_hours:
        what = f"nothing was published for {silent_for:.0f} hours (expected within {settings.alert_hours:.0f})"
        ran = f"The last refresh ran {ago(datetime.fromisoformat(beat['ended_at']), now)}" if beat else "None has run"
        fix = f"{ran}: check that the timer runs, and that deliveries arrive in {settings.landing}"
        found.append(Problem("silence", version.version, what, fix))
    return found


def _of_collecting(settings: Settings, now: datetime) -> list[Problem]:
    return [
        Problem(
            f"fetch/{last.district_id}",
            last.error,
            f"the files of {last.district_id} could not be collected {ago(last.at, now)}: {last.error}",
            f"Fix that, and run `rollcall fetch --district {shlex.quote(last.district_id)}`",
        )
        for last in landing.last_fetches(settings)
        if last.error
    ]


def _hours_since(moment: str, now: datetime) -> float:
    return (now - datetime.fromisoformat(moment)).total_seconds() / 3600


def _first_finding(folder: Path) -> str:
    try:
        report = json.loads((folder / "report.json").read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return "its report is gone"
    # Reports of before there were issues have findings only.
    named = report.get("issues") or report["findings"]
    heavy = [each for each in named if each["severity"] in ("reject", "hold")] or named
    more = f" (and {len(heavy) - 1} more)" if len(heavy) > 1 else ""
    return f"{heavy[0]['message']}{more}" if heavy else "its report names no finding"


def _to_send(folder: Path) -> str:
    """What of a delivery's folder is for the district: the report, and the rows to fix if there are any."""
    report, rows = folder / "report.html", folder / "report-rows.csv"
    if not rows.exists() or len(rows.read_text("utf-8").splitlines()) < 2:
        return str(report)
    return f"{report} and {rows.name} beside it"


def _days_of_districts(settings: Settings, now: datetime) -> dict[str, tuple[date, dict[str, int]]]:
    """What day it is in each district, and the days within which it delivers, as its newest accepted delivery came with them."""
    found = lake.ask(
        settings,
        lambda records: (
            f"""select district_id, arg_max(time_zone, arrived_at) as time_zone, arg_max_null(freshness_days, arrived_at) as days
            from {records} where verdict = '{ACCEPTED}' group by district_id"""
        ),
    )
    return {
        row["district_id"]: (now.astimezone(ZoneInfo(row["time_zone"])).date(), json.loads(row["days"] or "{}"))
        for row in found
    }


def _of_deliveries(settings: Settings, now: datetime) -> list[Problem]:
    found = [_refused(delivery, settings, now) for delivery in open_deliveries(settings)]
    days_of = _days_of_districts(settings, now)
    for arrival in arrivals(settings):
        if not arrival.accepted_date:
            continue
        # By the date of the data, as the dashboard: what arrives today may be of last month.
        last, (today, own) = date.fromisoformat(arrival.accepted_date), days_of[arrival.district_id]
        if late := settings.days_late(arrival.kind, last, today, own):
            days, allowed = late
            what = f"{arrival.district_id}: the newest {arrival.kind} data is of {last}, {days} days ago (expected within {allowed})"
            fix = "Ask the district for a newer delivery, or set freshness_days in its district.toml to what was agreed"
            found.append(Problem(f"fresh/{arrival.district_id}/{arrival.kind}", "late", what, fix))
    return found


# What is done about a verdict, and what is done if that is not wanted. Commands can be copied as they are.
_FIXES = {
    "held": "Read {report}. If the change is right, run `rollcall release {id} --by NAME --why REASON`. If not, send {send} to the district: "
    "the next good file of its kind closes this. To close it without one, run {discard}",
    "rejected": "Send {send} to the district; the next good file of its kind closes this. To close it without one, run {discard}",
    "failed": "Report the error with its traceback, which is in {log}. The file is still in the landing folder, and each refresh tries it again",
}


def _refused(delivery: Refused, settings: Settings, now: datetime) -> Problem:
    folder = settings.quarantine / delivery.district_id / delivery.delivery_id
    id_ = shlex.quote(f"{delivery.district_id}/{delivery.delivery_id}")
    verb = "could not be processed" if delivery.verdict == "failed" else f"was {delivery.verdict}"
    return Problem(
        f"delivery/{delivery.district_id}/{delivery.delivery_id}",
        delivery.verdict,
        f"{delivery.district_id}/{delivery.file_name} {verb} {ago(delivery.arrived_at, now)}: {_first_finding(folder)}",
        _FIXES[delivery.verdict].format(
            report=folder / "report.html", send=_to_send(folder), id=id_, log=settings.build / "rollcall.log",
            discard=f"`rollcall discard {id_} --by NAME --why REASON`",
        ),
    )  # fmt: skip
