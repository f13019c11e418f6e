"""Alerts at the end of a command that refreshes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rollcall import logs
from rollcall.settings import Settings


@contextmanager
def alerting(settings: Settings) -> Iterator[list[str]]:
    """Sends the alerts that are due once its block has ended, also where that failed. Yields what could not be sent.

    For the holder of the lock: two commands would send the same alert twice.
    """
    unsent: list[str] = []
    try:
        yield unsent
    finally:
        if settings.is_alerting:
            # Imported when it is needed: a run that finds nothing new must not wait for libraries of the web.
            from rollcall.watch import alerts

            try:
                unsent += alerts.send_due(settings)
            except Exception as error:
                # What was published stays published, and a failure that is under way is the one to report.
                logs.failure("the alerts broke off")
                unsent.append(f"the alerts broke off: {error}")
