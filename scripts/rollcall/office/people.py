"""Who asks, and what they may do with a district's data. Everything in this room goes by these functions."""

from __future__ import annotations

import getpass

from rollcall import accesslog, logs
from rollcall.settings import Settings
from rollcall.web import people
from rollcall.web.people import NoAccess


def name() -> str:
    """Who is recorded: the person who has signed on; without sign-on, on loopback, the account that runs the dashboard."""
    if (email := people.current().email) is not None:
        return email
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in some containers
        return "unknown"


def may_change(district_id: str) -> bool:
    return people.current().must(district_id).may_change


def must_change(district_id: str) -> None:
    """NoAccess for someone who may not change this district's data."""
    if not may_change(district_id):
        raise NoAccess("you may not change this district's data")


def must_see(district_id: str) -> None:
    """NoAccess for someone who may not see the district's deliveries and its people."""
    grant = people.current().must(district_id)
    if not (grant.may_see_deliveries and grant.is_whole and grant.people is None):
        raise NoAccess("you have no access to this district's deliveries and members")


def note(settings: Settings, action: str, district_id: str, what: str) -> None:
    """Logs what is done, before it is done: what cannot be logged must not happen."""
    if (email := people.current().email) is not None:
        accesslog.note(settings, email, action, district_id, what)
    logs.event(action, by=name(), district_id=district_id, what=what)
