"""What the Deliveries page shows and does before and after a delivery: uploads, held deliveries, refused ones, and where each file is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from rollcall.dashboard.components import long_day
from rollcall.errors import RollcallError
from rollcall.intake import districts, held, lake, landing
from rollcall.intake.take import Decision
from rollcall.office import uploads
from rollcall.office.uploads import Upload
from rollcall.refresh.lock import refresh_lock
from rollcall.settings import Settings
from rollcall.watch import state

_MOST_FILES = 15
_MOST_ISSUES = 20
_MOST_SCHOOLS = 40
KINDS = {
    "oneroster": "OneRoster", "schools": "school list", "educators": "educator template", "students": "student template",
    "members": "member list", "products": "product catalog", "usage": "usage", "access": "access list", "unknown": "unknown",
}  # fmt: skip


@dataclass(frozen=True)
class Trial:
    """An upload, or a held delivery, with what trying it has found so far."""

    upload: Upload
    report: dict
    changes: dict
    progress: dict

    @property
    def is_busy(self) -> bool:
        return self.upload.status in (uploads.WAITING, uploads.TRYING)

    @property
    def verdict(self) -> str:
        return str(self.report.get("verdict", ""))

    @property
    def can_be_placed(self) -> bool:
        return self.upload.status == uploads.TRIED and self.verdict in ("accepted", "held") and not self.upload.held

    @property
    def issues(self) -> list[dict]:
        return self.report.get("issues", [])[:_MOST_ISSUES]

    @property
    def more_issues(self) -> int:
        return max(0, len(self.report.get("issues", [])) - _MOST_ISSUES)

    @property
    def moved(self) -> list[dict]:
        """The figures that would move."""
        return [figure for figure in self.changes.get("figures", []) if figure["before"] != figure["after"]]

    @property
    def counts(self) -> list[tuple[str, dict[str, int]]]:
        """Rows added, changed and removed; who may see the figures is named where that changes."""
        names = {
            "person": "People",
            "school": "Schools",
            "membership": "Memberships",
            "access": "Who may see the figures",
        }
        found = self.changes.get("changes", {}).items()
        return [(names[what], counts) for what, counts in found if what != "access" or any(counts.values())]

    @property
    def changes_nothing(self) -> bool:
        any_row = any(any(counts.values()) for _, counts in self.counts)
        return bool(self.changes.get("figures")) and not self.moved and not any_row

    @property
    def schools(self) -> list[dict]:
        return self.changes.get("schools", [])[:_MOST_SCHOOLS]

    @property
    def more_schools(self) -> int:
        return max(0, len(self.changes.get("schools", [])) - _MOST_SCHOOLS)


def trial(settings: Settings, upload: Upload) -> Trial:
    return Trial(upload, *(upload.found(settings, f"{name}.json") for name in ("report", "changes", "progress")))


def pending(settings: Settings, district_id: str) -> list[Trial]:
    """Uploads of which nothing is decided."""
    return [
        trial(settings, upload)
        for upload in uploads.all_of(settings, district_id)
        if upload.status != uploads.PLACED and not upload.held
    ]


@dataclass(frozen=True)
class Refused:
    """A delivery that is held or was rejected, and that nothing covers yet."""

    delivery_id: str
    file_name: str
    kind: str
    verdict: str
    arrived_at: datetime
    message: str
    fix: str
    has_report: bool
    has_rows: bool
    released: str
    trial: Trial | None


def refused(settings: Settings, district_id: str) -> list[Refused]:
    """What needs somebody, held deliveries first."""
    tried = {upload.held: trial(settings, upload) for upload in uploads.all_of(settings, district_id) if upload.held}
    released = {file.parent.name: decision for file, decision in held.released(settings, district_id).items()}
    found = []
    for one in state.open_deliveries(settings, district_id):
        if one.verdict == "failed":
            continue  # there is nothing to decide: each refresh tries it again
        folder = settings.quarantine / district_id / one.delivery_id
        issues = _issues(folder)
        decision = released.get(one.delivery_id)
        found.append(
            Refused(
                one.delivery_id, one.file_name, KINDS.get(one.kind, one.kind), one.verdict, one.arrived_at,
                str(issues[0]["message"]) if issues else "The report is no longer there.", str(issues[0]["fix"]) if issues else "",
                (folder / "report.html").is_file(), (folder / "report-rows.csv").is_file(),
                f"Released by {decision.by}: {decision.why}" if decision else "", tried.get(one.delivery_id),
            )
        )  # fmt: skip
    return sorted(found, key=lambda one: one.verdict != "held")


def _issues(folder: Path) -> list[dict]:
    try:
        return json.loads((folder / "report.json").read_text("utf-8"))["issues"]
    except (OSError, ValueError, KeyError):
        return []


def file_of(settings: Settings, district_id: str, delivery_id: str, name: str) -> Path | None:
    """A file of the report of a held or rejected delivery; the path is made of what the lake's records say."""
    known = {one.delivery_id for one in state.open_deliveries(settings, district_id)}
    file = settings.quarantine / district_id / delivery_id / name
    return file if delivery_id in known and file.is_file() else None


def _decision(by: str, why: str) -> Decision:
    if not why.strip():
        raise RollcallError("give a reason: it is recorded with your name")
    return Decision(by, why.strip()[:1_000])


def release(settings: Settings, district_id: str, delivery_id: str, by: str, why: str) -> None:
    decision = _decision(by, why)
    with refresh_lock(settings):
        held.release(settings, f"{district_id}/{delivery_id}", decision)


def discard(settings: Settings, district_id: str, delivery_id: str, by: str, why: str) -> None:
    decision = _decision(by, why)
    with refresh_lock(settings):
        held.discard(settings, f"{district_id}/{delivery_id}", decision)


def try_held(settings: Settings, district_id: str, delivery_id: str, by: str) -> Upload:
    """Has a held delivery tried, to see what it would change."""
    for one in held.waiting(settings, district_id):
        if (one.district_id, one.delivery_id) == (district_id, delivery_id) and one.file:
            return uploads.of_held(settings, district_id, delivery_id, one.file, by)
    raise RollcallError("the file of this delivery is no longer there; deliver it again")


@dataclass(frozen=True)
class File:
    """One file, and where it is."""

    name: str
    kind: str
    day: str
    at: datetime
    by: str
    status: str
    tone: str
    meaning: str


_STATES = {
    "waiting": ("plain", "The next refresh takes it."),
    "accepted": ("warn", "It is in the lake. It is not published yet: the next refresh publishes it."),
    "published": ("good", "Readers have it."),
    "released": ("warn", "The next refresh applies it."),
    "held": ("warn", "It would change much: release or discard it."),
    "rejected": ("bad", "It breaks a rule: see its report, fix it, and upload it again."),
    "failed": ("bad", "Rollcall failed on it, and tries it again with each refresh."),
    "discarded": ("plain", "Somebody has closed it; nothing of it was applied."),
    "withdrawn": ("plain", "It was taken back out."),
}


def files(settings: Settings, district_id: str, published: set[str]) -> list[File]:
    """The newest files of a district, the newest first: those that wait in the landing, and those that were taken."""
    senders = {upload.sha256[:16]: upload.by for upload in uploads.all_of(settings, district_id) if upload.placed_at}
    names = {upload.file_name: upload.by for upload in uploads.all_of(settings, district_id) if upload.placed_at}
    found = []
    folder = next((each for each in landing.folders(settings) if each.name == district_id), None)
    for path in landing.waiting(settings, folder).files if folder else []:
        try:
            at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except FileNotFoundError:
            continue  # a refresh has taken it
        found.append(File(path.name, "–", "–", at, names.get(path.name, ""), "waiting", *_STATES["waiting"]))
    released = {file.parent.name for file in held.released(settings, district_id)}
    for fields in lake.ask(settings, lambda records: f"select * from {records}", district_id, _MOST_FILES):
        status = str(fields["verdict"])
        if status == "accepted" and fields["delivery_id"] in published:
            status = "published"
        if status == "held" and fields["delivery_id"] in released:
            status = "released"
        kind = str(fields["delivery_kind"])
        found.append(
            File(
                str(fields["file_name"]), KINDS.get(kind, kind), long_day(date.fromisoformat(f"{fields['delivery_date']}"[:10])), fields["arrived_at"].replace(tzinfo=UTC),
                senders.get(str(fields["content_sha256"])[:16], ""), status, *_STATES.get(status, ("plain", "")),
            )
        )  # fmt: skip
    return sorted(found, key=lambda file: file.at, reverse=True)[:_MOST_FILES]


def landing_folder(settings: Settings, district_id: str) -> Path:
    return districts.in_landing(settings, district_id)
