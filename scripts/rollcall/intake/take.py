"""One delivery through the intake: check, then append to the lake, or quarantine."""

from __future__ import annotations

import fcntl
import gzip
import json
import lzma
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from rollcall import logs
from rollcall.errors import RollcallError, is_of_the_disk
from rollcall.expectations import docs, start
from rollcall.files import move
from rollcall.intake import (
    access,
    counts,
    csvfile,
    headers,
    lake,
    landing,
    oneroster,
    products,
    schools,
    students,
    templates,
    usage,
)
from rollcall.intake.changes import Applied, Changes, Log, Past, Table, all_applied, first_full
from rollcall.intake.findings import About, Report
from rollcall.intake.landing import Delivery, Kind
from rollcall.intake.observed import Container, Observed
from rollcall.intake.oneroster import Given, Loaded, ask
from rollcall.rules import RULES, Severity
from rollcall.settings import Settings


@dataclass(frozen=True)
class Decision:
    """Who has decided what becomes of a held delivery, and why."""

    by: str
    why: str


@dataclass
class Outcome:
    """What became of one delivery."""

    delivery: Delivery
    report: Report
    changes: Changes
    report_folder: Path | None = None

    @property
    def verdict(self) -> str:
        return self.report.verdict


@contextmanager
def private_folder(settings: Settings) -> Iterator[Path]:
    """A folder (0700) for what was delivered, gone afterwards.

    It is locked while it is in use, so that one whose process was killed is known, and deleted by the next.
    """
    settings.build.mkdir(parents=True, exist_ok=True)
    clear_scratch(settings)
    folder, descriptor = _locked_folder(settings.build)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _locked_folder(parent: Path) -> tuple[Path, int]:
    """A new folder, locked: until it is, another process may take it for one that was left, and delete it."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=".intake-", dir=parent))
        with suppress(FileNotFoundError):
            descriptor = os.open(folder, os.O_RDONLY)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if folder.exists():
                return folder, descriptor
            os.close(descriptor)


@contextmanager
def _scratch(settings: Settings) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """A DuckDB connection and a private folder for unpacked files, both gone afterwards."""
    with private_folder(settings) as folder, lake.connect(settings, folder) as connection:
        yield connection, folder


def left_scratch(settings: Settings) -> list[Path]:
    """The private folders of processes that were killed: what they had unpacked of a delivery lies there as it was sent."""
    return [folder for folder in settings.build.glob(".intake-*") if _is_left(folder)]


def clear_scratch(settings: Settings) -> None:
    """Removes the private folders of processes that were killed; those of others that run stay."""
    for folder in settings.build.glob(".intake-*"):
        _is_left(folder, lambda folder: shutil.rmtree(folder, ignore_errors=True))


def _is_left(folder: Path, then: Callable[[Path], None] = lambda _: None) -> bool:
    """Whether nobody uses a private folder any more; `then` is done while nobody else can ask."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return False  # its process has just ended
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        then(folder)
    except BlockingIOError:
        return False  # in use
    finally:
        os.close(descriptor)
    return True


def _load(
    delivery: Delivery, connection: duckdb.DuckDBPyConnection, folder: Path, observed: Observed, past: Past
) -> Loaded:
    match delivery.kind:
        case Kind.ONEROSTER:
            return oneroster.load(delivery.path, folder, connection, observed, past)
        case Kind.EDUCATORS | Kind.STUDENTS | Kind.MEMBERS:
            return templates.load(delivery.path, str(delivery.kind), delivery.form, connection, observed, past)
        case Kind.SCHOOLS:
            return schools.load(delivery.path, delivery.form, connection, observed, past)
        case Kind.ACCESS:
            return access.load(delivery.path, delivery.form, connection, observed, past)
        case Kind.PRODUCTS:
            return products.load(delivery.path, delivery.form, connection, observed, past)
        case Kind.UNKNOWN:
            landing.observe_unknown(delivery.path, observed)
    return Loaded()


_OF_PEOPLE = (Kind.ONEROSTER, Kind.EDUCATORS, Kind.STUDENTS, Kind.MEMBERS)

# What reading damaged or odd bytes raises, as opposed to a mistake of Rollcall's.
_OF_THE_FILE = (
    duckdb.Error, zipfile.BadZipFile, zlib.error, lzma.LZMAError, gzip.BadGzipFile, EOFError, UnicodeError, RecursionError,
)  # fmt: skip
_OF_ROLLCALL = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, duckdb.SyntaxException)


@contextmanager
def _fence(delivery: Delivery, report: Report, observed: Observed, settings: Settings) -> Iterator[None]:
    """Notes whatever one file raises, so that the next one follows; what is Rollcall's own fault is a finding at once.

    The error's own message is left out of the report and the log: it may quote a student's row. Passed on are what is not the file's:
    a full disk, a damaged lake (`lake.Damaged`), and what a person can fix.
    """
    try:
        yield
    except (RollcallError, MemoryError):
        raise
    except Exception as error:
        if is_of_the_disk(error, delivery.path):
            raise
        if isinstance(error, duckdb.Error):
            lake.must_be_whole(settings, delivery.district.district_id)
        logs.failure_of_data(
            "a delivery could not be read", error, district_id=delivery.district.district_id, file=delivery.path.name
        )
        kind = "".join(delivery.path.suffixes[-2:]).lstrip(".") or "file"
        if isinstance(error, _OF_THE_FILE) and not isinstance(error, _OF_ROLLCALL):
            observed.container.reading_error = f"it is damaged, or no {kind} ({type(error).__name__})"
        else:
            report.add("delivery-failed", delivery.path.name, detail=type(error).__name__)


def _report(name: str, delivery: Delivery, settings: Settings, delivery_id: str | None) -> Report:
    district = delivery.district
    about = About(district.district_id, district.name or district.district_id, delivery.delivery_date, delivery_id)
    severities = {rule_id: Severity(severity) for rule_id, severity in delivery.district.rules.items()}
    rules = RULES | {rule.id: rule for rule in delivery.district.own_rules}
    return Report(name, delivery.kind, severities=severities, rules=rules, about=about, most=settings.findings_max)


def _observed(delivery: Delivery) -> Observed:
    today = datetime.now(delivery.district.zone).date()
    container = Container(delivery.path.name, str(delivery.kind), delivery.delivery_date, today)
    container.blackout = delivery.district.blackout_on(delivery.delivery_date)
    return Observed(container)


def _judge(
    given: list[Given],
    connection: duckdb.DuckDBPyConnection,
    delivery: Delivery,
    report: Report,
    observed: Observed,
    make_after: Callable[[], None] = lambda: None,
) -> None:
    observed.is_judged = True
    ask(given, connection, report, observed, delivery.delivery_date, delivery.district.thresholds, make_after)
    if given:
        report.counts = "" if report.verdict == "rejected" else counts.said(given, connection)
    elif delivery.form.kind and any(column.position is None for column in observed.columns):
        found = csvfile.header(delivery.path)
        report.proposal = headers.proposal(delivery.path, found, delivery.form, delivery.district)


def _judge_unread(delivery: Delivery, report: Report, observed: Observed, settings: Settings) -> None:
    """Judges what was noted of a delivery before reading it broke off: what was read may have left its connection unusable."""
    if not observed.is_judged:
        with _fence(delivery, report, observed, settings), duckdb.connect() as connection:
            _judge([], connection, delivery, report, observed)


def check(delivery: Delivery, settings: Settings) -> Report:
    """Says all that is wrong with a file; changes nothing."""
    report, observed = _report(str(delivery.path), delivery, settings, None), _observed(delivery)
    with _scratch(settings) as (connection, folder):
        private = settings.model_copy(update={"lake": folder / "lake"})
        has_past = bool(lake.records(settings, delivery.district.district_id))
        with _fence(delivery, report, observed, settings):
            if delivery.kind is Kind.USAGE:
                incoming = lake.Incoming(private, connection, delivery.district.district_id, delivery.delivery_id)
                loaded = usage.load(delivery.path, delivery.form, incoming, delivery.district, observed, private)
                read = Loaded(given=loaded.given if loaded else [])
            else:
                applied = _applied(delivery, connection, settings)
                past = _past(settings if has_past else private, delivery, applied, None)
                read = _load(delivery, connection, folder, observed, past)
            if not has_past:
                observed.forget_the_past()
            _judge(read.given, connection, delivery, report, observed, read.make_after)
        _judge_unread(delivery, report, observed, settings)
        start.gate()
    return report


def take(
    delivery: Delivery, settings: Settings, is_backfill: bool = False, released: Decision | None = None
) -> Outcome:
    """Checks the delivery and appends it to the lake, or puts it aside with its report: rejected, or held.

    In a backfill a delivery may be older than what is applied: it then holds until the next full list. One that was
    `released` is not held.
    """
    report = _report(delivery.path.name, delivery, settings, delivery.delivery_id)
    observed, changes = _observed(delivery), Changes()
    district = delivery.district
    tables: list[Table] = []
    arrived_at = datetime.now(UTC).replace(tzinfo=None)
    with _scratch(settings) as (connection, folder):
        incoming = lake.Incoming(settings, connection, district.district_id, delivery.delivery_id)
        with _fence(delivery, report, observed, settings):
            applied = _applied(delivery, connection, settings)
            later = [other for other in applied if other.delivery_date > delivery.delivery_date]
            # A backfill compares with what was so on its day.
            past = _past(settings, delivery, applied, delivery.delivery_date if is_backfill else None)
            if applied and not is_backfill:
                observed.container.newest_applied = max(record.delivery_date for record in applied)
            read = Loaded()
            if delivery.kind is Kind.USAGE:
                loaded = usage.load(delivery.path, delivery.form, incoming, district, observed, settings)
                if loaded:
                    read.given = loaded.given
                    changes = Changes(loaded.delivered, loaded.set_aside, loaded.delivered - loaded.set_aside)
            else:
                read = _load(delivery, connection, folder, observed, past)
                tables = read.tables
            _judge(read.given, connection, delivery, report, observed, read.make_after)
            if released:
                report.release()
            if report.verdict == "accepted":
                next_full = {
                    table.name: full for table in tables if (full := first_full(table.name, later)) is not None
                }
                # An older list does not say who is a student by now.
                is_newest = delivery.kind in _OF_PEOPLE and not later
                if is_newest and students.forget_names(settings, connection, district.district_id, district.extensions):
                    past.look_again()
                log = Log(incoming, past, delivery.delivery_date, arrived_at, next_full)
                if delivery.kind is not Kind.USAGE:
                    changes = log.append(tables)
                if delivery.kind in (Kind.EDUCATORS, Kind.STUDENTS):
                    templates.write_schools(str(delivery.kind), connection, incoming)
        _judge_unread(delivery, report, observed, settings)
        # Without the gate nothing is decided, rejections included.
        start.gate()
        if not delivery.is_as_hashed:
            raise Changed(f"{delivery.name}: the file was written to while it was read; the next refresh takes it")
        if report.verdict == "accepted":
            _commit(incoming, delivery, report, changes, arrived_at, tables, released)
    if report.verdict == "accepted":
        archive(delivery, settings)
        if report.judgement:
            report.judgement.save(docs.of_delivery(settings, district.district_id, str(delivery.kind)))
        return Outcome(delivery, report, changes)
    # What was read of it may have left the connection unusable: the record is written with a fresh one.
    changes = Changes(delivered=changes.delivered)
    with _scratch(settings) as (connection, _):
        incoming = lake.Incoming(settings, connection, district.district_id, delivery.delivery_id)
        _commit(incoming, delivery, report, changes, arrived_at, tables, released)
    return Outcome(delivery, report, changes, _put_aside(delivery, report, settings))


class Changed(RollcallError):
    """The file is not the one that was hashed: someone still writes to it."""


def _commit(
    incoming: lake.Incoming,
    delivery: Delivery,
    report: Report,
    changes: Changes,
    arrived_at: datetime,
    tables: list[Table],
    released: Decision | None,
) -> None:
    write_rule_results(incoming, report)
    record = _record(delivery, report, changes, arrived_at, tables, released)
    incoming.commit(record, str(record["verdict"]))


def _applied(delivery: Delivery, connection: duckdb.DuckDBPyConnection, settings: Settings) -> list[Applied]:
    """What was applied of this kind, if the kind has an order."""
    if not delivery.kind.has_order:
        return []
    return all_applied(settings, delivery.district.district_id, delivery.kind, connection)


def _past(settings: Settings, delivery: Delivery, applied: list[Applied], until: date | None) -> Past:
    before = [other.full for other in applied if until is None or other.delivery_date <= until]
    return Past(
        settings,
        delivery.district.district_id,
        delivery.delivery_date,
        delivery.district.thresholds,
        until,
        frozenset().union(*before),
        delivery.district.extensions,
    )


def _record(
    delivery: Delivery,
    report: Report,
    changes: Changes,
    arrived_at: datetime,
    tables: list[Table],
    released: Decision | None,
) -> dict[str, object]:
    return {
        "delivery_id": delivery.delivery_id,
        "delivery_kind": str(delivery.kind),
        "file_name": delivery.path.name,
        "content_sha256": delivery.sha256,
        "delivery_date": delivery.delivery_date,
        "arrived_at": arrived_at,
        # One that was released is still held when Rollcall fails on it, and still released.
        "verdict": "held" if released and report.verdict == "failed" else report.verdict,
        **{f"rows_{name}": count for name, count in asdict(changes).items()},
        "findings": len(report.findings),
        "full_tables": ",".join(sorted(table.name for table in tables if table.is_full)),
        "decided_by": released.by if released else None,
        "decided_why": released.why if released else None,
        "district_name": delivery.district.name,
        "time_zone": delivery.district.time_zone,
        "email_domains": ",".join(delivery.district.email_domains),
        "school_year_start": delivery.district.school_year_start,
        "roster_grants_access": delivery.district.roster_grants_access,
        "freshness_days": json.dumps(delivery.district.freshness_days) if delivery.district.freshness_days else None,
    }


def write_rule_results(incoming: lake.Incoming, report: Report) -> None:
    """Adds the findings to what the delivery writes to the lake, without the values that they quote."""
    if not report.findings:
        return
    connection = incoming.connection
    connection.execute(
        """create or replace temp table rule_result (delivery_id varchar, rule_id varchar, severity varchar,
        file_name varchar, column_name varchar, finding_count bigint, row_number bigint, message varchar, fix varchar)"""
    )
    connection.executemany(
        "insert into rule_result values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (incoming.delivery_id, f.rule, f.severity, f.file, f.column, f.count, f.row, f.message, f.fix)
            for f in report.sorted()
        ],
    )
    incoming.write("rule_results", "from rule_result")


def _place(source: Path, folder: Path) -> None:
    """Moves a file into `folder`, beside an older one of its name if there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    move(source, landing.free_name(folder, source.name))


def is_new_arrival(file: Path, settings: Settings) -> bool:
    """Whether a file came in through the landing, and is none that the archive keeps already."""
    return not file.is_relative_to(settings.archive) or file.is_relative_to(settings.taken)


def archive(delivery: Delivery, settings: Settings) -> None:
    """Puts away a file whose content is in the lake, and what the quarantine had to say of it."""
    if not is_new_arrival(delivery.path, settings):
        return
    _place(delivery.path, settings.archive / delivery.district.district_id / f"{datetime.now(UTC):%Y-%m-%d}")
    if delivery.path.is_relative_to(settings.taken):
        landing.release_claim(delivery.path)
    shutil.rmtree(settings.quarantine / delivery.district.district_id / delivery.delivery_id, ignore_errors=True)


def _put_aside(delivery: Delivery, report: Report, settings: Settings) -> Path:
    """Writes the report, and puts the file beside it, unless Rollcall failed on it: then it stays, and is tried again."""
    folder = settings.quarantine / delivery.district.district_id / delivery.delivery_id
    report.write(folder)
    if report.judgement:
        report.judgement.write_docs(folder / "data_docs")
    if report.verdict != "failed" and not delivery.path.is_relative_to(folder):
        _place(delivery.path, folder)
        if delivery.path.is_relative_to(settings.taken):
            landing.release_claim(delivery.path)
    return folder


def retire(settings: Settings, now: datetime) -> dict[str, int]:
    """Deletes what was kept long enough. Returns how many archived files and rejected deliveries went.

    A held delivery waits for a person, however long.
    """
    gone = {"archived_files": 0, "rejected_deliveries": 0}
    for folder in settings.archive.glob("*/????-??-??"):
        if (now.date() - date.fromisoformat(folder.name)).days > settings.archive_days:
            gone["archived_files"] += sum(file.is_file() for file in folder.rglob("*"))
            shutil.rmtree(folder)
    held = {(record.parent.name, record.stem) for record in lake.records(settings) if record.stem.endswith("-held")}
    for folder in settings.quarantine.glob("*/*"):
        is_held = (f"district_id={folder.parent.name}", f"{folder.name}-held") in held
        age = now - datetime.fromtimestamp(folder.stat().st_mtime, UTC)
        if not is_held and folder.is_dir() and age.days > settings.quarantine_days:
            shutil.rmtree(folder)
            gone["rejected_deliveries"] += 1
    return gone
