"""What `rollcall status` says: for someone who has never seen the project, and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime

from rollcall.intake import held, lake
from rollcall.refresh import ledger
from rollcall.refresh.run import figures
from rollcall.settings import Settings
from rollcall.text import printable
from rollcall.watch.state import Arrival, ago, arrivals, problems, published

_RUNS = 5
_MEANS = {
    0: "all went well",
    1: "it failed",
    20: "not all deliveries were accepted",
    30: "the audit failed",
}


def _happened(run: dict) -> str:
    """One run, for a person."""
    verdicts = [delivery["verdict"] for delivery in run["deliveries"]]
    is_of_a_delivery = run["exit_code"] == 1 and not run["failures"]
    means = _MEANS.get(run["exit_code"], f"exit {run['exit_code']}")
    means = "Rollcall failed on a delivery" if is_of_a_delivery else means
    counts = ", ".join(f"{verdicts.count(v)} {v}" for v in sorted(set(verdicts))) or "no new deliveries"
    new = f", published version {run['published']}" if run["published"] == run["run_id"] else ", published nothing"
    took = f" in {sum(run['seconds'].values()):.0f} s" if run["seconds"] else ""
    return f"{means}: {counts}{new}{took}"


def _newest(settings: Settings) -> list[Arrival]:
    """The deliveries to list; none where the lake is damaged, which is among the problems then."""
    try:
        return arrivals(settings)
    except lake.Damaged:
        return []


def as_dict(settings: Settings, now: datetime) -> dict[str, object]:
    version, unreadable = published(settings)
    waiting = held.waiting(settings)
    aside = {delivery.folder for delivery in waiting}
    return {
        "published": {"version": version.version, "published_at": version.published_at} if version else None,
        "pointer_problem": unreadable,
        "last_refresh": ledger.last_beat(settings),
        "problems": [asdict(problem) for problem in problems(settings, now)],
        "districts": [asdict(arrival) for arrival in _newest(settings)],
        "runs": ledger.read(settings)[0][: -_RUNS - 1 : -1],
        "held": [f"{delivery.district_id}/{delivery.delivery_id}" for delivery in waiting],
        "quarantine": sorted(
            str(report.parent) for report in settings.quarantine.glob("*/*/report.txt") if report.parent not in aside
        ),
    }


def lines(settings: Settings, now: datetime) -> Iterator[str]:
    """The answer to: what happened last night, and what do I do?"""
    return map(printable, _lines(settings, now))


def _lines(settings: Settings, now: datetime) -> Iterator[str]:
    version, _ = published(settings)
    beat = ledger.last_beat(settings)
    runs = ledger.read(settings)[0]
    wrong = problems(settings, now)

    if beat is None:
        yield "No refresh has run yet. Put files into the landing folder and run `rollcall refresh`:"
        yield f"  {settings.landing}/<district>/"
    else:
        ended = datetime.fromisoformat(beat["ended_at"])
        last = next((run for run in reversed(runs) if run["run_id"] == beat["run_id"]), None)
        happened = _happened(last) if last else "nothing was new, so nothing was done"
        yield f"Last refresh: {ended:%Y-%m-%d %H:%M} UTC, {ago(ended, now)}; {happened}."
    begun = ledger.begun(settings)
    if begun and begun.is_running:
        yield f"A refresh is running: it began {ago(begun.started_at, now)} (process {begun.process})."
    if version:
        at = datetime.fromisoformat(version.published_at)
        yield f"Readers have: version {version.version} of {at:%Y-%m-%d %H:%M} UTC, {ago(at, now)}"
        yield f"  {settings.pointer}"
        for name, value in figures(settings).items():
            yield f"  {name.replace('_', ' '):26} {value}"
    else:
        yield "Readers have: nothing is published yet."

    yield ""
    if wrong:
        yield "What to do:"
        for number, problem in enumerate(wrong, 1):
            yield f"  {number}. {problem.what}"
            yield f"     {problem.fix}."
    else:
        yield "What to do: nothing."

    newest = _newest(settings)
    if newest:
        yield ""
        yield "Deliveries, the newest of each kind:"
        width = max(len(arrival.district_id) for arrival in newest)
        for arrival in newest:
            good = arrival.accepted_date or "none yet"
            yield (
                f"  {arrival.district_id:{width}}  {arrival.kind:10} {arrival.verdict:9} {ago(arrival.arrived_at, now):14}"
                f"  last accepted: {good}"
            )
    if runs:
        yield ""
        yield "Runs that had something to do, the newest first:"
        for run in runs[: -_RUNS - 1 : -1]:
            yield f"  {run['run_id']}  {_happened(run)}"
            yield from (f"    failed: {failure}" for failure in run["failures"])
            yield from (f"    since the version before: {drifted}" for drifted in run.get("drift", []))
            yield from (f"    repaired: {mended}" for mended in run.get("mended", []))
