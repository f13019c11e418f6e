"""One refresh: lock, take what arrived, build, audit, publish, and write down what happened."""

from __future__ import annotations

import importlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from rollcall.intake import held, lake, landing, privacy, take
from rollcall.intake.findings import REPORT_FILES
from rollcall.intake.take import Outcome
from rollcall.refresh import publish
from rollcall.refresh.lock import refresh_lock
from rollcall.settings import District, RollcallError, Settings

log = logging.getLogger("rollcall")

PUBLISHED, HELD_BACK, AUDIT_FAILED = 0, 20, 30
_LARGE = 32 * 2**20  # bytes whose hashing takes long enough to do something else meanwhile


@dataclass
class Run:
    """What one refresh did. `exit_code` is the command's."""

    run_id: str
    exit_code: int = PUBLISHED
    version: str | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    drift: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    figures: dict[str, object] = field(default_factory=dict)
    asked: int = 0

    def as_dict(self) -> dict[str, object]:
        return {
            "run_id": self.run_id,
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
            "repeated": self.repeated,
            "skipped": self.skipped,
            "failures": self.failures,
            "drift": self.drift,
            "figures": self.figures,
            "seconds": {stage: round(seconds, 3) for stage, seconds in self.seconds.items()},
        }

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0) + time.perf_counter() - started


@dataclass(frozen=True)
class Days:
    """The dates of a backfill, both included."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


def refresh(settings: Settings, say: Callable[[str], None], full: bool = False, backfill: Days | None = None) -> Run:
    """Runs the main job. Raises Locked when another refresh runs, RollcallError for what a person can mend.

    With `full`, the marts are rebuilt from the lake and not from the last version. With `backfill`, kept deliveries of
    those days are taken, older than what is applied or not, and nothing else.
    """
    now = datetime.now(UTC)
    run = Run(run_id=f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03d}Z")
    with refresh_lock(settings):
        try:
            _refresh(settings, run, say, full, backfill)
        except BaseException as error:
            run.exit_code = 1
            run.failures.append(f"{type(error).__name__}: {error}")
            raise
        finally:
            _write_down(settings, run)
    return run


def _refresh(settings: Settings, run: Run, say: Callable[[str], None], full: bool, backfill: Days | None) -> None:
    auditor = None
    try:
        with run.stage("intake"):
            lake.prepare(settings)
            lake.sweep(settings)
            take.clear_scratch(settings)
            folders, files = landing.scan(settings)
            if backfill:
                files += _kept_files(settings)
            released = held.released(settings)
            files += list(released)
            if sum(file.stat().st_size for file in files) > _LARGE:
                auditor = _warm_up(settings)
            deliveries = _new_deliveries(settings, run, folders, files, backfill)
            for delivery in deliveries:
                say(f"{delivery.district.district_id}: taking {delivery.path.name}")
                outcome = take.take(
                    delivery, settings, is_backfill=backfill is not None, released=released.get(delivery.path)
                )
                run.outcomes.append(outcome)
                if outcome.verdict == "accepted" and not auditor:
                    auditor = _warm_up(settings)
                log.info("delivery %s of %s: %s", delivery.delivery_id, delivery.district.district_id, outcome.verdict)
        if run.skipped or any(outcome.verdict != "accepted" for outcome in run.outcomes):
            run.exit_code = HELD_BACK
        take.purge_archive(settings, datetime.now(UTC))

        base = publish.current(settings)
        version = publish.Version(
            run.run_id, publish.lake_fingerprint(settings), publish.code_fingerprint(), datetime.now(UTC).isoformat()
        )
        accepted = lake.accepted_ids(settings)
        is_same_code = base is not None and base.code_fingerprint == version.code_fingerprint
        if not accepted or (is_same_code and base.lake_fingerprint == version.lake_fingerprint and not full):
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
    kinds = list(landing.Kind)
    return sorted(
        found, key=lambda d: (d.district.district_id, d.delivery_date, kinds.index(d.kind), d.modified_at, d.path.name)
    )


def _build_and_audit(settings: Settings, run: Run, say: Callable[[str], None], base, auditor) -> bool:
    from rollcall.refresh.build import dbt_build

    with run.stage("build"):
        say("building the candidate" + ("" if base else " from the whole lake"))
        publish.start_candidate(settings, base)
        built = dbt_build(settings, lambda name, number: say(f"building: {number} done, {name}"))
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


def _write_down(settings: Settings, run: Run) -> None:
    """One line a run. A run that found nothing to do leaves none: the ledger would grow with the clock."""
    if not (run.outcomes or run.repeated or run.skipped or run.failures or "build" in run.seconds):
        return
    entry = run.as_dict() | {"ended_at": datetime.now(UTC).isoformat(), "process": os.getpid()}
    with (settings.warehouse / "runs.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry, ensure_ascii=False, default=str) + "\n")
        file.flush()
        os.fsync(file.fileno())


def last_runs(settings: Settings, count: int) -> list[dict]:
    """The newest entries of the run ledger, the newest first."""
    file = settings.warehouse / "runs.jsonl"
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()[-count:]][::-1]
