"""The members of a district: educators who are on no roster, as the member files in the lake list them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from rollcall.districts import Thresholds
from rollcall.intake import lake
from rollcall.intake.changes import Past
from rollcall.settings import Settings


@dataclass(frozen=True)
class Member:
    """One member: the last row of their email in any member file, and the date of the file."""

    email: str
    first_name: str
    last_name: str
    role: str
    since: date


def listed(settings: Settings, district_id: str) -> list[Member]:
    """Who is on the list, by email; what still lies in the landing folder is not."""
    past = Past(settings, district_id, date.max, Thresholds())
    rows = past.state("templates/members", "row_key")
    if rows is None:
        return []
    with lake.connect(settings, settings.build) as connection:
        return [
            Member(*row)
            for row in connection.execute(
                f"""select trim(email), trim(coalesce(first_name, '')), trim(coalesce(last_name, '')), trim(coalesce(role, '')),
                    _effective_at::date
                from {rows} where _op = 'upsert' order by all"""
            ).fetchall()
        ]
