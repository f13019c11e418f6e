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
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rollcall.intake import csvfile, headers
from rollcall.intake.csvfile import MAX_EXPANSION
from rollcall.intake.observed import Column, File, Line, Observed, Property
from rollcall.rules import schema
from rollcall.settings import Settings

MANIFESTS = ("manifest.csv", "manifest.json")
MANIFEST_HEADER = ["propertyName", "value"]
MAX_ENTRIES = 64
_CHUNK = 1 << 20
_HEADER_BYTES = 1 << 14  # as much of a header as tells whose file it is
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


def _hazard(entry: zipfile.ZipInfo, seen: set[str]) -> str | None:
    """What makes an entry unsafe to unpack, if anything does."""
    name = entry.filename
    # zipfile cuts names at a NUL byte and turns the platform's separators; the original shows what was written.
    if name != entry.orig_filename or "\\" in name or name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "odd path"
    if ".." in PurePosixPath(name).parts:
        return "path upward"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "link"
    if name.lower().endswith(_ARCHIVES):
        return "archive"
    return "repeated path" if name.casefold() in seen else None


def standard_name(name: str) -> str | None:
    """The OneRoster file that `name` means: itself, or the one it misses by case, spacing, plural or a letter."""
    known = schema.oneroster_file_names()

    def plain(text: str) -> str:
        return re.sub(r"[^a-z0-9]", "", text.lower().removesuffix(".csv")).rstrip("s")

    for standard in known:
        if plain(name) == plain(standard):
            return standard
    return next(iter(difflib.get_close_matches(name, known, 1, 0.88)), None) if name.lower().endswith(".csv") else None


def unpack(path: Path, folder: Path, observed: Observed, settings: Settings) -> Unpacked | None:
    """Unpacks the CSVs of a zip into `folder`, noting what is found out on the way. None when nothing can be read of it."""
    container = observed.container
    try:
        archive = zipfile.ZipFile(path)
    except _BROKEN as error:
        container.opening_error = str(error)
        return None
    with archive:
        entries = [entry for entry in archive.infolist() if not _is_noise(entry.filename)]
        seen: set[str] = set()
        for entry in entries:
            inside = PurePosixPath(entry.filename)
            observed.files.append(
                File(
                    inside.name,
                    path=entry.filename,
                    quoted_path=repr(entry.orig_filename),
                    folder=str(inside.parent),
                    hazard=_hazard(entry, seen),
                    is_encrypted=bool(entry.flag_bits & 1),
                )
            )
            seen.add(entry.filename.casefold())
        is_few = observed.fits(path.name, "entries", len(entries), MAX_ENTRIES)
        if not is_few or any(file.hazard or file.is_encrypted for file in observed.files):
            return None
        if other := _other_format(archive, entries):
            container.other_format, container.other_remedy = other.name, other.remedy
            return None
        container.is_listed = True
        files = _by_standard_name(entries, observed)
        most = min(settings.zip_max_bytes, max(MAX_EXPANSION * path.stat().st_size, _EXPANSION_FLOOR))
        # No entry yields more than it declares, so a zip that declares too much need not be inflated to be refused.
        if not observed.fits(path.name, "unpacked bytes", sum(entry.file_size for entry, _ in files.values()), most):
            return None
        unpacked: dict[str, Path] = {}
        for name, (entry, note) in files.items():
            try:
                _extract(archive, entry, folder / name, note)
            except _BROKEN as error:
                note.damage = f"{name} is damaged ({error})"
                continue
            unpacked[name] = folder / name
    container.is_unpacked = True
    manifest = _manifest(unpacked, observed, settings.manifest_max_bytes)
    version = manifest.get("oneroster.version", "")
    version = version if version in schema.ONEROSTER_VERSIONS else "1.2" if "roles.csv" in unpacked else "1.1"
    container.oneroster_version = version
    deltas = {
        name
        for name in schema.oneroster_files(version)
        if manifest.get(f"file.{name.removesuffix('.csv')}") == "delta" and name in unpacked
    }
    read = [name for name in unpacked if name in schema.oneroster_files(version) and name not in MANIFESTS]
    return Unpacked({name: unpacked[name] for name in read}, version, deltas)


def _other_format(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> headers.Other | None:
    """The other format that a zip without a manifest is in, if half of its CSVs are."""
    names = [PurePosixPath(entry.filename).name.lower() for entry in entries]
    if not {*MANIFESTS}.isdisjoint(names):
        return None
    formats = []
    for entry, name in zip(entries, names, strict=True):
        if name.endswith(".csv"):
            try:
                with archive.open(entry) as stream:
                    line = stream.readline(_HEADER_BYTES).decode("utf-8-sig", errors="replace")
                formats.append(headers.other_format(next(csv.reader([line]), [])))
            except (*_BROKEN, csv.Error):
                return None  # damaged: inflating the whole of it says so
    other, count = Counter(formats).most_common(1)[0] if formats else (None, 0)
    return other if 2 * count > len(formats) else None


def _by_standard_name(entries: list[zipfile.ZipInfo], observed: Observed) -> dict[str, tuple[zipfile.ZipInfo, File]]:
    """The entries to read with what is noted of them, by standard name; of two with one name in two folders, the first."""
    files: dict[str, tuple[zipfile.ZipInfo, File]] = {}
    known = (*schema.oneroster_file_names(), "manifest.json")
    for entry, note in zip(entries, observed.files, strict=True):
        note.standard_name = note.file_name if note.file_name in known else standard_name(note.file_name)
        if note.standard_name == note.file_name:
            files.setdefault(note.file_name, (entry, note))
    return files


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, note: File) -> None:
    """Inflates one entry (zipfile verifies its CRC), looking at its encoding on the way."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    size, line, valid = 0, 1, True
    with archive.open(entry) as source, target.open("wb") as sink:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size == len(chunk):
                bom = next(
                    (b for b in (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) if chunk.startswith(b)),
                    None,
                )
                if bom:
                    note.byte_order_mark = bom.hex(" ").upper()
                    chunk = chunk[len(bom) :]
                    valid = bom == codecs.BOM_UTF8
            if valid:
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError as error:
                    note.undecodable_line = line + error.object[: error.start].count(b"\n")
                    note.undecodable_byte = f"0x{error.object[error.start]:02X}"
                    valid = False
            line += chunk.count(b"\n")
            sink.write(chunk)
    if valid:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            note.undecodable_line, note.undecodable_byte = line, "the file ends inside a character"
    note.byte_count, note.is_inflated = size, True


def _properties(files: dict[str, Path], observed: Observed) -> dict[str, tuple[int | None, str]] | None:
    """The properties of the manifest with the row that each stands in; None where it cannot be read."""
    if "manifest.csv" not in files:
        note = observed.file("manifest.json")
        try:
            content = json.loads(files["manifest.json"].read_text("utf-8"))
            pairs = content.items() if isinstance(content, dict) else ((p["propertyName"], p["value"]) for p in content)
            return {str(name): (None, str(value)) for name, value in pairs}
        except (ValueError, KeyError, TypeError) as error:
            note.syntax_error = f"it is not a JSON object of properties ({error})"
        except RecursionError:
            note.syntax_error = "it is nested too deeply"
        return None
    try:
        with files["manifest.csv"].open(newline="", encoding="utf-8") as stream:
            rows = [(number, row) for number, row in enumerate(csv.reader(stream, strict=True), 1) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        observed.lines.append(Line("manifest.csv", 1, str(error)))
        return None
    header = [cell.strip() for cell in rows[0][1]] if rows else []
    if csvfile.observe_separator(files["manifest.csv"], header, observed):
        return None
    observed.columns += [Column("manifest.csv", number, name) for number, name in enumerate(header, 1)]
    if rows and header != MANIFEST_HEADER:
        return None
    return {row[0].strip(): (number, row[1].strip() if len(row) > 1 else "") for number, row in rows[1:]}


def _manifest(files: dict[str, Path], observed: Observed, most_bytes: int) -> dict[str, str]:
    """The properties of the manifest. Empty when it is not there or not readable."""
    there = [name for name in MANIFESTS if name in files]
    if not all(observed.fits(name, "manifest bytes", files[name].stat().st_size, most_bytes) for name in there):
        return {}
    properties = _properties(files, observed) if there else None
    if properties is None or not (properties or files[there[0]].stat().st_size):
        return {}
    observed.container.has_manifest = True
    observed.properties = [Property(there[0], row, name, value) for name, (row, value) in properties.items()]
    return {name: value for name, (_, value) in properties.items()}
