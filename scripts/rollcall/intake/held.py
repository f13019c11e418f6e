"""Deliveries that are held: valid, but they would change too much until someone says that this is right."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from rollcall import logs
from rollcall.errors import RollcallError
from rollcall.files import move, quote
from rollcall.intake import checksums, lake
from rollcall.intake.findings import REPORT_FILES, About, Report
from rollcall.intake.issues import Finding
from rollcall.intake.take import Decision, write_rule_results
from rollcall.rules import RULES
from rollcall.settings import Settings
from rollcall.text import printable

_RELEASE = "release.json"
_BEGINNING = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Held:
    """A delivery that is held, or was refused: its record in the lake, and its folder in the quarantine with the report.

    The file is there too, unless Rollcall failed on it.
    """

    district_id: str
    delivery_id: str
    record: Path
    folder: Path

    @property
    def file(self) -> Path | None:
        """What was delivered; None when someone has taken it away."""
        own = (*REPORT_FILES, f"{_RELEASE}.tmp")
        try:
            files = [f for f in self.folder.iterdir() if f.name not in own and f.is_file()]
        except FileNotFoundError:
            return None
        return files[0] if files else None


def waiting(settings: Settings, district_id: str | None = None) -> list[Held]:
    """What is held and was neither released nor discarded and applied; of all districts, or of one."""
    return _with_verdict(settings, "held", district_id=district_id)


def _with_verdict(settings: Settings, *verdicts: str, district_id: str | None = None) -> list[Held]:
    found = []
    for record in lake.records(settings, district_id):
        delivery_id, _, verdict = record.stem.rpartition("-")
        if verdict in verdicts:
            of = record.parent.name.removeprefix("district_id=")
            found.append(Held(of, delivery_id, record, settings.quarantine / of / delivery_id))
    return found


def released(settings: Settings, district_id: str | None = None) -> dict[Path, Decision]:
    """The held files that the next refresh applies, with who has released them and why."""
    decisions = {}
    for delivery in waiting(settings, district_id):
        note, file = delivery.folder / _RELEASE, delivery.file
        if file and note.exists():
            try:
                said = json.loads(note.read_text("utf-8"))
                decisions[file] = Decision(said["by"], said["why"])
            except FileNotFoundError:
                continue  # a refresh that runs beside this has applied it
            except (ValueError, KeyError, TypeError):
                # Half written: the delivery goes on waiting, and `status` lists it, until it is released again.
                logs.failure("a release could not be read", delivery_id=delivery.delivery_id)
    return decisions


def hold_back(settings: Settings, record: Path, detail: str) -> tuple[Report, Path]:
    """Takes an accepted delivery out of the lake again and holds it, since nothing can be published with it.

    No later delivery of its kind may have been accepted: those say only what differs from it. `detail` is what failed.
    Returns the report and the folder in the quarantine that it and the file are in.
    """
    fields = lake.record_of(record)
    district_id, delivery_id = record.parent.name.removeprefix("district_id="), str(fields["delivery_id"])
    folder = settings.quarantine / district_id / delivery_id
    about = About(
        district_id, str(fields["district_name"] or district_id), date.fromisoformat(f"{fields['delivery_date']}"[:10]), delivery_id
    )  # fmt: skip
    # What was found when it was accepted reads as it did then.
    rules = {"delivery-builds": RULES["delivery-builds"]}
    report = Report(
        str(fields["file_name"]), str(fields["delivery_kind"]), _findings(settings, district_id, delivery_id), rules=rules,
        about=about,
    )  # fmt: skip
    report.add("delivery-builds", report.file, detail=detail)
    report.write(folder)
    if file := archived(settings, district_id, fields):
        move(file, folder / report.file)
    elif not any(f.is_file() and f.name not in REPORT_FILES for f in folder.iterdir()):
        # Its time in the archive is over: what was read of it is all that is left.
        for rows in lake.data_files(settings.lake, district_id, delivery_id):
            target = folder / "rows" / rows.relative_to(settings.lake)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(rows, target)
    with duckdb.connect() as connection:
        incoming = lake.Incoming(settings, connection, district_id, delivery_id)
        write_rule_results(incoming, report)
        incoming.commit(fields | {"verdict": report.verdict, "findings": len(report.findings)}, report.verdict)
    return report, folder


def _findings(settings: Settings, district_id: str, delivery_id: str) -> list[Finding]:
    """What was found of the delivery when it was accepted; the values are not kept."""
    file = settings.lake / "rule_results" / f"district_id={district_id}" / f"{delivery_id}.parquet"
    if not file.exists():
        return []
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"""select rule_id, severity, file_name, row_number, column_name, null, finding_count, message, fix
            from read_parquet({quote(file)}, hive_partitioning = false)"""
        ).fetchall()
    return [Finding(*row) for row in rows]


def archived(settings: Settings, district_id: str, fields: dict[str, object]) -> Path | None:
    """The file of a delivery in the archive, by its content: names may come again."""
    suffix = Path(str(fields["file_name"])).suffix
    for file in sorted((settings.archive / district_id).glob(f"*/*{suffix}"), reverse=True):
        if file.is_file() and checksums.of(file) == fields["content_sha256"]:
            return file
    return None


def find(name: str, deliveries: list[Held], verdict: str) -> Held:
    """The delivery of that id, file name or beginning of an id, with or without its district in front."""
    said = [(d.district_id, d.delivery_id, d.file.name if d.file else None) for d in deliveries]
    return deliveries[named(name, said, verdict)]


def named(name: str, deliveries: list[tuple[str, str, str | None]], verdict: str) -> int:
    """Which of the (district, delivery, file name) is meant by its id, its file's name or the beginning of its id.

    The district may stand in front. RollcallError where it is none, or several.
    """
    said = [(f"{district_id}/", delivery_id, file) for district_id, delivery_id, file in deliveries]
    # A beginning says at least the date: `2` or a blank, an unset variable of a shell, is nobody's decision.
    is_long = bool(_BEGINNING.match(name.rpartition("/")[2]))
    for matches in (
        [n for n, (front, id_, _) in enumerate(said) if name in (id_, front + id_)],
        [n for n, (front, _, file) in enumerate(said) if file and name in (file, front + file)],
        [
            n
            for n, (front, id_, _) in enumerate(said)
            if is_long and ((front + id_).startswith(name) or id_.startswith(name))
        ],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            break
    shown = [said[n] for n in matches] or said
    known = ", ".join(f"{front}{id_} ({file})" if file else front + id_ for front, id_, file in shown[:20]) or "none"
    more = f" and {len(shown) - 20} more" if len(shown) > 20 else ""
    what = f"several {verdict} deliveries" if matches else f"no {verdict} delivery"
    raise RollcallError(f"'{printable(name)}' names {what}; {verdict} are: {printable(known)}{more}")


def release(settings: Settings, name: str, decision: Decision) -> Held:
    """Lets the next refresh apply the delivery."""
    delivery = find(name, waiting(settings), "held")
    if delivery.file is None:
        raise RollcallError(f"the file of {delivery.delivery_id} is no longer in {delivery.folder}; deliver it again")
    note = asdict(decision) | {"at": datetime.now(UTC).isoformat()}
    temporary = delivery.folder / f"{_RELEASE}.tmp"
    temporary.write_text(json.dumps(note, ensure_ascii=False), "utf-8")
    temporary.rename(delivery.folder / _RELEASE)
    return delivery


def discard(settings: Settings, name: str, decision: Decision) -> Held:
    """Closes the problem of a delivery that is held or was refused; its record stays, with who has discarded it and why.

    A held delivery is deleted. One that was refused stays in the quarantine for its time: its sender may ask for the report.
    """
    delivery = find(name, _with_verdict(settings, "held", "rejected", "failed"), "held or refused")
    is_held = delivery.record.stem.endswith("-held")
    lake.change_verdict(settings, delivery.record, "discarded", decision.by, decision.why)
    if is_held:
        shutil.rmtree(delivery.folder, ignore_errors=True)
    return delivery
