"""The zip itself: checked on bytes, before anything in it is read as data."""

from __future__ import annotations

import codecs
import csv
import difflib
import json
import re
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rollcall.intake.csvfile import MAX_EXPANSION
from rollcall.intake.findings import Report
from rollcall.rules import schema
from rollcall.settings import Settings

REQUIRED = {"1.1": ("users.csv", "orgs.csv"), "1.2": ("users.csv", "roles.csv", "orgs.csv")}
MANIFESTS = ("manifest.csv", "manifest.json")
_MODES = ("absent", "bulk", "delta")
MAX_ENTRIES = 64
_CHUNK = 1 << 20
_EXPANSION_FLOOR = 1 << 20  # a short, repetitive file may compress better than 100:1 and is no bomb
_ARCHIVES = (".zip", ".gz", ".tar", ".tgz", ".7z", ".rar", ".bz2", ".xz")
# What zipfile and zlib raise on damaged or unsupported content.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError, IndexError)


@dataclass
class Unpacked:
    """The CSVs of one zip, by standard name, in a private folder; the standard's version; the files that are deltas."""

    files: dict[str, Path]
    version: str
    deltas: set[str]


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
    known = schema.oneroster_file_names()

    def plain(text: str) -> str:
        return re.sub(r"[^a-z0-9]", "", text.lower().removesuffix(".csv")).rstrip("s")

    for standard in known:
        if plain(name) == plain(standard):
            return standard
    return next(iter(difflib.get_close_matches(name, known, 1, 0.88)), None) if name.lower().endswith(".csv") else None


def unpack(path: Path, folder: Path, report: Report, settings: Settings) -> Unpacked | None:
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
        budget = min(settings.zip_max_bytes, max(MAX_EXPANSION * path.stat().st_size, _EXPANSION_FLOOR))
        # No entry yields more than it declares, so a zip that declares too much need not be inflated to be refused.
        if sum(entry.file_size for entry in files.values()) > budget:
            report.add("zip-safe", path.name, detail=f"it inflates to more than {budget:,} bytes")
            return None
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
    manifest = _manifest(unpacked, explained, report, settings.manifest_max_bytes)
    version = manifest.get("oneroster.version", "")
    version = version if version in schema.ONEROSTER_VERSIONS else "1.2" if "roles.csv" in unpacked else "1.1"
    deltas = {
        name
        for name in schema.oneroster_files(version)
        if manifest.get(f"file.{name.removesuffix('.csv')}") == "delta" and name in unpacked
    }
    for name in REQUIRED[version]:
        # What did not change may be left out of a delta.
        is_left_out = deltas and manifest.get(f"file.{name.removesuffix('.csv')}") == "absent"
        if name not in files and name not in explained and not is_left_out:
            report.add("file-required", name)
    for name in sorted(set(unpacked) - set(schema.oneroster_files(version))):
        del unpacked[name]
        if name not in schema.ONEROSTER_UNREAD or version != "1.2":
            report.add("file-unexpected", name, detail=version)
    return Unpacked({name: file for name, file in unpacked.items() if name not in MANIFESTS}, version, deltas)


def _layout(entries: list[zipfile.ZipInfo], report: Report) -> tuple[dict[str, zipfile.ZipInfo], set[str]]:
    """The CSVs to read, by standard name, and the files whose absence a finding has already explained."""
    folders = {str(PurePosixPath(entry.filename).parent) for entry in entries}
    top = folders.pop() if len(folders) == 1 else "."
    files: dict[str, zipfile.ZipInfo] = {}
    known = (*schema.oneroster_file_names(), "manifest.json")
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
            report.add("file-unexpected", name, detail="1.1 or 1.2")
    if not set(MANIFESTS) & {*files, *explained}:
        report.add("file-required", "manifest.csv")
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


def _properties(files: dict[str, Path], report: Report) -> tuple[str, dict[str, tuple[int | None, str]]]:
    """The manifest's name, and its properties with the row that each stands in."""
    if "manifest.csv" not in files:
        try:
            content = json.loads(files["manifest.json"].read_text("utf-8"))
            pairs = content.items() if isinstance(content, dict) else ((p["propertyName"], p["value"]) for p in content)
            return "manifest.json", {str(name): (None, str(value)) for name, value in pairs}
        except (ValueError, KeyError, TypeError) as error:
            report.add("manifest-valid", "manifest.json", detail=f"it is not a JSON object of properties ({error})")
            return "manifest.json", {}
        except RecursionError:
            report.add("manifest-valid", "manifest.json", detail="it is nested too deeply")
            return "manifest.json", {}
    try:
        with files["manifest.csv"].open(newline="", encoding="utf-8") as stream:
            rows = [(number, row) for number, row in enumerate(csv.reader(stream, strict=True), 1) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        report.add("csv-readable", "manifest.csv", row=1, detail=str(error))
        return "manifest.csv", {}
    if not rows:
        return "manifest.csv", {}
    if [cell.strip() for cell in rows[0][1]] != ["propertyName", "value"]:
        report.add("manifest-valid", "manifest.csv", 1, detail="the header must be propertyName,value")
        return "manifest.csv", {}
    return "manifest.csv", {
        row[0].strip(): (number, row[1].strip() if len(row) > 1 else "") for number, row in rows[1:]
    }


def _manifest(files: dict[str, Path], explained: set[str], report: Report, most_bytes: int) -> dict[str, str]:
    """The properties of the manifest, held to what is in the zip. Empty when it is not there or not readable."""
    if not set(MANIFESTS) & set(files):
        return {}
    if large := [name for name in MANIFESTS if name in files and files[name].stat().st_size > most_bytes]:
        detail = f"it is longer than {most_bytes:,} bytes (ROLLCALL_MANIFEST_MAX_BYTES)"
        report.add("file-within-limits", large[0], detail=detail)
        return {}
    before = len(report.findings)
    file, properties = _properties(files, report)
    if not properties and (len(report.findings) > before or not files[file].stat().st_size):
        return {}

    def wrong(name: str, detail: str) -> None:
        row, value = properties.get(name, (1 if file == "manifest.csv" else None, None))
        report.add("manifest-valid", file, row, "value", value, detail)

    for name, versions in (("manifest.version", ("1.0", "1")), ("oneroster.version", schema.ONEROSTER_VERSIONS)):
        value = properties.get(name, (None, ""))[1]
        if value not in versions:
            known = " or ".join(version for version in versions if "." in version)
            wrong(name, f"{name} is '{value}', which is not {known}")
    # Files that must be there are told of by `file-required`.
    told = {*explained, *REQUIRED.get(properties.get("oneroster.version", (None, ""))[1], REQUIRED["1.1"])}
    for property_, (_, mode) in properties.items():
        if not property_.startswith("file."):
            continue
        name = property_.removeprefix("file.") + ".csv"
        if mode not in _MODES:
            wrong(property_, f"{property_} is '{mode}', which is none of {', '.join(_MODES)}")
        elif mode != "absent" and name in schema.oneroster_file_names() and name not in (*files, *told):
            wrong(property_, f"{property_} is {mode}, but {name} is not in the zip")
        elif mode == "absent" and name in files:
            wrong(property_, f"{property_} is absent, but {name} is in the zip")
    return {name: value for name, (_, value) in properties.items()}
