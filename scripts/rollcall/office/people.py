"""Who asks, and whether they may change a district's data. Everything here goes by these functions."""

from __future__ import annotations

import getpass

import flask

from rollcall import logs


def name() -> str:
    """Who is recorded: without sign-on, on loopback, the account that runs the dashboard."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in some containers
        return "unknown"


def must_change(district_id: str) -> None:
    """403 for somebody who may not change this district's data."""


def must_be_meant() -> None:
    """400 for a request that another site could have had the browser send: those carry no header of their own."""
    if flask.request.headers.get("X-Rollcall") != "1":
        flask.abort(400, "This request does not come from Rollcall's page.")


def note(action: str, district_id: str, what: str) -> None:
    """Logs what was done."""
    logs.event(action, by=name(), district_id=district_id, what=what)
