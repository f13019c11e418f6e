"""What day it is, for deleting: this machine's clock, as far as something else bears it out.

A clock that jumps ahead by a year must not make everything a year old. Time that passes between runs counts, but of a gap
between two runs no more than a few days; what lies beyond is believed when deliveries carry such a date in their names.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import duckdb

from rollcall.intake import lake
from rollcall.refresh import ledger
from rollcall.settings import Settings

_MOST_AT_ONCE = timedelta(days=3)  # a weekend without a run


@dataclass(frozen=True)
class Clock:
    """What this machine takes for now, and the moment that is believed; never later than that."""

    now: datetime
    believed: datetime

    @property
    def is_ahead(self) -> bool:
        return self.now - self.believed > timedelta(days=1)


def _file(settings: Settings) -> Path:
    return settings.warehouse / ".clock.json"


def last(settings: Settings) -> Clock | None:
    """The clock as the last run found it; None before the first, or where that cannot be read."""
    try:
        said = json.loads(_file(settings).read_text("utf-8"))
        return Clock(datetime.fromisoformat(said["now"]), datetime.fromisoformat(said["believed"]))
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def read(settings: Settings, now: datetime) -> Clock:
    """The clock now. Each reading is kept, for the next to go on from."""
    before = last(settings)
    if before is None:
        beat = ledger.last_beat(settings)
        ended_at = datetime.fromisoformat(beat["ended_at"]) if beat else now
        before = Clock(ended_at, ended_at)
    passed = min(max(now - before.now, timedelta()), _MOST_AT_ONCE)
    clock = Clock(now, min(now, max(before.believed + passed, _newest_date(settings))))
    settings.warehouse.mkdir(parents=True, exist_ok=True)
    temporary = _file(settings).with_suffix(".tmp")
    temporary.write_text(json.dumps({"now": clock.now.isoformat(), "believed": clock.believed.isoformat()}), "utf-8")
    temporary.replace(_file(settings))
    return clock


def _newest_date(settings: Settings) -> datetime:
    """The newest date that an accepted delivery has in its file's name, which the district's clock has put there."""
    records = [str(record) for record in lake.records(settings) if lake.is_accepted(record)]
    newest = None
    if records:
        with duckdb.connect() as connection:
            (newest,) = connection.execute(
                f"select max(delivery_date) from {lake.read(records)} where contains(file_name, delivery_date::varchar)"
            ).fetchone()
    return datetime.combine(newest or date.min, time(), UTC)
