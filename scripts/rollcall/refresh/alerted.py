"""What alerts have reported: `warehouse/alerts.json`."""

from __future__ import annotations

import json
from pathlib import Path

from rollcall.settings import Settings

Reported = dict[str, dict[str, str]]


def _file(settings: Settings) -> Path:
    return settings.warehouse / "alerts.json"


def read(settings: Settings) -> Reported:
    """By channel, the problems that were reported: {key: identity}. None, where the file is missing or damaged."""
    try:
        reported = json.loads(_file(settings).read_text("utf-8"))
        return {channel: dict(known) for channel, known in reported.items()}
    except (FileNotFoundError, ValueError, AttributeError, TypeError):
        return {}


def write(settings: Settings, reported: Reported) -> None:
    temporary = _file(settings).with_suffix(".tmp")
    temporary.write_text(json.dumps(reported, indent=1), "utf-8")
    temporary.replace(_file(settings))


def _is_of(key: str, district_id: str) -> bool:
    """Whether a problem's key names the district: `delivery/<district>/<kind>`, `fresh/…`, `fetch/…`, `skipped/…`."""
    rest = key.partition("/")[2]
    return rest == district_id or rest.startswith(f"{district_id}/") or f"/{district_id}/district.toml" in rest


def count_of(settings: Settings, district_id: str) -> int:
    """How many problems of a district were reported."""
    return sum(_is_of(key, district_id) for known in read(settings).values() for key in known)


def forget(settings: Settings, district_id: str) -> None:
    """Forgets what was reported of a district that is gone: its end is no good news to send."""
    reported = read(settings)
    kept = {
        channel: {key: identity for key, identity in known.items() if not _is_of(key, district_id)}
        for channel, known in reported.items()
    }
    if kept != reported:
        write(settings, kept)
