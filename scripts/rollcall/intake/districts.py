"""Which districts there are: a district is named exactly as it exists in a room, and only a name found there makes a path."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

from rollcall.errors import RollcallError
from rollcall.intake import lake, landing
from rollcall.settings import Settings
from rollcall.text import printable

_PARTITION, _INCOMING = "district_id=", ".incoming-"


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def of_partition(folder: Path) -> str:
    """The district of a partition of the lake."""
    return folder.name.removeprefix(_PARTITION)


def of_incoming(folder: Path) -> tuple[str, str]:
    """(district, delivery) of a folder that a run was cut off in. A delivery's id has no `--`; a district may."""
    district_id, _, delivery_id = folder.name.removeprefix(_INCOMING).rpartition("--")
    return district_id, delivery_id


def partitions(settings: Settings) -> list[Path]:
    """Every district's partitions of every table of the lake, and what was on its way in."""
    found = [folder for folder in settings.lake.rglob(f"{_PARTITION}*") if folder.is_dir()]
    return [folder for folder in found if lake.is_district(of_partition(folder))]


def incoming(settings: Settings) -> list[Path]:
    return [folder for folder in _entries(settings.lake) if folder.name.startswith(_INCOMING)]


def rooms(settings: Settings) -> list[tuple[str, Path]]:
    """(room, folder) of what lies in the rooms that have a folder a district, usable as a name or not."""
    places = [(room, getattr(settings, room)) for room in ("landing", "archive", "quarantine")]
    return [
        (room, folder)
        for room, place in (*places, ("archive", settings.taken))
        for folder in _entries(place)
        if folder.is_dir() and not folder.name.startswith((".", "_")) and folder.name != "lost+found"
    ]


def in_version(file: Path) -> dict[str, dict[str, int]]:
    """Mart → district → rows, of a published version, wherever a mart says which district a row is of."""
    with duckdb.connect(str(file), read_only=True) as connection:
        marts = connection.execute(
            """select table_name from information_schema.columns
            where table_schema = 'marts' and column_name = 'district_id' order by 1"""
        ).fetchall()
        return {
            mart: dict(connection.execute(f'select district_id, count(*) from marts."{mart}" group by 1').fetchall())
            for (mart,) in marts
        }


def known(settings: Settings) -> set[str]:
    """Every district of which anything is kept: in a room, in the lake, in a version that readers may open, or half purged."""
    names = {folder.name for _, folder in rooms(settings)}
    names |= {of_partition(folder) for folder in partitions(settings)}
    names |= {of_incoming(folder)[0] for folder in incoming(settings)}
    names.add(purging(settings).get("district_id"))
    for file in settings.versions.glob("*.duckdb"):
        try:
            names |= {district_id for of_mart in in_version(file).values() for district_id in of_mart}
        except duckdb.Error:
            continue  # A version that cannot be opened is a matter of the next refresh, and no list of names.
    return {name for name in names if name}


def purging(settings: Settings) -> dict:
    """What a purge that has begun and not ended has noted: the district, and what it has removed so far."""
    try:
        return dict(json.loads(settings.purging.read_text("utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return {}


def find(name: str, there: set[str], where: str = "nothing is kept of") -> str:
    """The district of exactly that name. RollcallError, listing those there are, where there is none."""
    if name in there:
        return name
    names = ", ".join(printable(known) for known in sorted(there)) or "none"
    raise RollcallError(f"{where} a district '{printable(name)}'; there are: {names}")


def in_landing(settings: Settings, name: str) -> Path:
    """The landing folder of the district of exactly that name."""
    folders = {folder.name: folder for folder in landing.folders(settings)}
    return folders[find(name, set(folders), f"{settings.landing} has no folder of")]
