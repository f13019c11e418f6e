"""Hostile deliveries by the dozen, among good ones of other districts: every good one is published the same night.

The tests send 30, `make hostile` 3,000 (ROLLCALL_BAD_FILES).
"""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import zipfile
import zlib
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

import roster
from rollcall.intake import landing

COUNT = int(os.environ.get("ROLLCALL_BAD_FILES", "30"))
SEED = int(os.environ.get("ROLLCALL_SEED", "7"))
NIGHTS = max(2, COUNT // 250)

NASTY = [
    "inf", "-inf", "nan", "1e18", "1e400", "-1", "0x10", "99999999999999999999999", "\x00", "\x1b[31m", "\u2028", "\ufeff", "\ud7ff",
    "=cmd|' /C calc'!A0", "'; drop table users; --", "a" * 70_000, '"', '""', "\n", "\r\n", ",", ";;;", " ", "\u00a0", "☃" * 300, "NULL",
    "2020-13-45", "0000-00-00", "9999-12-31", "2020-10-01T25:61:61Z", "9999-12-31T23:59:59+14:00", "1999-12-31T23:59:59Z", "true",
    "https://jane%40oak.org/", "http://[::1]:99999/", "https://" + "a." * 200 + "org/", "https://xn--/", "javascript:alert(1)", "mailto:a@b.c",
    "district", "student", "tobedeleted", "S1", "A", "D", "{}", "[[[[", "%s%n", "../../etc/passwd", "KG,KG,KG", "01;02|03",
]  # fmt: skip
NAMES = [
    "{day}.{end}", "roster_{day}.{end}", "usage {day}.{end}", "{day}'quoted'.{end}", 'double"{day}.{end}', "star*[{day}]?.{end}", "line\nfeed{day}.{end}",
    "tab\t{day}.{end}", "esc\x1b[2J{day}.{end}", "{day}\u2028.{end}", "Permission denied {day}.{end}", "No space left on device.{end}", "{long}{day}.{end}",
    "deep/er/{day}.{end}", "2099-09-04.{end}", "2020-02-31.{end}", ".hidden{day}.{end}.{end}", "{day}.{end}.{end}", "-rf {day}.{end}", "~{day}.{end}",
    "$(reboot){day}.{end}", "%00{day}.{end}", "a=b&c={day}.{end}", "日本{day}.{end}", "{day}.", "{day}", "con.{end}", "{raw}{day}.{end}",
]  # fmt: skip


class Maker:
    """Makes bad files: good ones, damaged by chance."""

    def __init__(self, chance: random.Random):
        self.chance = chance

    def _cells(self, text: bytes) -> bytes:
        """A CSV with cells, rows or columns changed."""
        chance = self.chance
        lines = text.decode(errors="replace").splitlines() or [""]
        for _ in range(chance.randint(1, 4)):
            lines = lines or [""]
            at = chance.randrange(len(lines))
            match chance.randrange(7):
                case 0:
                    cells = lines[at].split(",")
                    cells[chance.randrange(len(cells))] = chance.choice(NASTY)
                    lines[at] = ",".join(cells)
                case 1:
                    cells = lines[at].split(",")
                    cells[chance.randrange(len(cells))] = '"' + chance.choice(NASTY).replace('"', '""') + '"'
                    lines[at] = ",".join(cells)
                case 2:
                    lines.insert(at, lines[at])
                case 3:
                    lines[at] = ",".join(chance.sample(lines[at].split(","), len(lines[at].split(","))))
                case 4:
                    lines = [",".join([*line.split(","), chance.choice(["", "x", "1"])]) for line in lines]
                case 5:
                    lines[at] = lines[at][: chance.randrange(len(lines[at]) + 1)]
                case _:
                    lines.pop(at)
        return "\n".join(lines).encode("utf-8", "surrogatepass") + b"\n" * chance.randint(0, 2)

    def _bytes(self, content: bytes) -> bytes:
        """The same bytes, but for some."""
        chance, made = self.chance, bytearray(content)
        for _ in range(chance.randint(1, 6)):
            if not made:
                break
            at = chance.randrange(len(made))
            match chance.randrange(4):
                case 0:
                    made[at] = chance.randrange(256)
                case 1:
                    del made[at : at + chance.randint(1, 200)]
                case 2:
                    made[at:at] = chance.randbytes(chance.randint(1, 30))
                case _:
                    made[at : at + 8] = b"\xff" * 8
        return bytes(made)

    def _zip(self) -> bytes:
        chance = self.chance
        files = roster.good()
        made = roster.texts(files)
        if chance.random() < 0.3:
            made.pop("manifest.csv")
            made["manifest.json"] = chance.choice(
                [b"[" * 50_000, b"{}", b'{"oneroster.version": {"a": []}}', b"\xff\xfe", b"null", b'"x"']
            )
        for name in chance.sample(sorted(made), chance.randint(0, 3)):
            made[name] = self._cells(made[name]) if made[name] else b""
        if chance.random() < 0.2:
            made[
                chance.choice(
                    ["../x.csv", "a/b/users.csv", "Users.csv", "x.exe", "in.zip", "classes .csv", "\u202eusers.csv"]
                )
            ] = b"x"
        stream = io.BytesIO()
        kind = chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
        with zipfile.ZipFile(stream, "w", kind) as archive:
            for name, text in made.items():
                archive.writestr(name, text)
        content = stream.getvalue()
        return self._bytes(content) if chance.random() < 0.5 else content

    def _template(self, folder: Path) -> bytes:
        kind = self.chance.choice(["educators", "students", "members"])
        row = {
            "sis_id": "X1",
            "first_name": "Al",
            "last_name": "Po",
            "email": "al@x.example",
            "role": "teacher",
            "school_name": "A",
            "grade_level": "03",
        }
        keep = set(roster.schema.TEMPLATE_COLUMNS[kind])
        path = roster.template(folder / "t", kind, [{k: v for k, v in row.items() if k in keep}] * 3)
        return self._cells(path.read_bytes())

    def _usage(self, day: date) -> bytes:
        lines = ["occurred_at,user_email,user_id,url,duration_seconds,event_id,collector"]
        lines += [f"{day}T10:00:{n:02d}Z,s{n}@x.example,,https://{n}.example/p,{n}.5,e{n},ext" for n in range(20)]
        return self._cells("\n".join(lines).encode())

    def _parquet(self, folder: Path) -> bytes:
        types = [
            "timestamptz '2020-10-01 10:00:00+00'",
            "1",
            "'2020-10-01T10:00:00Z'",
            "[1, 2]",
            "{'a': 1}",
            "'inf'::double",
            "null",
            "'x'::blob",
            "interval 1 day",
        ]
        columns = [
            f"{self.chance.choice(types)} as {name}"
            for name in roster.schema.USAGE_COLUMNS
            if self.chance.random() < 0.9
        ]
        with duckdb.connect() as connection:
            connection.execute(
                f"copy (select {', '.join(columns or ['1 as a'])} from range(5)) to '{folder / 'p'}' (format parquet)"
            )
        content = (folder / "p").read_bytes()
        return self._bytes(content) if self.chance.random() < 0.5 else content

    def _products(self) -> bytes:
        lines = [
            ",".join(roster.schema.PRODUCT_COLUMNS),
            *(f"p{n},Product {n},Us,https://p{n}.example,K12,,approved," for n in range(8)),
        ]
        return self._cells("\n".join(lines).encode())

    def file(self, folder: Path, day: date) -> tuple[str, bytes]:
        """(the ending of its name, its content)."""
        match self.chance.randrange(9):
            case 0 | 1 | 2:
                return "zip", self._zip()
            case 3:
                return "csv", self._template(folder)
            case 4:
                return "csv", self._usage(day)
            case 5:
                return "csv.gz", self._bytes(gzip.compress(self._usage(day)))
            case 6:
                return "parquet", self._parquet(folder)
            case 7:
                return "csv", self._products()
            case _:
                return self.chance.choice(["csv", "zip", "csv.gz", "parquet", "xlsx", "txt"]), self.chance.choice(
                    [
                        b"",
                        b"\x00" * 100,
                        self.chance.randbytes(500),
                        zlib.compress(b"x"),
                        b"a,b\n" * 3,
                        b"\xff\xfea\x00",
                        b"PK\x05\x06" + b"\0" * 18,
                    ]
                )

    def write(self, folder: Path, scratch: Path, day: date) -> None:
        end, content = self.file(scratch, day)
        raw = os.fsdecode(bytes([0xE9, 0xFF]))
        name = self.chance.choice(NAMES).format(day=day, end=end, long="x" * 200, raw=raw)
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


SETTINGS = [
    b'time_zone = "localtime"', b'time_zone = "Mars/Olympus"', b"\xff\xfe", b"a" * 5000, b"[rules]\nno-such = 'error'", b"x = " + b"[" * 5000, b"[thresholds]\nremoval = nan",
    b"email_domains = 3", b"name = 1", b"[sftp]\nport = 99999999", b"name = 'O\\'Brien", b"time_zone = 'US/Central'\ntime_zone = 'UTC'",
]  # fmt: skip


@pytest.mark.long
def test_hostile_deliveries_hold_nobody_up(house, tmp_path):
    chance = random.Random(SEED)
    maker, scratch = Maker(chance), tmp_path / "scratch"
    scratch.mkdir()
    good = ("ash", "birch")
    day, verdicts = date(2020, 10, 1), {"accepted": 0, "held": 0, "rejected": 0}
    skipped = contained = 0
    for night in range(NIGHTS):
        day += timedelta(days=1)
        for district in good:
            files = roster.good()
            files["users.csv"].append(roster.user(f"N{night}", "student", "B", "05"))
            roster.write(house.landing / district / f"roster_{day}.zip", files)
            rows = [(f"{day}T10:00:00Z", "s1@schools.example", "https://a.example/")]
            roster.usage(house.landing / district / f"usage_{day}.csv", rows)
        for number in range(-(-COUNT // NIGHTS)):
            maker.write(house.landing / f"bad{number % 7}", scratch, day)
        for number in range(7):
            file = house.landing / f"bad{number}" / "district.toml"
            file.unlink(missing_ok=True)
            if night % 2 and number < 3:
                file.write_bytes(chance.choice(SETTINGS))
        done = house.run("refresh", "--json", code=None)
        assert done.returncode in (0, 20), f"exit {done.returncode}: {done.stderr[-2000:]} {done.stdout[-2000:]}"
        run = json.loads(done.stdout)
        assert "Traceback" not in done.stderr + done.stdout
        for delivery in run["deliveries"]:
            if delivery["district_id"] in good:
                assert delivery["verdict"] == "accepted", delivery
            verdicts[delivery["verdict"]] += 1
            if delivery["verdict"] != "accepted":
                assert (Path(delivery["report"]) / "report.html").exists(), delivery
        skipped, contained = skipped + len(run["skipped"]), contained + len(run["contained"])
        days = house.query("select district_id, max(usage_date)::varchar from fct_product_usage group by all")
        assert {(district, str(day)) for district in good} <= set(days)
        assert not landing.claimed(house.settings)
        for command in (("status",), ("status", "--json")):
            told = house.run(*command)
            assert "Traceback" not in told.stdout + told.stderr
            assert not set(told.stdout) & {"\x1b", "\u2028", "\x00", "\x07"}
    print(f"{verdicts}, {skipped} skipped, {contained} contained in {NIGHTS} nights")
    assert verdicts["rejected"] > COUNT / 4
    # The night after that is a normal one.
    run = house.refresh(code=20 if any(landing.scan(house.settings).files) else 0)
    assert all(delivery["verdict"] != "accepted" for delivery in run["deliveries"])
