"""One refresh: lock, take what arrived, build, audit, publish, and write down what happened."""

from __future__ import annotations

import importlib
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import duckdb

from rollcall import logs
from rollcall.intake import held, lake, landing, privacy, take
from rollcall.intake.changes import Changes
from rollcall.intake.findings import REPORT_FILES
from rollcall.intake.take import Outcome
from rollcall.logs import event
from rollcall.refresh import ledger, publish
from rollcall.refresh.lock import refresh_lock
from rollcall.settings import District, RollcallError, Settings, is_of_the_disk, of_the_disk

if TYPE_CHECKING:
    from rollcall.refresh.build import Node

PUBLISHED, HELD_BACK, AUDIT_FAILED = 0, 20, 30
_LARGE = 32 * 2**20  # bytes whose hashing takes long enough to do something else meanwhile


class Say(Protocol):
    """Tells whoever watches what is being done, and how much of it is."""

    def __call__(self, words: str, done: int = 0, total: int | None = None) -> None: ...


@dataclass
class Run:
    """What one refresh did. `exit_code` is the command's; `mended` is what it found broken and put right."""

    run_id: str
    started_at: datetime
    exit_code: int = PUBLISHED
    version: str | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    drift: list[str] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)
    unsent: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    figures: dict[str, object] = field(default_factory=dict)
    asked: int = 0
    nodes: list[Node] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        return {
            "run_id": self.run_id,
            "started_at": self.started_at.isoformat(),
            "exit_code": self.exit_code,
            "published": self.version,
            "deliveries": [
                {
                    "district_id": outcome.delivery.district.district_id,
                    "delivery_id": outcome.delivery.delivery_id,
                    "file": outcome.delivery.path.name,
                    "kind": str(outcome.delivery.kind),
                    "verdict": outcome.verdict,
                    "rows": vars(outcome.changes),
                    "report": str(outcome.report_folder) if outcome.report_folder else None,
                    "findings": outcome.report.as_dict()["findings"],
                }
                for outcome in self.outcomes
            ],
            "counts": self.counts,
            "repeated": self.repeated,
            "skipped": self.skipped,
            "failures": self.failures,
            "drift": self.drift,
            "mended": self.mended,
            "figures": self.figures,
            "seconds": {stage: round(seconds, 3) for stage, seconds in self.seconds.items()},
        }

    @property
    def counts(self) -> dict[str, int]:
        """Deliveries by verdict, and the rows of those that were accepted."""
        verdicts = [outcome.verdict for outcome in self.outcomes]
        accepted = [vars(outcome.changes) for outcome in self.outcomes if outcome.verdict == "accepted"]
        rows = {f"rows_{name}": sum(one[name] for one in accepted) for name in vars(Changes())}
        return {f"{verdict}_deliveries": verdicts.count(verdict) for verdict in ("accepted", "held", "rejected")} | rows

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        event("stage begins", run=self.run_id, stage=name)
        try:
            yield
        finally:
            took = time.perf_counter() - started
            self.seconds[name] = self.seconds.get(name, 0) + took
            event("stage ends", run=self.run_id, stage=name, seconds=round(took, 3))


@dataclass(frozen=True)
class Days:
    """The dates of a backfill, both included."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


def _run_id(settings: Settings, now: datetime) -> str:
    """The moment, to the millisecond; after the last one where a clock that was wrong has put that in the future.

    Versions are named and ordered by it.
    """
    made = f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}Z"
    beat = ledger.last_beat(settings)
    runs = (run["run_id"] for run in ledger.read(settings)[0])
    last = max([beat["run_id"] if beat else "", *runs, *publish.kept(settings)])
    if made > last:
        return made
    after = datetime.strptime(last[:-1] + "000", "%Y%m%dT%H%M%S%f") + timedelta(milliseconds=1)
    return f"{after:%Y%m%dT%H%M%S}{after.microsecond // 1000:03d}Z"


def refresh(settings: Settings, say: Say, full: bool = False, backfill: Days | None = None) -> Run:
    """Runs the main job. Raises Locked when another refresh runs, RollcallError for what a person can mend.

    With `full`, the marts are rebuilt from the lake and not from the last version. With `backfill`, kept deliveries of
    those days are taken, older than what is applied or not, and nothing else.
    """
    with refresh_lock(settings):
        return run_locked(settings, say, full, backfill)


def run_locked(settings: Settings, say: Say, full: bool = False, backfill: Days | None = None) -> Run:
    """As `refresh`, for who holds the lock."""
    now = datetime.now(UTC)
    run = Run(_run_id(settings, now), now)
    event("run begins", run=run.run_id)
    try:
        _refresh(settings, run, say, full, backfill)
    except BaseException as error:
        run.exit_code = 1
        told = _told(error, settings)
        run.failures.append(str(told) if isinstance(told, RollcallError) else f"{type(error).__name__}: {error}")
        try:
            _end(settings, run)
        except OSError as second:
            # A full disk does not let its own story be written: the first error is the one to tell.
            error.add_note(f"the run could not be written down either: {second}")
        if told is not error:
            raise told from error
        raise
    _end(settings, run)
    return run


def _told(error: BaseException, settings: Settings) -> BaseException:
    """The error in the words of someone who can mend it, where it is the disk's or the lake's."""
    if isinstance(error, Exception) and is_of_the_disk(error):
        return of_the_disk(error, settings)
    if isinstance(error, duckdb.Error):
        try:
            lake.must_be_whole(settings)
        except lake.Damaged as damaged:
            return damaged
    return error


def _end(settings: Settings, run: Run) -> None:
    """Writes down what happened, and tells those who want to be told."""
    event("run ends", run=run.run_id, exit_code=run.exit_code, version=run.version, failures=run.failures)
    ended_at = datetime.now(UTC)
    # A run that found nothing to do leaves no line: the ledger would grow with the clock.
    if run.outcomes or run.repeated or run.skipped or run.failures or run.mended or "build" in run.seconds:
        ledger.append(settings, run.as_dict() | {"ended_at": ended_at.isoformat(), "process": os.getpid()})
    ledger.beat(settings, {"run_id": run.run_id, "ended_at": ended_at.isoformat(), "exit_code": run.exit_code})
    ledger.end(settings)
    if settings.webhook_url or settings.smtp_host:
        from rollcall.watch import alerts

        try:
            run.unsent = alerts.send_due(settings)
        except Exception as error:
            # What was published stays published, whoever could not be told of it.
            logs.failure("the alerts broke off", run=run.run_id)
            run.unsent = [f"the alerts broke off: {error}"]


def _refresh(settings: Settings, run: Run, say: Say, full: bool, backfill: Days | None) -> None:
    auditor = None
    try:
        with run.stage("intake"):
            _must_be_writable(settings)
            ledger.begin(settings, run.run_id, run.started_at)
            lake.prepare(settings)
            lake.sweep(settings)
            take.clear_scratch(settings)
            run.mended += publish.mend(settings)
            folders, files = landing.scan(settings)
            if backfill:
                files += _kept_files(settings)
            released = held.released(settings)
            files += list(released)
            if sum(file.stat().st_size for file in files) > _LARGE:
                auditor = _warm_up(settings)
            deliveries = _new_deliveries(settings, run, folders, files, backfill)
            for number, delivery in enumerate(deliveries):
                say(f"taking {delivery.name}", number, len(deliveries))
                outcome = take.take(
                    delivery, settings, is_backfill=backfill is not None, released=released.get(delivery.path)
                )
                run.outcomes.append(outcome)
                if outcome.verdict == "accepted" and not auditor:
                    auditor = _warm_up(settings)
                event(
                    "delivery taken", run=run.run_id, district_id=delivery.district.district_id,
                    delivery_id=delivery.delivery_id, verdict=outcome.verdict, **vars(outcome.changes),
                )  # fmt: skip
        if run.skipped or any(outcome.verdict != "accepted" for outcome in run.outcomes):
            run.exit_code = HELD_BACK
        gone = take.retire(settings, datetime.now(UTC))
        if any(gone.values()):
            event("retired", run=run.run_id, **gone)

        full = full or publish.is_purging(settings)
        base = publish.current(settings)
        version = publish.Version(
            run.run_id, publish.lake_fingerprint(settings), publish.code_fingerprint(), datetime.now(UTC).isoformat()
        )
        is_same_code = base is not None and base.code_fingerprint == version.code_fingerprint
        is_current = is_same_code and base.lake_fingerprint == version.lake_fingerprint and not full
        if is_current or not lake.accepted_ids(settings):
            run.version = base.version if base else None
            return
        auditor = auditor or _start_auditor(settings)
        if _build_and_audit(settings, run, say, base if is_same_code and not full else None, auditor):
            with run.stage("publish"):
                publish.publish(settings, version)
            run.version = version.version
            run.figures = figures(settings)
    finally:
        if auditor:
            auditor.stop()


def _must_be_writable(settings: Settings) -> None:
    """Better known before the work than after it."""
    for name in ("lake", "build", "warehouse", "versions", "archive", "quarantine"):
        folder = getattr(settings, name)
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            raise RollcallError(
                f"{folder} cannot be written to: let the account that runs the refresh write there. Nothing was taken"
            )


def _start_auditor(settings: Settings):
    from rollcall.expectations.audit import Auditor

    settings.build.mkdir(parents=True, exist_ok=True)
    return Auditor(settings)


def _warm_up(settings: Settings):
    """Starts the audit process and dbt's import: seconds that pass while the deliveries are read."""
    threading.Thread(target=importlib.import_module, args=("dbt.cli.main",), daemon=True).start()
    return _start_auditor(settings)


def _kept_files(settings: Settings) -> list[Path]:
    """Files that a backfill may take beside those in the landing: archived ones, and those that came too late."""
    late = []
    for report in settings.quarantine.glob("*/*/report.json"):
        rejections = {f["rule"] for f in json.loads(report.read_text("utf-8"))["findings"] if f["severity"] == "reject"}
        if rejections == {"delivery-order"}:
            late += [file for file in report.parent.iterdir() if file.name not in REPORT_FILES]
    return sorted(file for file in settings.archive.glob("*/*/*") if file.is_file()) + sorted(late)


def _district_folder(settings: Settings, file: Path) -> Path:
    """The landing folder of the district of a file, be it in the landing, the archive or the quarantine."""
    for room in (settings.landing, settings.archive, settings.quarantine):
        if file.is_relative_to(room):
            return settings.landing / file.relative_to(room).parts[0]
    raise ValueError(f"{file} lies in no room")


def _new_deliveries(
    settings: Settings, run: Run, folders: list[Path], files: list[Path], backfill: Days | None
) -> list[landing.Delivery]:
    """Settled files whose content is not in the lake, in the order in which they are applied."""
    if files:
        privacy.pii_key(settings)
    districts = {}
    for folder in folders:
        try:
            districts[folder] = District.load(folder)
        except RollcallError as error:
            run.skipped.append(f"{error}; the files of {folder.name} stay where they are until it is mended")
    accepted, found, seen = lake.accepted_ids(settings), [], set()
    waiting = {f"{delivery.district_id}/{delivery.delivery_id}" for delivery in held.waiting(settings)}
    for file in files:
        district = districts.get(_district_folder(settings, file))
        if district is None:
            continue
        try:
            if backfill and landing.delivery_date(file, district) not in backfill:
                continue
            delivery = landing.describe(file, district)
        except RollcallError as error:
            run.skipped.append(f"{district.district_id}/{error}; the file stays where it is until it is renamed")
            continue
        known = f"{district.district_id}/{delivery.delivery_id}"
        if known in accepted or known in seen or (known in waiting and not file.is_relative_to(settings.quarantine)):
            if not file.is_relative_to(settings.archive):
                run.repeated.append(f"{district.district_id}/{file.name}")
                take.archive(delivery, settings)
            continue
        seen.add(known)
        found.append(delivery)
    return sorted(found, key=lambda delivery: delivery.order)


def _build_and_audit(settings: Settings, run: Run, say: Say, base, auditor) -> bool:
    with run.stage("build"):
        built = _build(settings, say, base)
        if _is_full(built):
            raise of_the_disk(next(words for words in built.failed if is_of_the_disk(words)), settings)
        is_broken = built.failed and not built.only_tests_failed
        if is_broken:
            lake.must_be_whole(settings)
        if base and is_broken:
            # What is wrong may lie in the version that was gone on from: the lake has all that it was made of.
            run.mended.append(
                f"building on version {base.version} failed ({built.failed[0]}): built from the whole lake"
            )
            built = _build(settings, say, None)
            base = None
    run.nodes = built.nodes
    if built.failed:
        run.failures += built.failed
        run.exit_code = AUDIT_FAILED if built.only_tests_failed else 1
        return False
    with run.stage("audit"):
        say("auditing the candidate")
        # A version of other models may lack what the comparison looks at.
        before = base.file(settings) if base else None
        failures, drift, run.asked = auditor.audit(settings.candidate, before)
        run.drift = [f"{told.mart}: {told.expectation}" for told in drift]
    if failures:
        run.failures += [f"{failure.mart}: {failure.expectation} ({failure.observed})" for failure in failures]
        run.exit_code = AUDIT_FAILED
        return False
    return True


def _build(settings: Settings, say: Say, base):
    from rollcall.refresh.build import dbt_build

    say("building the candidate" + ("" if base else " from the whole lake"))
    publish.start_candidate(settings, base)
    return dbt_build(settings, say)


def _is_full(built) -> bool:
    return any(is_of_the_disk(words) for words in built.failed)


def figures(settings: Settings) -> dict[str, object]:
    """Five telling figures of the published version."""
    with duckdb.connect(str(settings.pointer), read_only=True) as connection:
        connection.execute("use marts")
        (districts, schools) = connection.execute(
            "select (select count(*) from dim_districts), (select count(*) from dim_orgs where org_type = 'school' and is_active)"
        ).fetchone()
        (people, multi) = connection.execute(
            """select count(*), count(*) filter (orgs > 1) from (
                select user_key, count(distinct org_key) as orgs from fct_memberships where is_current group by user_key)"""
        ).fetchone()
        (loads, products, uncatalogued) = connection.execute(
            """select coalesce(sum(page_loads), 0)::bigint, count(distinct product_key),
                count(distinct product_key) filter (not is_catalogued)
            from fct_product_usage inner join dim_products using (product_key)"""
        ).fetchone()
        (matched,) = connection.execute(
            """select round(100.0 * count(distinct user_key) filter (roster_status = 'rostered') / nullif(count(distinct user_key), 0), 1)
            from fct_product_usage"""
        ).fetchone()
    return {
        "districts_and_schools": f"{districts:,} / {schools:,}",
        "people_with_a_membership": f"{people:,}, {multi:,} of them at more than one org",
        "page_loads": f"{loads:,}",
        "products_in_use": f"{products:,}, {uncatalogued:,} of them in no catalogue",
        "users_on_the_roster": "none yet" if matched is None else f"{matched} %",
    }
