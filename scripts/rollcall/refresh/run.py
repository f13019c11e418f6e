"""One refresh: lock, take what arrived, build, audit, publish, and write down what happened."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

import duckdb

from rollcall import logs
from rollcall.dbt_macros import code_fingerprint, rendered
from rollcall.districts import District
from rollcall.engines import marts, spark
from rollcall.errors import RollcallError, is_of_the_disk, of_the_disk
from rollcall.expectations import start
from rollcall.intake import held, lake, landing, privacy, take
from rollcall.intake.changes import Changes
from rollcall.intake.findings import REPORT_FILES
from rollcall.intake.landing import Kind
from rollcall.intake.side_by_side import Intake, Taken, is_of_everyone
from rollcall.intake.take import Outcome
from rollcall.logs import event
from rollcall.refresh import clock, ledger, publish
from rollcall.refresh.lock import descriptor
from rollcall.rules import own
from rollcall.settings import Settings

if TYPE_CHECKING:
    from rollcall.refresh.build import Built, Node
    from rollcall.refresh.builder import Builder

PUBLISHED, FAILED, HELD_BACK, AUDIT_FAILED = 0, 1, 20, 30


class Say(Protocol):
    """Reports what is being done, and how much of it is done."""

    def __call__(self, doing: str, done: int = 0, total: int | None = None) -> None: ...


@dataclass(frozen=True)
class Contained:
    """A delivery that had been accepted and was taken back out, since nothing could be published with it."""

    district_id: str
    delivery_id: str
    file: str
    why: str
    folder: Path


@dataclass
class Run:
    """What one refresh did. `exit_code` is the command's; `mended` is what it found broken and put right."""

    run_id: str
    started_at: datetime
    exit_code: int = PUBLISHED
    version: str | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    contained: list[Contained] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    drift: list[str] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    figures: dict[str, object] = field(default_factory=dict)
    asked: int = 0
    nodes: list[Node] = field(default_factory=list)
    mark: TextIO | None = None

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
            "contained": [vars(one) | {"folder": str(one.folder)} for one in self.contained],
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
        return {
            f"{verdict}_deliveries": verdicts.count(verdict) for verdict in ("accepted", "held", "rejected", "failed")
        } | rows

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


def refresh(settings: Settings, say: Say, full: bool = False, backfill: Days | None = None, intake: bool = True) -> Run:
    """Runs the main job, under the caller's `refresh_lock`. Raises RollcallError for what a person can fix.

    With `full`, the marts are rebuilt from the lake and not from the last version. With `backfill`, kept deliveries of
    those days are taken, older than what is applied or not, and nothing else. Without `intake` nothing is taken or
    retired: it only builds and publishes.
    """
    now = datetime.now(UTC)
    run = Run(_run_id(settings, now), now)
    event("run begins", run=run.run_id)
    try:
        _refresh(settings, run, say, full, backfill, intake)
    except BaseException as error:
        run.exit_code = 1
        reason = _reason(error, settings)
        run.failures.append(
            str(reason) if isinstance(reason, RollcallError) else f"{type(error).__name__}: {logs.message_of(error)}"
        )
        try:
            _end(settings, run)
        except OSError as second:
            # A full disk does not let its own story be written: the first error is the one to report.
            error.add_note(f"the run could not be written down either: {second}")
        if reason is not error:
            raise reason from error
        raise
    _end(settings, run)
    return run


def _reason(error: BaseException, settings: Settings) -> BaseException:
    """The error, as one that a person can fix, where it is the disk's or the lake's."""
    if isinstance(error, Exception) and is_of_the_disk(error):
        return of_the_disk(error, settings)
    if isinstance(error, duckdb.Error):
        try:
            lake.must_be_whole(settings)
        except lake.Damaged as damaged:
            return damaged
    return error


def _end(settings: Settings, run: Run) -> None:
    """Writes down what happened."""
    event("run ends", run=run.run_id, exit_code=run.exit_code, version=run.version, failures=run.failures)
    ended_at = datetime.now(UTC)
    # A run that found nothing to do leaves no line: the ledger would grow with the clock.
    if run.outcomes or run.repeated or run.skipped or run.failures or run.mended or "build" in run.seconds:
        ledger.append(settings, run.as_dict() | {"ended_at": ended_at.isoformat(), "process": os.getpid()})
    ledger.beat(settings, {"run_id": run.run_id, "ended_at": ended_at.isoformat(), "exit_code": run.exit_code})
    ledger.end(settings, run.mark)


def _refresh(settings: Settings, run: Run, say: Say, full: bool, backfill: Days | None, intake: bool) -> None:
    builder = build = None
    try:
        with run.stage("intake"):
            _must_be_writable(settings)
            if settings.engine == "spark":
                spark.check(settings)
            run.mark = ledger.begin(settings, run.run_id, run.started_at)
            lake.prepare(settings)
            lake.sweep(settings)
            take.clear_scratch(settings)
            run.mended += publish.mend(settings)
            found = landing.scan(settings) if intake else landing.Scan([], [], [])
            run.skipped += found.unreadable
            files = found.files
            if backfill:
                files += _kept_files(settings)
            released = held.released(settings) if intake else {}
            files += list(released)
            deliveries = _new_deliveries(settings, run, found.folders, files, backfill)
            taking = Intake(
                settings, backfill is not None, released, descriptor(settings),
                lambda delivery: say(f"taking {delivery.name}", len(run.outcomes), len(deliveries)),
            )  # fmt: skip
            if deliveries:
                if settings.engine == "spark":
                    # What only a session finds out, such as a catalog that does not answer, is said before anything is taken.
                    spark.session(settings)
                builder = _start_builder(settings)
                start.on_a_thread()
                # What a delivery is compared with: a bit that has flipped there would go on into what it is written as.
                theirs = {f"district_id={delivery.district.district_id}" for delivery in deliveries}
                lake.must_be_as_written(
                    settings, lambda path: not _is_page_loads(path) and not theirs.isdisjoint(path.parts)
                )
            with closing(taking.all(deliveries)) as taken:
                for one in taken:
                    _note(one, run)
            place = {delivery.path: number for number, delivery in enumerate(deliveries)}
            run.outcomes.sort(key=lambda outcome: place[outcome.delivery.path])
        if run.skipped or any(outcome.verdict != "accepted" for outcome in run.outcomes):
            run.exit_code = run.exit_code or HELD_BACK
        gone = take.retire(settings, clock.read(settings, datetime.now(UTC)).believed) if intake else {}
        if any(gone.values()):
            event("retired", run=run.run_id, **gone)

        full = full or publish.is_purging(settings)
        base = publish.current(settings)
        version = publish.Version(
            run.run_id,
            lake.fingerprint(settings),
            code_fingerprint(),
            datetime.now(UTC).isoformat(),
            lake.withdrawals(settings),
        )
        is_same_code = base is not None and base.code_fingerprint == version.code_fingerprint
        is_withdrawn = base is not None and base.withdrawals != version.withdrawals
        is_current = is_same_code and base.lake_fingerprint == version.lake_fingerprint and not (is_withdrawn or full)
        if base and is_withdrawn and not lake.accepted_ids(settings):
            publish.unpublish(settings)
            run.mended.append("all deliveries were withdrawn: nothing is published any more")
            return
        if is_current or not lake.accepted_ids(settings):
            run.version = base.version if base else None
            return
        # Someone who has it open for writing may have written to it.
        is_open = base is not None and publish.is_locked(base.file(settings))
        is_start = base is not None and is_same_code and not (is_withdrawn or is_open or full)
        if is_start and settings.engine == "duckdb":
            is_start = not publish.has_views(base, settings)
        build = _Build(
            settings,
            run,
            say,
            base if is_start else None,
            version.code_fingerprint,
            builder or _start_builder(settings),
        )
        failure = build.with_fallback()
        if failure and _contain(build, base, failure):
            run.exit_code = run.exit_code or HELD_BACK
            version = replace(version, lake_fingerprint=lake.fingerprint(settings))
            if is_same_code and base.lake_fingerprint == version.lake_fingerprint and not full:
                run.version = base.version
                return
        elif failure:
            run.failures += failure.what
            run.exit_code = failure.exit_code
            return
        with run.stage("publish"):
            if settings.engine == "spark":
                marts.tag(version.version)
            publish.publish(settings, version)
            if settings.engine == "spark":
                marts.forget(settings, publish.kept(settings))
        run.version = version.version
        run.figures = figures(settings)
    finally:
        if build:
            build.stop()
        elif builder:
            builder.stop()
        for file in landing.claimed(settings) if intake else ():
            # Of which nothing was decided, whatever broke off: it waits where its sender put it.
            landing.put_back(file, settings)


def _note(taken: Taken, run: Run) -> None:
    """Writes down what became of a delivery. Raises what stops all the others."""
    if taken.stops_all:
        raise taken.stops_all
    if not taken.outcome:
        run.skipped.append(taken.left)
        if taken.is_own_mistake:
            run.exit_code = FAILED
        return
    outcome = taken.outcome
    run.outcomes.append(outcome)
    if outcome.verdict == "failed":
        run.exit_code = FAILED
    event(
        "delivery taken", run=run.run_id, district_id=outcome.delivery.district.district_id,
        delivery_id=outcome.delivery.delivery_id, verdict=outcome.verdict, **vars(outcome.changes),
    )  # fmt: skip


def _must_be_writable(settings: Settings) -> None:
    """Better known before the work than after it."""
    for name in ("lake", "build", "warehouse", "versions", "archive", "quarantine"):
        folder = getattr(settings, name)
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            raise RollcallError(
                f"{folder} cannot be written to: let the account that runs the refresh write there. Nothing was taken"
            )


def _start_builder(settings: Settings) -> Builder:
    from rollcall.refresh.builder import Builder

    return Builder(settings)


def _kept_files(settings: Settings) -> list[Path]:
    """Files that a backfill may take beside those in the landing: archived ones, and those that came too late."""
    late = []
    for report in settings.quarantine.glob("*/*/report.json"):
        rejections = {f["rule"] for f in json.loads(report.read_text("utf-8"))["findings"] if f["severity"] == "reject"}
        if rejections == {"delivery-order"}:
            late += [file for file in report.parent.iterdir() if file.is_file() and file.name not in REPORT_FILES]
    archived = (file for file in settings.archive.glob("[!_]*/*/*") if file.is_file())
    return sorted(archived) + sorted(late)


def _district_folder(settings: Settings, file: Path) -> Path:
    """The landing folder of the district of a file, be it in the landing, the archive or the quarantine."""
    for room in (settings.landing, settings.taken, settings.archive, settings.quarantine):
        if file.is_relative_to(room):
            return settings.landing / file.relative_to(room).parts[0]
    raise ValueError(f"{file} lies in no room")


def _new_deliveries(
    settings: Settings, run: Run, folders: list[Path], files: list[Path], backfill: Days | None
) -> list[landing.Delivery]:
    """Settled files whose content is not in the lake, in the order in which they are applied."""
    if files:
        privacy.pii_key(settings)
        own.load(settings.rules)  # one that is wrong would be missed in every district
    districts = {}
    for folder in folders:
        try:
            districts[folder] = District.load(folder, settings.rules)
        except RollcallError as error:
            run.skipped.append(f"{error}; the files of {folder.name} stay where they are until it is corrected")
    accepted, found, seen = lake.accepted_ids(settings), [], set()
    withdrawn = lake.withdrawn_ids(settings) - accepted
    waiting = {f"{delivery.district_id}/{delivery.delivery_id}" for delivery in held.waiting(settings)}
    for file in files:
        district = districts.get(_district_folder(settings, file))
        if district is None:
            continue
        name = f"{district.district_id}/{landing.printable(file.name)}"
        try:
            if (
                backfill
                and landing.delivery_date(file, district) not in backfill
                and not landing.is_timeless(file, district)
            ):
                continue
            landing.delivery_date(file, district)
            if file.is_relative_to(settings.landing):
                file = landing.claim(file, settings)
            delivery = landing.describe(file, district)
        except RollcallError as error:
            run.skipped.append(f"{district.district_id}/{error}; the file stays where it is until it is renamed")
            continue
        except FileNotFoundError:
            run.skipped.append(
                f"{name}: the file was moved or renamed while it was looked at; the next refresh takes it"
            )
            continue
        except Exception as error:
            if is_of_everyone(error, settings):
                raise
            logs.failure_of_data("a file could not be looked at", error, file=name)
            run.skipped.append(
                f"{name}: the file could not be looked at ({type(error).__name__}); it stays where it is"
            )
            continue
        known = f"{district.district_id}/{delivery.delivery_id}"
        if known in withdrawn and not take.is_new_arrival(file, settings):
            continue  # it comes back when someone puts it into the landing, and not by itself
        if known in accepted or known in seen or (known in waiting and not file.is_relative_to(settings.quarantine)):
            if take.is_new_arrival(file, settings):
                run.repeated.append(f"{district.district_id}/{file.name}")
                take.archive(delivery, settings)
            continue
        seen.add(known)
        found.append(delivery)
    return sorted(found, key=lambda delivery: delivery.order)


@dataclass(frozen=True)
class _Failure:
    """Why a candidate cannot be published, the exit code for it, and the districts that the rows found are of."""

    what: list[str]
    exit_code: int
    districts: frozenset[str] = frozenset()


@dataclass
class _Build:
    """Tries to make a candidate that may be published. `base` is the version that the build goes on from."""

    settings: Settings
    run: Run
    say: Say
    base: publish.Version | None
    code_fingerprint: str
    builder: Builder | None  # of the next candidate; the first one's was started early
    has_rosters: bool = False  # that a roster is in scope, which a candidate has shown

    def with_fallback(self) -> _Failure | None:
        """Builds and audits; from the whole lake where going on from the last version failed."""
        failure = self.once()
        if self.base and failure and failure.exit_code != AUDIT_FAILED:
            # What is wrong may lie in the version that was gone on from: the lake has all that it was made of.
            self.run.mended.append(
                f"building on version {self.base.version} failed ({failure.what[0]}): built from the whole lake"
            )
            self.base = None
            failure = self.once()
        return failure

    def once(self) -> _Failure | None:
        """Builds and audits one candidate. None when it may be published."""
        settings, run = self.settings, self.run
        start.on_a_thread(start.audit)  # while dbt builds
        with run.stage("build"):
            self.say("building the candidate" + ("" if self.base else " from the whole lake"))
            built = self._built()
            run.nodes = built.nodes
            event("built", run=run.run_id, nodes=len(built.nodes), failed=built.failed)
            for node in built.nodes:
                if node.is_failed or node.status == "warn":
                    what = "a node failed" if node.is_failed else "a node warned"
                    event(what, run=run.run_id, node=node.unique_id, status=node.status, said=node.message)
            if full := [line for line in built.failed if is_of_the_disk(line)]:
                raise of_the_disk(full[0], settings)
            if built.failed and not built.only_tests_failed:
                lake.must_be_whole(settings)
                return _Failure(built.failed, 1)
            if built.failed:
                # Before a district is blamed: how far the build has come is not known, so all of the lake is compared.
                lake.must_be_as_written(settings, lambda path: True)
                return _Failure(built.failed, AUDIT_FAILED, _districts(settings, built.failing_rows))
            _must_have_read_what_was_written(settings)
            publish.compact(settings, is_from_nothing=self.base is None)
            if settings.engine == "duckdb" and any(node.unique_id.startswith("seed.") for node in built.nodes):
                publish.keep_start(settings, self.code_fingerprint, built.rosters)
        with run.stage("audit"):
            self.say("auditing the candidate")
            # A version of other models may lack what the comparison looks at.
            found = start.audit().audit(settings, self.base.file(settings) if self.base else None)
            run.asked, run.drift = found.asked, [one.observed for one in found.drift]
        if found.failures:
            return _Failure([f"{one.mart}: {one.expectation} ({one.observed})" for one in found.failures], AUDIT_FAILED)
        return None

    def _built(self) -> Built:
        """Builds: without the rosters where none came, and then with them where the scope says that one has changed all the same."""
        came = {outcome.delivery.kind for outcome in self.run.outcomes if outcome.verdict == "accepted"}
        self.has_rosters = self.has_rosters or not came <= {Kind.USAGE, Kind.PRODUCTS}
        built = self._built_with(self.has_rosters)
        if built.lacks_rosters:
            event("a roster has changed though none came", run=self.run.run_id)
            self.has_rosters = True
            built = self._built_with(True)
        return built

    def _built_with(self, has_rosters: bool) -> Built:
        publish.start_candidate(self.settings, self.base)
        self.builder = self.builder or _start_builder(self.settings)
        try:
            return self.builder.build(self.say, self.base.version if self.base else None, has_rosters)
        finally:
            self.stop()

    def without(self, records: list[Path]) -> _Failure | None:
        """`once`, as if these deliveries had not come."""
        with lake.without(self.settings, records):
            return self.once()

    def stop(self) -> None:
        """Ends the process of a build, whether it was asked or not: the next candidate gets its own."""
        if self.builder:
            self.builder.stop()
            self.builder = None


def _districts(settings: Settings, queries: list[str]) -> frozenset[str]:
    """The districts that the rows found by failed tests are of, where those say so."""
    from rollcall.refresh.build import answer

    found = set()
    for query in queries:
        names, rows = answer(settings, query)
        if "district_id" in names:
            found |= {row[names.index("district_id")] for row in rows}
    return frozenset(found)


def _contain(build: _Build, published: publish.Version | None, failure: _Failure) -> bool:
    """Takes the deliveries out with which nothing can be published, and leaves a candidate of all the others.

    What is tried is the new deliveries of one kind of one district at a time: later ones of a kind say only what differs from
    those before. Those found out are held, and their district stays as it was. False where the failure is not of what is
    new: then nothing is taken out.
    """
    settings = build.settings
    units = _unpublished(settings, published)
    if not units:
        return False
    suspects = [unit for unit in units if unit[0] in failure.districts]
    everything = [record for records in units.values() for record in records]
    tried = f"could not be published ({failure.what[0]}): looking for the delivery that it is"
    event("containing", run=build.run.run_id, failures=failure.what, units=len(units))
    build.say(f"the new deliveries {tried}")
    # Taking out all that is suspected, or all that is new, has to help: else it is not the deliveries. A lake of which all is
    # new cannot be tried like that: there is nothing to publish without it.
    if not suspects or build.without([record for unit in suspects for record in units[unit]]):
        suspects = list(units)
        is_all = len(everything) == len(lake.accepted_ids(settings))
        if not is_all and build.without(everything):
            return False
    try:
        out, is_built = _culprits(build, units, suspects)
    except _NotTheDeliveries:
        return False
    if len(out) == len(units) and len(everything) == len(lake.accepted_ids(settings)):
        return False
    if not is_built and build.without([record for unit in out for record in units[unit]]):
        return False
    for unit in out:
        for record in units[unit]:
            report, folder = held.hold_back(settings, record, failure.what[0])
            found = Contained(unit[0], record.stem, report.file, failure.what[0], folder)
            build.run.contained.append(found)
            event("contained", run=build.run.run_id, **vars(found))
    for outcome in build.run.outcomes:
        name = (outcome.delivery.district.district_id, outcome.delivery.delivery_id)
        if name in {(one.district_id, one.delivery_id) for one in build.run.contained}:
            outcome.report.add("delivery-builds", outcome.delivery.path.name, detail=failure.what[0])
            outcome.report_folder = (
                settings.quarantine / outcome.delivery.district.district_id / outcome.delivery.delivery_id
            )
    return True


def _is_page_loads(path: Path) -> bool:
    return path.is_relative_to("extension/page_loads")


def _must_have_read_what_was_written(settings: Settings) -> None:
    """`lake.Damaged` when a file that this build has read is not what was written: all, but for the days it passed over."""
    from rollcall.refresh.build import answer

    catalog = "spark_catalog" if settings.engine == "spark" else "work"
    _, rows = answer(
        settings,
        f"select distinct district_id, cast(usage_date as string) from {catalog}.intermediate.int_increments__scope",
    )
    scope = {Path(f"extension/page_loads/district_id={district}/usage_date={day}") for district, day in rows}
    lake.must_be_as_written(settings, lambda path: not _is_page_loads(path) or path.parent in scope)


_FRUITLESS = 10  # builds of different deliveries that all fail: what is wrong is not in a few of them


class _NotTheDeliveries(Exception):
    """Whatever is left out, the build fails."""


def _culprits(build: _Build, units: dict, suspects: list) -> tuple[list, bool]:
    """The units with any of which the build fails, found by halving; and whether the last candidate was built without them.

    Building without any of the suspects is known to work, and was tried last.
    """
    out: list = []
    good: set = set(units) - set(suspects)
    tries = 0

    def search(part: list, is_known_to_fail: bool) -> bool:
        """Sorts `part` into `good` and `out`. True when the last candidate that was built is that of `good`."""
        nonlocal tries
        if not good and tries >= _FRUITLESS:
            raise _NotTheDeliveries
        if not is_known_to_fail:
            tries += 1
            left_out = [record for unit in units if unit not in good and unit not in part for record in units[unit]]
            if not build.without(left_out):
                good.update(part)
                return True
        if len(part) == 1:
            out.extend(part)
            return False
        half = len(part) // 2
        search(part[:half], False)
        return search(part[half:], False)

    is_only_one = len(suspects) == 1
    is_built = search(suspects, True)
    return out, is_built or is_only_one


def _unpublished(settings: Settings, published: publish.Version | None) -> dict[tuple[str, str], list[Path]]:
    """Accepted deliveries that the published version does not have, by district and kind."""
    known: set[tuple[str, str]] = set()
    if published:
        with duckdb.connect(str(published.file(settings)), read_only=True) as connection:
            query = "select district_id, delivery_id from marts.fct_deliveries where verdict = 'accepted'"
            known = set(connection.execute(query).fetchall())
    units: dict[tuple[str, str], list[Path]] = {}
    for record in filter(lake.is_accepted, lake.records(settings)):
        district_id = record.parent.name.removeprefix("district_id=")
        if (district_id, record.stem) not in known:
            units.setdefault((district_id, record.stem.split("-")[3]), []).append(record)
    return units


def figures(settings: Settings) -> dict[str, object]:
    """Five telling figures of the published version; none while someone has its file open for writing.

    Of use they ask the aggregates, which a year of days makes no longer.
    """
    if publish.is_locked(settings.pointer):
        return {}
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
            from agg_product_days inner join dim_products using (product_key)"""
        ).fetchone()
        (matched,) = connection.execute(
            f"select round({rendered('roster_match_rate')}, 1) from agg_inventory_users where period = 'school_year'"
        ).fetchone()
    return {
        "districts_and_schools": f"{districts:,} / {schools:,}",
        "people_with_a_membership": f"{people:,}, {multi:,} of them at more than one org",
        "page_loads": f"{loads:,}",
        "products_in_use": f"{products:,}, {uncatalogued:,} of them in no catalog",
        "users_on_the_roster": "none yet" if matched is None else f"{matched} %",
    }
