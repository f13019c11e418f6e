"""The `rollcall` command."""

from __future__ import annotations

import atexit
import json
import logging
import os
import shutil
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from rollcall import logs
from rollcall.districts import District
from rollcall.errors import RollcallError, is_of_the_disk, of_the_disk
from rollcall.settings import Settings
from rollcall.text import printable

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Who uses which product, in which school and grade: a roster warehouse for school districts.",
)


# Names, paths and numbers are printed as they are: a bracket in a file name is no markup.
class _Out(Console):
    """A terminal that shows the control characters of a file's name instead of obeying them."""

    def print(self, *objects, **how) -> None:
        super().print(*(printable(each, kept="\n") if isinstance(each, str) else each for each in objects), **how)


out = _Out(markup=False, highlight=False, soft_wrap=True)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")]


_NEXT = """
What to try next
  .venv/bin/rollcall dashboard         the inventory in a browser, at http://127.0.0.1:8050/
  .venv/bin/rollcall status            what is published, what went wrong, and what to do
  .venv/bin/rollcall check FILE.zip    every problem in a roster, before anyone uploads it
  .venv/bin/dbt docs generate && .venv/bin/dbt docs serve
  put your own files into {landing}/<district>/ and run `make run` again
  open {pointer} read-only with DuckDB, or a BI tool that reads DuckDB files:
    select o.org_name, count(distinct m.user_key) as people
    from marts.fct_memberships m join marts.dim_orgs o using (org_key)
    where m.is_current group by all order by all"""


@app.command()
def start() -> None:
    """Refresh; if there is nothing to refresh yet, make a sample district first. `make run` calls this."""
    from rollcall.intake import lake, landing

    settings = Settings()
    if not landing.scan(settings.model_copy(update={"settle_seconds": 0})).files and not lake.records(settings):
        out.print(f"The landing folder is empty: making a sample district in {settings.landing}")
        _make_sample(settings.landing, users=2000, days=44, seed=1, first=date(2025, 9, 2), events=None)
    code = _refresh(settings, full=False, as_json=False)
    if code in (0, 20):
        out.print(_NEXT.format(landing=_short(settings.landing), pointer=_short(settings.pointer)))
    raise typer.Exit(code)


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


@app.command()
def refresh(
    full: Annotated[bool, typer.Option("--full", help="Rebuild the marts from the whole lake.")] = False,
    as_json: Json = False,
) -> None:
    """Take what arrived, build, audit and publish.

    Exit codes: 0 published, or nothing new; 20 published, but a delivery was rejected or held; 30 the audit failed, nothing was
    published; 40 another refresh is running; 1 anything else, such as a delivery that Rollcall failed on (the others are published).
    """
    raise typer.Exit(_refresh(Settings(), full, as_json))


@app.command()
def rollback(
    version: Annotated[
        str | None, typer.Argument(help="A version that is kept; the previous one if not given.")
    ] = None,
) -> None:
    """Point readers at an older published version. The next refresh builds from the lake and publishes anew."""
    from rollcall.refresh import publish
    from rollcall.refresh.lock import refresh_lock

    settings = Settings()
    with refresh_lock(settings):
        found = publish.rollback(settings, version)
    out.print(f"Readers have version {found.version} of {found.published_at[:19]} UTC.")
    out.print("The next refresh publishes what the lake says: discard or fix what was wrong before it runs.")


@app.command()
def backfill(
    first: Annotated[str, typer.Argument(metavar="FROM", help="The first delivery date, such as 2025-09-02.")],
    last: Annotated[str, typer.Argument(metavar="TO", help="The last delivery date.")],
    as_json: Json = False,
) -> None:
    """Take deliveries of past days, as if they had arrived day by day.

    These are files in the landing folders, archived files that the lake does not have, and files rejected for
    arriving too late. Exit codes as for `refresh`.
    """
    from rollcall.refresh.run import Days

    days = Days(_day(first, "FROM"), _day(last, "TO"))
    if days.last < days.first:
        raise typer.BadParameter(f"{last} is before {first}", param_hint="TO")
    raise typer.Exit(_refresh(Settings(), full=False, as_json=as_json, days=days))


def _day(text: str, name: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"'{text}' is not a date like 2025-09-02", param_hint=name) from error


@contextmanager
def _shown(as_json: bool) -> Iterator[Callable[..., None]]:
    """Shows what is being done: a bar on a terminal; without one a line a stage; nothing where a program reads."""
    if as_json:
        yield lambda message, done=0, total=None: None
    elif out.is_terminal:
        columns = (
            SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        )  # fmt: skip
        with Progress(*columns, console=out, transient=True) as progress:
            task = progress.add_task("starting", total=None)
            yield lambda message, done=0, total=None: progress.update(
                task, description=printable(message), completed=done, total=total
            )
    else:
        yield lambda message, done=0, total=None: None if total else out.print(message)


def _warn(message: str) -> None:
    """One line for a person, on stderr."""
    print(printable(message), file=sys.stderr)


def _refresh(settings: Settings, full: bool, as_json: bool, days=None) -> int:
    from rollcall.refresh.lock import refresh_lock
    from rollcall.refresh.run import refresh as run_refresh

    logs.to_file(settings)
    with refresh_lock(settings), _alerting(settings):
        with _shown(as_json) as say:
            run = run_refresh(settings, say, full, days)
        if as_json:
            print(json.dumps(run.as_dict(), default=str))
        else:
            _tell(run, settings)
    return run.exit_code


@contextmanager
def _alerting(settings: Settings) -> Iterator[None]:
    """Sends the alerts that are due once its block has ended, well or not; an alert that fails changes no exit code."""
    from rollcall.watch.afterwards import alerting

    try:
        with alerting(settings) as unsent:
            yield
    finally:
        for message in unsent:
            _warn(f"rollcall: {message}; the next run tries again")


def _tell(run, settings: Settings) -> None:
    for message in run.mended:
        out.print(f"repaired: {message}")
    for name in run.repeated:
        out.print(f"{name}: the same content is already in the lake; nothing to do")
    for message in run.skipped:
        out.print(f"skipped: {message}")
    quiet: dict[tuple[str, str], list] = {}
    for outcome in run.outcomes:
        delivery = outcome.delivery
        findings = [
            f for f in outcome.report.findings if outcome.verdict != "accepted" or f.severity in ("error", "warning")
        ]
        if outcome.verdict != "accepted":
            out.print(f"{delivery.name}: {outcome.verdict}; the report is in {outcome.report_folder}")
        elif findings:
            out.print(f"{delivery.name}: accepted, {_rows([outcome])}")
        else:
            quiet.setdefault((delivery.district.district_id, delivery.kind), []).append(outcome)
        if findings:
            out.print(outcome.report.as_text().split("\n", 1)[1].rstrip())
    for (district_id, kind), outcomes in quiet.items():
        name = outcomes[0].delivery.name if len(outcomes) == 1 else f"{district_id}: {len(outcomes)} {kind} deliveries"
        out.print(f"{name}{':' if len(outcomes) == 1 else ''} accepted, {_rows(outcomes)}")
    for one in run.contained:
        out.print(
            f"{one.district_id}/{one.file}: held, because nothing can be published with it; the report is in {one.folder}"
        )
        out.print(f"  {one.why}")
    for failure in run.failures:
        out.print(f"failed: {failure}")
    for change in run.drift:
        out.print(f"Warning: {change} since the last version")
    if run.failures:
        out.print("Nothing was published; readers keep the version they had.")
    elif "publish" in run.seconds:
        seconds = ", ".join(f"{stage} {took:.1f} s" for stage, took in run.seconds.items())
        out.print(f"\nPublished version {run.version} ({seconds}; {run.asked} expectations met)")
        out.print(f"  {settings.pointer}")
        for name, value in run.figures.items():
            out.print(f"  {name.replace('_', ' '):26} {value}")
    elif run.version:
        out.print(f"Nothing new: readers have version {run.version}.")
    else:
        out.print(
            f"Nothing to publish: no delivery has been accepted yet. Put files into {settings.landing}/<district>/."
        )


def _rows(outcomes: list) -> str:
    names = ("delivered", "added", "changed", "removed", "set_aside")
    delivered, added, changed, removed, aside = (sum(getattr(o.changes, name) for o in outcomes) for name in names)
    message = f"{delivered:,} rows: {added:,} added, {changed:,} changed, {removed:,} removed"
    return message + (f", {aside:,} set aside" if aside else "")


@app.command()
def check(
    path: Annotated[Path, typer.Argument(exists=True, help="A zip, CSV or Parquet file, or a folder of them.")],
    district_id: Annotated[
        str | None, typer.Option("--district", help="Compare with the last good roster of this district.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Report every problem in a file before it is uploaded. Changes nothing.

    If not given, the district is the name of the file's folder. Exit code 0 accepted, 20 held or rejected, 1 when Rollcall failed on it."""
    from rollcall.expectations import start
    from rollcall.intake import districts, landing, take

    start.on_a_thread()
    settings = Settings()
    logs.to_file(settings)
    folder = path if path.is_dir() else path.parent
    folder = folder.resolve() if district_id is None else districts.in_landing(settings, district_id)
    district = District.load(folder, settings.rules)
    files = sorted(f for f in path.rglob("*") if f.is_file() and f.name != "district.toml") if path.is_dir() else [path]
    if not files:
        raise RollcallError(f"{path} holds no file to check")
    for file in files:
        if message := landing.excess(file, settings):
            raise RollcallError(f"{file}: {message}")
    reports = [take.check(landing.describe(file, district), settings) for file in files]
    if as_json:
        found = [report.as_dict() for report in reports]
        print(json.dumps(found if path.is_dir() else found[0], indent=2))
    else:
        for report in reports:
            out.print(report.as_text().rstrip())
    verdicts = {report.verdict for report in reports}
    raise typer.Exit(1 if "failed" in verdicts else 0 if verdicts == {"accepted"} else 20)


@app.command()
def template(
    kind: Annotated[
        str, typer.Argument(help="educators, students, members, schools, access, usage, products or orgs.")
    ],
    to: Annotated[Path | None, typer.Option("--out", help="The file to write; - for the terminal.")] = None,
) -> None:
    """Write a CSV to fill in: the exact header, and example rows to replace.

    The name of the file is KIND.csv if not given. A file that exists is not overwritten.
    """
    from rollcall.intake.examples import EXAMPLES
    from rollcall.intake.examples import template as content

    if kind not in EXAMPLES:
        raise typer.BadParameter(f"'{kind}' is not a template; the templates are {', '.join(EXAMPLES)}")
    to = to or Path(f"{kind}.csv")
    if str(to) == "-":
        sys.stdout.write(content(kind))
        return
    try:
        with to.open("x", newline="", encoding="utf-8") as file:
            file.write(content(kind))
    except FileExistsError as error:
        raise RollcallError(f"{to} exists; name another file with --out") from error
    out.print(f"Wrote {to}: replace the example rows with your own, and keep the header line.")


@app.command()
def deliver(
    path: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A zip, CSV or Parquet file.")],
    district_id: Annotated[str, typer.Option("--district", help="The district: the name of its landing folder.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before the file is placed.")] = False,
) -> None:
    """Check a file, report what it would do, ask, and place it in the district's landing folder.

    Your own file stays where it is. A file that would be rejected is not placed. Exit code 0 placed, 20 not placed.
    """
    from rollcall.expectations import start
    from rollcall.intake import districts, landing, take

    start.on_a_thread()
    settings = Settings()
    logs.to_file(settings)
    folder = districts.in_landing(settings, district_id)
    if message := landing.excess(path, settings):
        raise RollcallError(f"{path}: {message}")
    with take.private_folder(settings) as scratch:
        # What is checked is what is placed, and its time is that of its arrival.
        copy = Path(shutil.copyfile(path, scratch / path.name))
        delivery = landing.describe(copy, District.load(folder, settings.rules))
        report = take.check(delivery, settings)
        report.file = printable(str(path))
        out.print(report.as_text().rstrip())
        if report.verdict == "rejected":
            out.print("Not placed: correct the file first.")
            raise typer.Exit(20)
        if not yes:
            effect = "hold it until someone releases it" if report.verdict == "held" else "apply it"
            question = (
                f"Place it in {folder}? The next refresh will {effect}, as {delivery.kind} of {delivery.delivery_date}"
            )
            if not typer.confirm(printable(question)):
                out.print("Not placed.")
                raise typer.Exit(20)
        placed = landing.place(copy, folder)
    out.print(f"Placed {placed}; the next refresh takes it.")


@app.command("what-if")
def what_if(
    path: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A zip, CSV or Parquet file; also a held one.")
    ],
    district_id: Annotated[str, typer.Option("--district", help="The district: the name of its landing folder.")],
    to: Annotated[
        Path | None, typer.Option("--out", help="A folder for the report, and for the rows that would change.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Report what a file would change for readers: people, schools, memberships and figures, by school. Publishes nothing.

    Builds beside the published version, from a copy, and compares. A delivery that would be held is tried as if it were
    released. Exit code 0 accepted, 20 held or rejected, 1 when Rollcall failed on it.
    """
    from rollcall.expectations import start
    from rollcall.intake import landing
    from rollcall.refresh import whatif as room

    start.on_a_thread()
    settings = Settings()
    logs.to_file(settings)
    district = room.of_district(settings, district_id)
    if message := landing.excess(path, settings):
        raise RollcallError(f"{path}: {message}")
    if to:
        to.mkdir(parents=True, exist_ok=True)
    with _shown(as_json) as say:
        found = room.what_if(settings, path.absolute(), district, _noted(say, to), to and to.absolute())
    if as_json:
        print(json.dumps(found.as_dict(), default=str))
    else:
        _print_what_if(found)
    raise typer.Exit(1 if found.verdict == "failed" else 0 if found.verdict == "accepted" else 20)


def _noted(say: Callable[..., None], to: Path | None) -> Callable[..., None]:
    """Also notes what is being done in `progress.json` of the folder, for who waits for it."""

    at_a_time = threading.Lock()  # dbt's threads speak when they like

    def both(message: str, done: int = 0, total: int | None = None) -> None:
        with at_a_time:
            say(message, done, total)
            if to:
                temporary = to / ".progress.tmp"
                temporary.write_text(json.dumps({"doing": message, "done": done, "total": total}), "utf-8")
                temporary.replace(to / "progress.json")

    return both


def _print_what_if(found) -> None:
    out.print(found.report.as_text().rstrip())
    if found.is_known:
        out.print("The same content is already in the lake: it would change nothing.")
    if found.not_built:
        out.print(f"{found.not_built}.")
    for failure in found.failures:
        out.print(f"It could not be published: {failure}")
    if found.changes_nothing:
        out.print("Nothing that readers see would change.")
    elif found.is_built:
        out.print("What would change:")
        for figure in found.figures:
            if figure["before"] != figure["after"]:
                out.print(f"  {figure['name']:36} {figure['before']:>12,} → {figure['after']:,}")
        names = {
            "person": "people",
            "school": "schools",
            "membership": "memberships",
            "access": "who may see the figures",
        }
        for what, counts in found.changes.items():
            if what == "access" and not any(counts.values()):
                continue
            said = ", ".join(f"{count:,} {change}" for change, count in counts.items())
            out.print(f"  {names[what]:36} {said}")
        for school in found.schools[:20]:
            said = ", ".join(f"{school[change]:,} {change}" for change in ("added", "changed", "removed"))
            out.print(f"    {school['school']}: {school['before']:,} → {school['after']:,} people; {said}")
        if len(found.schools) > 20:
            out.print(f"    and {len(found.schools) - 20} more; --json lists all")


@app.command()
def rules(
    district_id: Annotated[
        str | None, typer.Option("--district", help="With the rules and severities of this district.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List every rule that deliveries must meet, with its severity and origin."""
    from rollcall.intake import districts
    from rollcall.rules import RULES, own

    settings = Settings()
    district = District.load(districts.in_landing(settings, district_id), settings.rules) if district_id else None
    severities = district.rules if district else {}
    listed = [
        {
            "id": rule.id,
            "severity": str(severities.get(rule.id, rule.severity)),
            "section": rule.section,
            "says": rule.says,
            "from": rule.origin,
        }
        for rule in (*RULES.values(), *(district.own_rules if district else own.load(settings.rules)))
    ]
    if as_json:
        print(json.dumps(listed, indent=2))
        return
    for rule in listed:
        origin = "" if rule["from"] == "Rollcall" else f" ({rule['from']})"
        out.print(f"{rule['severity']:8} {rule['id']:28} {rule['says']}{origin}")


@app.command()
def status(
    as_json: Json = False,
    show: Annotated[
        bool, typer.Option("--open", help="Render the Data Docs of the last checks, and open them.")
    ] = False,
) -> None:
    """Report what happened last, what readers have, what is wrong, and what to do about it."""
    settings = Settings()
    if show:
        from rollcall.expectations import docs

        page = docs.render(settings)
        out.print(f"Data Docs of the published version: {page}")
        for other in docs.pages(settings):
            out.print(f"Data Docs of the last {other.parent.name} delivery of {other.parent.parent.name}: {other}")
        webbrowser.open(page.as_uri())
        return
    from rollcall.watch import status as room

    now = datetime.now(UTC)
    if as_json:
        print(json.dumps(room.as_dict(settings, now), default=str))
    else:
        for line in room.lines(settings, now):
            out.print(line)


@app.command()
def watch() -> None:
    """Send the alerts that are due. Run it on its own timer: a refresh that never runs cannot send any.

    Every refresh does the same at its end. Exit code 1 when an alert could not be sent.
    """
    from rollcall.refresh.lock import Locked, refresh_lock
    from rollcall.watch import alerts

    settings = Settings()
    if not settings.is_alerting:
        raise RollcallError("no alert is set up: set ROLLCALL_WEBHOOK_URL, or ROLLCALL_SMTP_HOST and ROLLCALL_SMTP_TO")
    try:
        with refresh_lock(settings):
            failures = alerts.send_due(settings)
    except Locked:
        out.print("A refresh is running, and sends what is due when it ends.")
        return
    for message in failures:
        _warn(f"rollcall: {message}; the next run tries again")
    raise typer.Exit(1 if failures else 0)


@app.command()
def verify(
    whole: Annotated[
        bool, typer.Option("--all", help="The whole lake, and not only what is new since the last time.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare the lake with its checksums. Exit code 1 if a file is not what was written.

    Files that have no checksum yet, from an older Rollcall, are read in full and get one.
    """
    from rollcall.intake import verify as room
    from rollcall.refresh.lock import refresh_lock

    settings = Settings()
    logs.to_file(settings)
    with refresh_lock(settings):
        done = room.verify(settings, whole)
    if as_json:
        print(json.dumps(done.as_dict()))
        return
    out.print(
        f"Compared {done.files:,} files of the lake ({done.bytes / 2**20:,.1f} MB): all are as they were written."
    )
    if done.adopted:
        out.print(f"{done.adopted:,} of them had no checksum before: Rollcall read them and gave them one.")


@app.command()
def fetch(
    district_id: Annotated[str | None, typer.Option("--district", help="Of this district only.")] = None,
    as_json: Json = False,
) -> None:
    """Collect new files from the SFTP servers that the districts' `district.toml` name under [sftp].

    Exit code 0 when all was collected or nothing was new, 1 when a server could not be asked; the others still are.
    """
    from rollcall.intake.fetch import fetch as collect

    settings = Settings()
    logs.to_file(settings)
    with _shown(as_json) as say:
        done = collect(settings, district_id, say)
    if as_json:
        print(json.dumps([vars(result) for result in done]))
    else:
        if not done:
            out.print(f"No district.toml in {settings.landing} has an [sftp] section: there is nothing to collect.")
        for result in done:
            files = ", ".join(result.files) or "nothing new"
            young = f"; left for the next time, as they are still being written: {', '.join(result.young)}"
            out.print(f"{result.district_id}: collected {files}{young if result.young else ''}")
    for result in done:
        if result.error:
            _warn(f"rollcall: {result.district_id}: {result.error}")
    raise typer.Exit(1 if any(result.error for result in done) else 0)


@app.command()
def purge(
    district_id: Annotated[str | None, typer.Option("--district", help="Remove this district entirely.")] = None,
    by: Annotated[str | None, typer.Option("--by", help="Who asks for it (recorded).")] = None,
    why: Annotated[str | None, typer.Option("--why", help="Why (recorded).")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for the district's name to be typed.")] = False,
    as_json: Json = False,
) -> None:
    """Delete what has passed its retention time; with --district, delete a district everywhere, published versions included.

    Prints a report that proves what is gone, and keeps it in `purges/` of the warehouse folder. Copies made elsewhere,
    such as backups of the lake, are yours to delete.
    """
    from rollcall.refresh import purge as room
    from rollcall.refresh.lock import refresh_lock

    settings = Settings()
    logs.to_file(settings)
    if district_id is None:
        with refresh_lock(settings):
            report = room.retention(settings)
    else:
        if not (by and why):
            raise typer.BadParameter("removing a district needs --by and --why", param_hint="--district")
        district_id = room.find(settings, district_id)
        if not yes:
            shown = printable(district_id)
            typed = typer.prompt(
                f"Deletes everything of district '{shown}', for good. Type its name to go on", err=True
            )
            if typed != district_id:
                raise RollcallError(f"'{printable(typed)}' is not '{shown}': nothing was deleted")
        with refresh_lock(settings), _alerting(settings), _shown(as_json) as say:
            report = room.district(settings, district_id, by, why, say)
    if as_json:
        print(json.dumps(report.as_dict()))
    else:
        for line in report.lines():
            out.print(line)
    raise typer.Exit(0 if report.is_clean else 1)


Delivery = Annotated[str, typer.Argument(help="The delivery's id, the beginning of it, or the file's name.")]
By = Annotated[str, typer.Option("--by", help="Who decides (recorded).")]
Why = Annotated[str, typer.Option("--why", help="Why (recorded).")]


@app.command()
def release(delivery: Delivery, by: By, why: Why) -> None:
    """Let the next refresh apply a held delivery, because its changes are right."""
    from rollcall.intake import held
    from rollcall.intake.take import Decision
    from rollcall.refresh.lock import refresh_lock

    settings = Settings()
    with refresh_lock(settings):
        found = held.release(settings, delivery, Decision(by, why))
    out.print(f"{by} released {found.district_id}/{found.delivery_id}; the next refresh applies it.")


@app.command()
def discard(delivery: Delivery, by: By, why: Why) -> None:
    """Delete a held delivery, or close the problem of a rejected one; the last good roster stays in force."""
    from rollcall.intake import held
    from rollcall.intake.take import Decision
    from rollcall.refresh.lock import refresh_lock

    settings = Settings()
    with refresh_lock(settings):
        found = held.discard(settings, delivery, Decision(by, why))
    out.print(f"{by} discarded {found.district_id}/{found.delivery_id}.")


@app.command()
def withdraw(delivery: Delivery, by: By, why: Why) -> None:
    """Take an accepted delivery back out, as if it had never arrived; the next refresh publishes without it.

    Its record stays, with who withdrew it and why. If the same file is delivered again, Rollcall takes it again.
    """
    from rollcall.intake import withdraw as room
    from rollcall.intake.take import Decision
    from rollcall.refresh.lock import refresh_lock

    settings = Settings()
    logs.to_file(settings)
    with refresh_lock(settings):
        found = room.withdraw(settings, delivery, Decision(by, why))
    logs.event("delivery withdrawn", district_id=found.district_id, delivery_id=found.delivery_id, by=by, why=why)
    out.print(f"{by} withdrew {found.district_id}/{found.delivery_id}; the next refresh publishes without it.")


members = typer.Typer(no_args_is_help=True, help="Educators who are on no roster, added manually.")
app.add_typer(members, name="members")
DistrictId = Annotated[str, typer.Option("--district", help="The district: the name of its landing folder.")]
Email = Annotated[str, typer.Option(help="The address under which they use products.")]


@members.command("add")
def members_add(
    district_id: DistrictId,
    email: Email,
    first_name: Annotated[str, typer.Option(help="First name.")],
    last_name: Annotated[str, typer.Option(help="Last name.")],
    role: Annotated[str, typer.Option(help="A role, such as teacher, aide or administrator.")] = "teacher",
    schools: Annotated[
        list[str] | None, typer.Option("--school", help="Id or name of a school where they count; may be repeated.")
    ] = None,
    grades: Annotated[
        list[str] | None, typer.Option("--grade", help="A grade in which they count there; may be repeated.")
    ] = None,
    end_date: Annotated[
        str, typer.Option(help="First day on which they are no member any more, such as 2027-06-30.")
    ] = "",
) -> None:
    """Add an educator manually: they count in totals, and under no school or grade unless you name them.

    Adding someone again replaces what was said of them. Writes a member file into the district's landing folder; the next refresh takes it.
    """
    from rollcall.intake import members as room

    _written(
        lambda: room.add(
            Settings(), district_id, email, first_name, last_name, role, schools or (), grades or (), end_date
        )
    )


@members.command("remove")
def members_remove(district_id: DistrictId, email: Email) -> None:
    """Remove an educator who was added manually."""
    from rollcall.intake import members as room

    _written(lambda: room.remove(Settings(), district_id, email))


@members.command("list")
def members_list(district_id: DistrictId, as_json: Json = False) -> None:
    """List the educators who were added manually, and since when."""
    from rollcall.intake import districts
    from rollcall.intake import members as room

    settings = Settings()
    found = room.listed(settings, districts.find(district_id, districts.known(settings)))
    if as_json:
        print(json.dumps([vars(member) for member in found], default=str))
        return
    for member in found:
        where = f"  at {member.schools}{f', grades {member.grades}' if member.grades else ''}" if member.schools else ""
        until = f" until {member.until}" if member.until else ""
        out.print(
            f"{member.email}  {member.first_name} {member.last_name}  {member.role}{where}  since {member.since}{until}"
        )
    out.print(f"{len(found)} {'member' if len(found) == 1 else 'members'}")


def _written(write: Callable[[], Path]) -> None:
    from rollcall.intake import members as room

    try:
        file = write()
    except room.Refused as error:
        raise typer.BadParameter(str(error), param_hint=f"--{error.field}") from error
    out.print(f"Wrote {file}; the next refresh takes it.")


@app.command()
def access(
    district_id: Annotated[str | None, typer.Option("--district", help="Lines about this district only.")] = None,
    who: Annotated[str | None, typer.Option(help="Lines of this person only: their email address.")] = None,
    since: Annotated[str | None, typer.Option(help="The first day, such as 2026-11-01; UTC.")] = None,
    most: Annotated[int, typer.Option(min=1, help="The most lines, the newest first.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False,
) -> None:
    """List who saw, exported or changed what on the dashboard, and when. It lists no figure."""
    from rollcall import accesslog
    from rollcall.web.people import normal

    first = datetime.combine(_day(since, "--since"), time(), UTC).timestamp() if since else 0
    found = accesslog.lines(Settings(), first, normal(who) if who else None, district_id, most)
    if as_json:
        print(json.dumps([vars(line) | {"at": line.time.isoformat()} for line in found]))
        return
    for line in found:
        out.print(
            f"{line.time:%Y-%m-%d %H:%M:%S} UTC  {printable(line.who or '-')}  {line.action}  "
            f"{printable(line.district_id or '-')}  {printable(line.what)}".rstrip()
        )
    out.print(f"{len(found)} {'line' if len(found) == 1 else 'lines'}")


@app.command()
def dashboard(
    host: Annotated[str, typer.Option(help="The address to serve on; loopback means this machine only.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")] = 8050,
) -> None:
    """Serve the inventory dashboard. Reads the published warehouse only, and follows new versions by itself.

    Who may change a district's data uploads files, decides on held ones, and adds educators there; that writes into the landing.
    """
    from rollcall.dashboard.app import serve
    from rollcall.office import routes

    serve(
        Settings(),
        host,
        port,
        lambda address: out.print(f"The dashboard is at {address} (stop it with Ctrl+C)"),
        routes.attach,
    )


@app.command()
def sample(
    folder: Annotated[Path, typer.Argument(help="Where the district's landing folder is made.")],
    users: Annotated[int, typer.Option(min=100, help="People on the roster.")] = 2000,
    days: Annotated[int, typer.Option(min=1, help="School days of usage.")] = 44,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    start: Annotated[str, typer.Option(help="The first school day.")] = "2025-09-02",
    events: Annotated[int | None, typer.Option(min=1, help="Page loads a day; about 10 a person when not set.")] = None,
) -> None:
    """Make a realistic, invented district: rosters, a catalog and usage."""
    _make_sample(folder, users, days, seed, _day(start, "--start"), events)


def _make_sample(folder: Path, users: int, days: int, seed: int, first: date, events: int | None) -> None:
    from rollcall.sample import make

    for name in make(folder, users, days, seed, first, events):
        out.print(f"made {name}")


def main() -> None:
    """Entry point. What Great Expectations has imported is not taken apart at the end: DuckDB would report what it still holds."""
    try:
        _main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    if "great_expectations" not in sys.modules:
        sys.exit(code)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _main() -> None:
    """One clear line for what a person can fix; the traceback of anything else goes to the log."""
    from rollcall.refresh.lock import Locked

    # What is kept of people is for the account of the refresh and its group.
    os.umask(os.umask(0o077) | 0o007)
    try:
        app()
    except Locked as error:
        _warn(f"rollcall: {error}")
        sys.exit(40)
    except RollcallError as error:
        _warn(f"rollcall: {error}")
        sys.exit(1)
    except ValidationError as error:
        first = error.errors()[0]
        name = f"ROLLCALL_{'_'.join(map(str, first['loc'])).upper()}: " if first["loc"] else ""
        _warn(f"rollcall: {name}{first['msg'].removeprefix('Value error, ')}")
        sys.exit(2)
    except SettingsError as error:
        _warn(f"rollcall: {error}: it is not JSON")
        sys.exit(2)
    except Exception as error:
        if is_of_the_disk(error):
            _warn(f"rollcall: {of_the_disk(error, Settings())}")
            sys.exit(1)
        logging.getLogger("rollcall").exception("the command broke off")
        message = logs.message_of(error).splitlines() or [type(error).__name__]
        _warn(f"rollcall: {message[0]} (the traceback is in rollcall.log of the build folder)")
        sys.exit(1)
