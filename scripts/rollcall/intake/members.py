"""The members of a district: educators who are on no roster, as the member files in the lake list them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rollcall.districts import Thresholds
from rollcall.errors import RollcallError
from rollcall.intake import districts, lake, landing, templates
from rollcall.intake.changes import Past
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


def add(settings: Settings, district_id: str, email: str, first_name: str, last_name: str, role: str) -> Path:
    """Writes a member file into the district's landing folder; the next refresh takes it. Refused where it could not."""
    if schema.role_aliases().get(role.strip().lower()) not in roles():
        raise Refused("role", f"'{role}' is not a known role; the roles are {', '.join(roles())}")
    folder = _checked(settings, district_id, email)
    if templates.is_of_student(settings, folder.name, email):
        raise Refused(
            "email",
            "the roster has this address as a student's, and Rollcall keeps no names of students; nothing was written",
        )
    return landing.write_member(folder, settings, first_name, last_name, email, role, "")


def remove(settings: Settings, district_id: str, email: str) -> Path:
    """Writes a member file that takes an educator off the list."""
    return landing.write_member(_checked(settings, district_id, email), settings, "", "", email, "", "tobedeleted")


def _checked(settings: Settings, district_id: str, email: str) -> Path:
    """The district's landing folder, for an address that is one."""
    folder = districts.in_landing(settings, district_id)
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email.strip()):
        raise Refused("email", f"'{email}' is not an email address")
    return folder


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
