"""Data Docs: those that the gate has made of the last delivery of each kind, and the suite of the published marts."""

from __future__ import annotations

import shutil
from pathlib import Path

from rollcall.settings import Settings


def of_delivery(settings: Settings, district_id: str, kind: str) -> Path:
    """The folder of the Data Docs of a district's last delivery of a kind, which no other district's are in."""
    return settings.build / "delivery_docs" / district_id / kind


def pages(settings: Settings) -> list[Path]:
    """The pages of the deliveries, by district and kind."""
    return sorted((settings.build / "delivery_docs").glob("*/*/index.html"))


def render(settings: Settings) -> Path:
    """Runs the suite of the marts on the published version, read-only, and writes its pages. The page to open."""
    from rollcall.expectations import audit, context

    folder = settings.build / "data_docs"
    shutil.rmtree(folder, ignore_errors=True)
    made = context.quiet()
    context.add_site(made, folder)
    if settings.pointer.exists():
        audit.validate_marts(made, settings.pointer.resolve())
    made.build_data_docs(site_names=[context.SITE])
    return folder / "index.html"
