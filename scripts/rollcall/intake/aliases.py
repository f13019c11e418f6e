"""Other names of schools, kept as `schools.csv` keeps them: a name is added to the district's list, and lists that had used it are read again."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from pathlib import Path

from rollcall.districts import District, Thresholds
from rollcall.errors import RollcallError
from rollcall.files import replacing
from rollcall.intake import districts, held, lake, landing, withdraw
from rollcall.intake.changes import Past
from rollcall.intake.take import Decision
from rollcall.rules import schema
from rollcall.settings import Settings

_NAME = "schools_{day}_{time}.csv"


def add(
    settings: Settings, district_id: str, school_id: str, school_name: str, alias: str, decision: Decision
) -> list[str]:
    """Writes the district's list of schools, with one name more, into its landing folder; for who holds the lock of the refresh.

    Rows of a template that named no school were set aside, and are not in the lake: its newest file is placed again. Returns their names.
    """
    alias = alias.strip()
    if not alias or ";" in alias or "\n" in alias:
        raise RollcallError(f"'{alias}' cannot be kept as a name of a school: correct the file instead")
    folder = districts.in_landing(settings, district_id)
    now = datetime.now(UTC)
    day = now.astimezone(District.load(folder, settings.rules).zone).date()
    rows = _listed(settings, folder)
    row = rows.setdefault(school_id, {"id": school_id, "name": school_name, "aliases": ""})
    known = [each.strip() for each in row["aliases"].split(";") if each.strip()]
    row["aliases"] = "; ".join(dict.fromkeys([*known, alias]))
    for other_id, other in rows.items():
        # A name has one meaning: what it was chosen for before is no longer so.
        if other_id != school_id:
            kept = [each.strip() for each in other["aliases"].split(";") if each.strip() not in ("", alias)]
            other["aliases"] = "; ".join(kept)
    target = landing.by_hand(folder) / _NAME.format(day=day, time=f"{now:%H%M%S%f}")
    with replacing(target) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, schema.SCHOOL_COLUMNS)
        writer.writeheader()
        writer.writerows(rows.values())
    return _again(settings, folder, day, decision)


def _listed(settings: Settings, folder: Path) -> dict[str, dict[str, str]]:
    """The district's list by id: the newest that waits in the landing, else the one in the lake."""
    waiting = sorted(landing.by_hand(folder).glob(_NAME.format(day="*", time="*")))
    if waiting:
        with waiting[-1].open(newline="", encoding="utf-8") as stream:
            return {row["id"]: row for row in csv.DictReader(stream)}
    state = Past(settings, folder.name, date.max, Thresholds()).state("templates/school_list", "row_key")
    if state is None:
        return {}
    with lake.connect(settings, settings.build) as connection:
        rows = connection.execute(
            f"""select trim(id), trim(coalesce(name, '')), trim(coalesce(aliases, '')) from {state}
            where _op = 'upsert' order by all"""
        ).fetchall()
    return {row[0]: dict(zip(schema.SCHOOL_COLUMNS, row, strict=True)) for row in rows}


def _again(settings: Settings, folder: Path, day: date, decision: Decision) -> list[str]:
    """Places the newest list of each kind of template again where rows of it were set aside, as of today."""
    placed = []
    for kind in (landing.Kind.EDUCATORS, landing.Kind.STUDENTS):
        of_kind = [one for one in withdraw.accepted(settings) if (one.district_id, one.kind) == (folder.name, kind)]
        if not of_kind:
            continue
        newest = max(of_kind, key=lambda one: (one.delivery_date, one.arrived_at))
        record = settings.lake / "deliveries" / f"district_id={folder.name}" / f"{newest.delivery_id}.parquet"
        fields = lake.record_of(record)
        file = held.archived(settings, folder.name, fields)
        if not fields["rows_set_aside"] or file is None:
            continue
        name = f"{kind}_{day}{''.join(Path(newest.file_name).suffixes[-2:]) if newest.file_name.endswith('.csv.gz') else '.csv'}"
        waiting = landing.by_hand(folder)
        if any(waiting.glob(f"{kind}_{day}*")):
            continue
        if f"{newest.delivery_date}"[:10] == day.isoformat():
            # The same bytes on the same date are the same delivery, which is taken once.
            withdraw.withdraw(settings, f"{folder.name}/{newest.delivery_id}", decision)
        with replacing(waiting / name) as temporary:
            temporary.write_bytes(file.read_bytes())
        placed.append(newest.file_name)
    return placed
