"""The members of a district: educators who are on no roster, as the member files in the lake list them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from rollcall.districts import District, Thresholds
from rollcall.errors import RollcallError
from rollcall.intake import districts, lake, landing, templates
from rollcall.intake.changes import Past
from rollcall.intake.schools import named_schools
from rollcall.rules import schema
from rollcall.settings import Settings


class Refused(RollcallError):
    """A member that cannot be added; `field` is what is wrong with it."""

    def __init__(self, field: str, message: str):
        self.field = field
        super().__init__(message)


def roles() -> list[str]:
    """What a member can be."""
    return sorted(name for name, is_staff in schema.roles("template").items() if is_staff)


def add(
    settings: Settings,
    district_id: str,
    email: str,
    first_name: str,
    last_name: str,
    role: str,
    schools: Sequence[str] = (),
    grades: Sequence[str] = (),
    end_date: str = "",
) -> Path:
    """Writes a member file into the district's landing folder; the next refresh takes it. Refused where it could not.

    `schools` are ids or names, `grades` what the grade aliases know, `end_date` the first day on which they are no member any more.
    """
    if schema.role_aliases().get(role.strip().lower()) not in roles():
        raise Refused("role", f"'{role}' is not a known role; the roles are {', '.join(roles())}")
    folder = _checked(settings, district_id, email)
    if unknown := [grade for grade in grades if grade.strip().lower() not in schema.grade_aliases()]:
        raise Refused("grade", f"'{unknown[0]}' is not a known grade; use the CEDS codes, such as PK, KG, 01 to 12")
    if grades and not schools:
        raise Refused("grade", "a grade is one at a school: name the school too")
    if end_date:
        _check_end(settings, folder, end_date)
    if templates.is_of_student(settings, folder.name, email):
        raise Refused(
            "email",
            "the roster has this address as a student's, and Rollcall keeps no names of students; nothing was written",
        )
    row = {"first_name": first_name, "last_name": last_name, "email": email.strip(), "role": role}
    row |= {"school": _ids(settings, folder.name, schools), "grade_level": ", ".join(grades), "end_date": end_date}
    return landing.write_member(folder, settings, row)


def _check_end(settings: Settings, folder: Path, end_date: str) -> None:
    today = datetime.now(District.load(folder, settings.rules).zone).date()
    try:
        is_ahead = date.fromisoformat(end_date) > today and len(end_date) == len("2027-06-30")
    except ValueError:
        is_ahead = False
    if not is_ahead:
        raise Refused("end-date", f"'{end_date}' is not a date after today, such as {today.year + 1}-06-30")


def _ids(settings: Settings, district_id: str, schools: Sequence[str]) -> str:
    """The cell that names these schools: their ids, since a name may have a comma in it."""
    found = named_schools(settings, district_id, schools)
    for school in schools:
        id_, closest = found.get(school, (None, None))
        if id_ is None:
            advice = f"; closest: {closest}" if closest else ""
            raise Refused("school", f"'{school}' is not a school of the district{advice}")
    return "; ".join(dict.fromkeys(str(found[school][0]) for school in schools))


def remove(settings: Settings, district_id: str, email: str) -> Path:
    """Writes a member file that takes an educator off the list."""
    folder = _checked(settings, district_id, email)
    return landing.write_member(folder, settings, {"email": email.strip(), "status": "tobedeleted"})


def _checked(settings: Settings, district_id: str, email: str) -> Path:
    """The district's landing folder, for an address that is one."""
    folder = districts.in_landing(settings, district_id)
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email.strip()):
        raise Refused("email", f"'{email}' is not an email address")
    return folder


@dataclass(frozen=True)
class Member:
    """One member: the last row of their email in any member file, and the date of the file; `until` is the first day without them."""

    email: str
    first_name: str
    last_name: str
    role: str
    since: date
    schools: str
    grades: str
    until: date | None


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
                    _effective_at::date, trim(coalesce(school, '')), trim(coalesce(grade_level, '')), try_cast(end_date as date)
                from {rows} where _op = 'upsert' order by all"""
            ).fetchall()
        ]
