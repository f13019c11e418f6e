"""Data Docs: what the gate has found in the last accepted delivery of each kind, and the suite of the published marts."""

from __future__ import annotations

import shutil
from pathlib import Path

from rollcall.settings import Settings


def of_delivery(settings: Settings, district_id: str, kind: str) -> Path:
    """The gate's result on a district's last accepted delivery of a kind, of which `pages` makes Data Docs."""
    return settings.build / "delivery_results" / district_id / f"{kind}.json"


def pages(settings: Settings) -> list[Path]:
    """Renders the last accepted delivery of each kind; the pages, by district and kind, each in a folder of its district's."""
    from rollcall.expectations import gate

    folder, made = settings.build / "delivery_docs", []
    shutil.rmtree(folder, ignore_errors=True)
    for file in sorted((settings.build / "delivery_results").glob("*/*.json")):
        made.append(gate.write_docs(file, folder / file.parent.name / file.stem))
    return made


def render(settings: Settings) -> Path:
    """Runs the suite of the marts on the published version, read-only, and writes its pages. The page to open."""
    from rollcall.expectations import audit, context, marts

    folder = settings.build / "data_docs"
    shutil.rmtree(folder, ignore_errors=True)
    results = []
    if settings.pointer.exists():
        results = audit.validate_marts(context.quiet(), marts.suites(False), settings.pointer.resolve())
    return context.write_docs(results, folder)
