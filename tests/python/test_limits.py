"""What is too large, too wide or too deep is refused in a moment, with one message, and holds up nobody else."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import duckdb
import pytest

import roster
from rollcall.districts import District
from rollcall.errors import RollcallError
from rollcall.intake import csvfile
from rollcall.rules import schema

USAGE = "occurred_at,user_email,url"
ROW = "2020-10-01T09:00:00Z,s1@schools.example,https://a.example\n"
WIDE = ",".join(f"c{number}" for number in range(100_000))  # 590 KB


def zip_with(path: Path, change) -> Path:
    return roster.write(path, change=change)


def gz(path: Path, start: str, filler: bytes, megabytes: int) -> Path:
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(start.encode())
        for _ in range(megabytes):
            file.write(filler * (2**20 // len(filler)))
    return path


def wide_header(name: str):
    return lambda made: made.update({name: b"\n".join(widened(made[name], WIDE.encode()))})


def widened(content: bytes, more: bytes) -> list[bytes]:
    """The lines of a CSV with more columns, which are blank in every row."""
    header, *rows = content.replace(b"\r\n", b"\n").rstrip().split(b"\n")
    return [header + b"," + more, *(row + b"," * (more.count(b",") + 1) for row in rows), b""]


def deep(made: dict[str, bytes], depth: int = 100_000) -> None:
    del made["manifest.csv"]
    made["manifest.json"] = b"[" * depth + b"]" * depth


def large_manifest(made: dict[str, bytes]) -> None:
    made["manifest.csv"] += b"".join(b"file.x%d,bulky\r\n" % number for number in range(200_000))


def wide_parquet(path: Path) -> None:
    columns = [*USAGE.split(","), *(f"c{number}" for number in range(5000))]
    with duckdb.connect() as connection:
        fields = ", ".join(f"'x' as {name}" for name in columns)
        connection.execute(f"copy (select {fields}) to '{path}' (format parquet)")


def zeros(path: Path) -> Path:
    """A zip bomb: a users.csv of 4 GB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in roster.texts(roster.good()).items():
            if name != "users.csv":
                archive.writestr(name, content)
        with archive.open("users.csv", "w", force_zip64=True) as entry:
            for _ in range(512):
                entry.write(bytes(2**20))
    return path


CASES = {
    "wide usage": ("usage.csv", lambda p: p.write_text(f"{USAGE},{WIDE}\n{ROW}"), "header line is longer than 65,536"),
    "wide usage without its columns": ("usage.csv", lambda p: p.write_text(f"occurred_at,{WIDE}\n"), "matches no list|longer"),
    "many short columns": ("usage.csv", lambda p: p.write_text(f"{USAGE}{',a' * 2000}\n{ROW}"), "it has 2,003 columns, more than 1,000"),
    "wide products": ("products.csv", lambda p: p.write_text(f"{','.join(schema.PRODUCT_COLUMNS)},{WIDE}\n"), "header line is longer"),
    "wide students": ("students.csv", lambda p: p.write_text(f"{','.join(schema.TEMPLATE_COLUMNS['students'])},{WIDE}\n"), "header line is longer"),
    "wide quoted": ("usage.csv", lambda p: p.write_text(",".join(f'"{c}"' for c in f"{USAGE},{WIDE}".split(",")) + "\n"), "header line is longer"),
    "one line": ("usage.csv", lambda p: p.write_text(f"{USAGE}," + "x" * 5_000_000), "header line is longer"),
    "wide roster": ("roster_2020-10-01.zip", lambda p: zip_with(p, wide_header("users.csv")), "users.csv is too large to read: its header line"),
    "wide parquet": ("usage.parquet", wide_parquet, "it has 5,003 columns"),
    "gz of zeros": ("usage.csv.gz", lambda p: gz(p, f"{USAGE}\n", b"\0", 1024), "inflates to more than 100 times"),
    "gz of rows": ("usage.csv.gz", lambda p: gz(p, f"{USAGE}\n", ROW.encode() * 100, 1024), "inflates to more than 100 times"),
    "zip of zeros": ("roster_2020-10-01.zip", zeros, "inflates to more than"),
    "deep manifest": ("roster_2020-10-01.zip", lambda p: zip_with(p, deep), "nested too deeply"),
    "large manifest": ("roster_2020-10-01.zip", lambda p: zip_with(p, large_manifest), "manifest.csv is too large to read"),
}  # fmt: skip


@pytest.fixture(scope="module")
def warm(session_house) -> None:
    """Imports are made once, before anything is timed."""
    session_house("warm").run("status")


@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("case", CASES)
def test_what_is_too_large_is_refused_in_a_moment(case, house):
    name, make, message = CASES[case]
    path = house.root / "oak" / name
    path.parent.mkdir()
    make(path)
    started = time.perf_counter()
    done = house.run("check", "--json", str(path), code=20)
    took = time.perf_counter() - started
    report = json.loads(done.stdout)
    said = [f["message"] for f in report["findings"] if f["severity"] == "reject"]
    assert len(said) == 1, said
    assert any(part in said[0] for part in message.split("|")), said
    assert len(report["findings"]) <= 3
    assert took < 20, f"{took:.1f} s"  # to inflate or parse the whole takes minutes; a busy machine may take seconds


def test_too_large_an_upload_is_named_and_not_read(house):
    roster.write(house.landing / "good" / "roster_2020-10-01.zip")
    sparse = house.landing / "oak" / "roster_2020-10-01.zip"
    sparse.parent.mkdir()
    with sparse.open("wb") as file:
        file.truncate(40 * 2**30)
    started = time.process_time(), time.perf_counter()
    run = house.refresh(code=20)
    assert run["seconds"]["intake"] < 10 and time.perf_counter() - started[1] < 60
    (words,) = run["skipped"]
    assert "42,949,672,960 bytes, more than 17,179,869,184 (ROLLCALL_UPLOAD_MAX_BYTES)" in words
    assert [d["district_id"] for d in run["deliveries"]] == ["good"] and run["published"]
    assert words in json.dumps(json.loads(house.run("status", "--json").stdout)["problems"])
    started = time.perf_counter()
    assert "ROLLCALL_UPLOAD_MAX_BYTES" in house.run("check", str(sparse), code=1).stderr
    assert time.perf_counter() - started < 20
    assert sparse.exists()


def test_each_limit_is_a_setting(house):
    path = roster.usage(house.root / "oak" / "usage.csv", [tuple(ROW.strip().split(","))], USAGE)
    assert house.run("check", str(path)).returncode == 0
    for name, value in {"header_max_bytes": "10", "columns_max": "2"}.items():
        assert f"ROLLCALL_{name.upper()}" in house.run("check", str(path), code=20, **{name: value}).stdout
    assert "ROLLCALL_UPLOAD_MAX_BYTES" in house.run("check", str(path), code=1, upload_max_bytes="50").stderr
    wide = house.root / "oak" / "wide.csv"
    wide.write_text(f"{USAGE}{',a' * 1500}\n{ROW.strip()}{',' * 1500}\n")
    assert house.run("check", str(wide), columns_max="2000").returncode == 0
    small = gz(house.root / "oak" / "usage.csv.gz", f"{USAGE}\n", ROW.encode(), 1)
    assert house.run("check", str(small)).returncode == 0
    assert "ROLLCALL_GZ_MAX_BYTES" in house.run("check", str(small), code=20, gz_max_bytes="100000").stdout
    zipped = roster.write(house.root / "oak" / "roster_2020-10-01.zip")
    refused = house.run("check", str(zipped), code=20, manifest_max_bytes="10").stdout
    assert "ROLLCALL_MANIFEST_MAX_BYTES" in refused


def test_of_many_findings_of_a_rule_some_are_listed_and_the_rest_counted(house):
    def unknown_columns(made: dict[str, bytes]) -> None:
        more = ",".join(f"extra{number}" for number in range(900)).encode()
        made["orgs.csv"] = b"\n".join(widened(made["orgs.csv"], more))

    path = roster.write(house.root / "oak" / "roster_2020-10-01.zip", change=unknown_columns)
    report = json.loads(house.run("check", "--json", str(path)).stdout)
    found = [f for f in report["findings"] if f["rule"] == "header-unknown"]
    assert len(found) == 101 and [f["column"] for f in found[:2]] == ["extra0", "extra1"]
    assert (found[-1]["count"], found[-1]["value"]) == (800, "… and 800 more")
    assert sum(f["count"] for f in found) == 900
    few = json.loads(house.run("check", "--json", str(path), findings_max="5").stdout)
    assert len([f for f in few["findings"] if f["rule"] == "header-unknown"]) == 6


def test_a_long_query_draws_no_progress_where_a_notebook_takes_a_file(tmp_path):
    """Without a script, DuckDB would draw it where `--json` writes."""
    asked = f"""
from pathlib import Path
from rollcall.intake import lake
from rollcall.settings import Settings
print(lake.connect(Settings(), Path({str(tmp_path)!r})).execute("select current_setting('enable_progress_bar')").fetchone())
"""
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "(False,)\n"


class Compared(str):
    """A name that counts how often a name is compared."""

    count = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Compared.count += 1
        return str.__eq__(self, other)


def test_matching_headers_is_not_quadratic():
    """A name of 4,000 is compared with what is wanted, and not with each of the others."""
    found = [Compared(f"column_{number}") for number in range(4000)]
    assert csvfile.near("occurred_at", found) is None
    csvfile.source(Path("x.csv"), found, schema.USAGE_COLUMNS)
    assert Compared.count < len(found) * 2 * len(schema.USAGE_COLUMNS)


def test_a_header_may_hold_anything_that_a_quoted_field_may(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes('\ufeff"a, ""b""\nc",d\r\n1,2\r\n'.encode())
    assert csvfile.header(path) == ['a, "b"\nc', "d"]
    assert csvfile.header(path, 8) == ['a, "']
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb") as file:
        file.write(b"a,b\n" * 1000)
    (tmp_path / "cut.csv.gz").write_bytes(buffer.getvalue()[:20])
    assert csvfile.header(tmp_path / "cut.csv.gz") in ([], ["a", "b"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"x = " + b"[" * 100_000, "nested too deeply"),
        (b"# " + b"x" * 1_000_000, "longer than"),
        (b"\xff\xfe", "not readable as TOML"),
        (b'time_zone = "localtime"', "not an IANA time zone"),
        (b"[thresholds]\nremoval = nan", "thresholds.removal"),
    ],
)
def test_a_hostile_district_toml_is_named_and_skipped(tmp_path, content, words):
    (tmp_path / "district.toml").write_bytes(content)
    with pytest.raises(RollcallError, match=words):
        District.load(tmp_path)
