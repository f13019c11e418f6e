"""The zip itself: checked on bytes, before anything in it is read as data."""

from __future__ import annotations

import codecs
import csv
import difflib
import re
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rollcall.intake import schema
from rollcall.intake.findings import Report

REQUIRED = ("manifest.csv", "users.csv", "orgs.csv")
MAX_ENTRIES = 64
MAX_EXPANSION = 100
_CHUNK = 1 << 20
_EXPANSION_FLOOR = 1 << 20  # a short, repetitive file may compress better than 100:1 and is no bomb
_ARCHIVES = (".zip", ".gz", ".tar", ".tgz", ".7z", ".rar", ".bz2", ".xz")
# What zipfile and zlib raise on damaged or unsupported content.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError, IndexError)


@dataclass
class Unpacked:
    """The CSVs of one zip, by standard name, in a private folder; `manifest` is its properties."""

    files: dict[str, Path]
    manifest: dict[str, str]


def _is_noise(name: str) -> bool:
    return name.endswith("/") or name.startswith("__MACOSX/") or PurePosixPath(name).name in (".DS_Store", "Thumbs.db")


def _unsafe(entries: list[zipfile.ZipInfo]) -> str | None:
    if len(entries) > MAX_ENTRIES:
        return f"it has {len(entries)} entries, more than {MAX_ENTRIES}"
    seen: set[str] = set()
    for entry in entries:
        name = entry.filename
        # zipfile cuts names at a NUL byte and turns the platform's separators; the original shows what was written.
        if name != entry.orig_filename or "\\" in name or name.startswith("/") or re.match(r"[A-Za-z]:", name):
            return f"the path {entry.orig_filename!r} is not a plain relative path"
        if ".." in PurePosixPath(name).parts:
            return f"the path {name!r} leaves the archive"
        if stat.S_ISLNK(entry.external_attr >> 16):
            return f"{name!r} is a link"
        if name.lower().endswith(_ARCHIVES):
            return f"{name!r} is an archive inside the archive"
        if name.casefold() in seen:
            return f"{name!r} is in it twice"
        seen.add(name.casefold())
    return None


def standard_name(name: str) -> str | None:
    """The OneRoster file that `name` means: itself, or the one it misses by case, spacing, plural or a letter."""
    known = tuple(schema.oneroster_files())

    def plain(text: str) -> str:
        return re.sub(r"[^a-z0-9]", "", text.lower().removesuffix(".csv")).rstrip("s")

    for standard in known:
        if plain(name) == plain(standard):
            return standard
    return next(iter(difflib.get_close_matches(name, known, 1, 0.88)), None) if name.lower().endswith(".csv") else None


def unpack(path: Path, folder: Path, report: Report, max_bytes: int) -> Unpacked | None:
    """Checks the zip and unpacks its CSVs into `folder`. Adds findings; None when nothing can be read of it."""
    try:
        archive = zipfile.ZipFile(path)
    except _BROKEN as error:
        report.add("zip-readable", path.name, detail=f"it is not a complete zip file ({error})")
        return None
    with archive:
        entries = [entry for entry in archive.infolist() if not _is_noise(entry.filename)]
        if reason := _unsafe(entries):
            report.add("zip-safe", path.name, detail=reason)
            return None
        if any(entry.flag_bits & 1 for entry in entries):
            report.add("zip-readable", path.name, detail="it is encrypted")
            return None
        files, explained = _layout(entries, report)
        budget = min(max_bytes, max(MAX_EXPANSION * path.stat().st_size, _EXPANSION_FLOOR))
        unpacked: dict[str, Path] = {}
        for name, entry in files.items():
            left = budget - sum(file.stat().st_size for file in unpacked.values())
            try:
                file = _extract(archive, entry, folder / name, name, report, left)
            except _BROKEN as error:
                report.add("zip-readable", path.name, detail=f"{name} is damaged ({error})")
                continue
            if file is None:
                report.add("zip-safe", path.name, detail=f"it inflates to more than {budget:,} bytes")
                return None
            unpacked[name] = file
    manifest = _manifest(unpacked, explained, report) if "manifest.csv" in unpacked else {}
    return Unpacked(unpacked, manifest)


def _layout(entries: list[zipfile.ZipInfo], report: Report) -> tuple[dict[str, zipfile.ZipInfo], set[str]]:
    """The CSVs to read, by standard name, and the files whose absence a finding has already explained."""
    folders = {str(PurePosixPath(entry.filename).parent) for entry in entries}
    top = folders.pop() if len(folders) == 1 else "."
    files: dict[str, zipfile.ZipInfo] = {}
    known = schema.oneroster_files()
    explained: set[str] = set()
    for entry in entries:
        parent, name = str(PurePosixPath(entry.filename).parent), PurePosixPath(entry.filename).name
        if parent != top or "/" in parent:
            report.add("zip-layout", entry.filename, value=parent)
        if name in known:
            files.setdefault(name, entry)
        elif standard := standard_name(name):
            report.add("file-name-exact", name, detail=standard)
            explained.add(standard)
        else:
            report.add("file-unexpected", name)
    for name in REQUIRED:
        if name not in files and name not in explained:
            report.add("file-required", name)
            explained.add(name)
    return files, explained


def _extract(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, name: str, report: Report, budget: int
) -> Path | None:
    """Inflates one entry (zipfile verifies its CRC), checking encoding on the way. None when the budget is spent."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    size, line, valid = 0, 1, True
    with archive.open(entry) as source, target.open("wb") as sink:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > budget:
                return None
            if size == len(chunk):
                bom = next(
                    (b for b in (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) if chunk.startswith(b)),
                    None,
                )
                if bom:
                    report.add("encoding-no-bom", name, row=1, value=bom.hex(" ").upper())
                    chunk = chunk[len(bom) :]
                    valid = bom == codecs.BOM_UTF8
            if valid:
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError as error:
                    bad_line = line + error.object[: error.start].count(b"\n")
                    report.add("encoding-utf8", name, row=bad_line, value=f"0x{error.object[error.start]:02X}")
                    valid = False
            line += chunk.count(b"\n")
            sink.write(chunk)
    if valid:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            report.add("encoding-utf8", name, row=line, value="the file ends inside a character")
    if size == 0:
        report.add("file-not-empty", name)
    return target


def _manifest(files: dict[str, Path], explained: set[str], report: Report) -> dict[str, str]:
    try:
        with files["manifest.csv"].open(newline="", encoding="utf-8") as stream:
            rows = [row for row in csv.reader(stream, strict=True) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        report.add("csv-readable", "manifest.csv", row=1, detail=str(error))
        return {}
    if not rows:
        return {}
    if [cell.strip() for cell in rows[0]] != ["propertyName", "value"]:
        report.add("manifest-valid", "manifest.csv", 1, detail="the header must be propertyName,value")
        return {}

    def wrong(row: int, detail: str) -> None:
        report.add("manifest-valid", "manifest.csv", row, "value", manifest.get(rows[row - 1][0].strip()), detail)

    manifest = {row[0].strip(): row[1].strip() if len(row) > 1 else "" for row in rows[1:]}
    lines = {row[0].strip(): number for number, row in enumerate(rows, 1)}
    for name, versions in (("manifest.version", ("1.0", "1")), ("oneroster.version", ("1.1",))):
        if manifest.get(name) not in versions:
            wrong(lines.get(name, 1), f"{name} is '{manifest.get(name, '')}', which is not {versions[0]}")
    for property_, mode in manifest.items():
        if not property_.startswith("file."):
            continue
        name = property_.removeprefix("file.") + ".csv"
        if mode == "delta":
            wrong(lines[property_], f"{name} is a delta; this district's roster is taken as bulk files")
        elif mode not in ("absent", "bulk"):
            wrong(lines[property_], f"{property_} is '{mode}', which is none of absent, bulk, delta")
        elif mode == "bulk" and name in schema.oneroster_files() and name not in (*files, *explained):
            wrong(lines[property_], f"{property_} is bulk, but {name} is not in the zip")
        elif mode == "absent" and name in files:
            wrong(lines[property_], f"{property_} is absent, but {name} is in the zip")
    return manifest
