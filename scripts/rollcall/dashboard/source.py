"""The published figures that are served, whole; `scope` gives each person their part, and nothing else asks here."""

from __future__ import annotations

import logging
import threading

import duckdb

from rollcall.dashboard.privacy import Shown
from rollcall.dashboard.queries import Inventory, grants
from rollcall.dashboard.warehouse import Version, Warehouse
from rollcall.errors import RollcallError
from rollcall.settings import Settings
from rollcall.web import people
from rollcall.web.people import Viewer

log = logging.getLogger("rollcall")


class Source:
    """The inventory of the version that the pointer names now; the one before it serves requests that still read it."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self._warehouse = Warehouse(settings)
        self._lock = threading.Lock()
        self._figures: Shown | None = None
        self._coming: Shown | None = None
        self._granted: tuple[Version | None, dict[str, Viewer]] = (None, {})

    def figures(self) -> Shown:
        """The inventory as the pages may show it. NothingPublished before the first version.

        A new version is shown once its first pages are prepared, so that nobody waits for them.
        """
        with self._lock:
            version = self._warehouse.version()
            newest = self._coming or self._figures
            if newest is None or newest.version is not version:
                self._coming = coming = Shown(Inventory(version), self.settings.small_count, self.settings)
                self._figures = self._figures or coming
                threading.Thread(target=coming.warm_up, args=(lambda: self._show(coming),), daemon=True).start()
            return self._figures

    def _show(self, coming: Shown) -> None:
        with self._lock:
            # Unless a newer one is coming already.
            if self._coming is coming:
                self._figures = coming

    def inventory(self) -> Inventory:
        """NothingPublished before the first version."""
        return self.figures().inventory

    def viewer(self, email: str) -> Viewer:
        """What somebody may see, by the newest version, be it shown already or not: who is removed is out at once."""
        try:
            version = self._warehouse.version()
        except RollcallError:
            return Viewer(email)
        with self._lock:
            if self._granted[0] is not version:
                self._granted = (version, {})
            known = self._granted[1]
        if email not in known:
            try:
                known[email] = people.granted(email, grants(version, email))
            except duckdb.CatalogException:
                log.warning("version %s was published before there were access lists: nobody has access", version.name)
                return Viewer(email)
        return known[email]
