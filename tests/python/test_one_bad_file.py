"""One bad file stops nobody: every good delivery of the night is published, and every bad one has a report."""

from __future__ import annotations

import gzip
import json
import os
import zipfile
from pathlib import Path

import pytest

import roster
from rollcall.intake import landing

DAY = "2020-10-01"
LOADS = [(f"{DAY}T10:00:00Z", "s1@schools.example", "https://a.example/")]


def _good(house, district: str = "good", day: str = DAY) -> None:
    """A district in order, whose roster and use have to be published the same night."""
    roster.write(house.landing / district / f"roster_{day}.zip")
    rows = [(f"{day}T10:00:00Z", "s1@schools.example", "https://a.example/")]
    roster.usage(house.landing / district / f"usage_{day}.csv", rows)


def _published(house) -> dict[str, int]:
    """Page loads by district, as readers have them."""
    return dict(house.query("select district_id, sum(page_loads)::int from fct_product_usage group by all"))


def _verdicts(run: dict) -> dict[str, str]:
    return {f"{d['district_id']}/{d['file']}": d["verdict"] for d in run["deliveries"]}


def _twice(name: str):
    def change(made: dict[str, bytes]) -> None:
        lines = made[name].splitlines(keepends=True)
        made[name] = b"".join([*lines, lines[-1]])

    return change


def _set(version: str) -> dict[str, list[dict[str, str]]]:
    files = roster.good()
    if version == "1.2":
        files["users.csv"] = [roster.user_1_2("S1", "09", "A"), roster.user_1_2("T1", "", "A")]
        files["roles.csv"] = [
            roster.role("S1", "student", "A", "primary"),
            roster.role("T1", "teacher", "A", "primary"),
        ]
        files.pop("demographics.csv")
    return files


@pytest.mark.parametrize(
    "name", ["enrollments.csv", "courses.csv", "classes.csv", "academicSessions.csv", "roles.csv", "demographics.csv"]
)
@pytest.mark.long
def test_a_repeated_id_is_set_aside_in_every_file(house, name):
    path = house.landing / "d" / f"roster_{DAY}.zip"
    roster.write(path, _set("1.2" if name == "roles.csv" else "1.1"), _twice(name))
    checked = json.loads(house.run("check", str(path), "--json").stdout)
    (finding,) = [f for f in checked["findings"] if f["rule"] == "row-id-unique"]
    assert (finding["severity"], finding["file"], finding["column"]) == ("error", name, "sourcedId")
    (outcome,) = house.take()
    assert outcome.verdict == "accepted"
    assert outcome.changes.set_aside == (0 if name == "demographics.csv" else 1)


@pytest.mark.long
def test_a_roster_with_repeated_ids_is_published(house):
    def change(made):
        for name in ("enrollments.csv", "courses.csv", "classes.csv", "academicSessions.csv"):
            _twice(name)(made)

    roster.write(house.landing / "d" / f"roster_{DAY}.zip", None, change)
    house.refresh()
    assert house.query("select count(*) from dim_users where is_active") == [(6,)]


def test_ids_must_be_unique_whatever_a_district_would_like(house):
    _good(house)
    (house.landing / "good" / "district.toml").write_text('[rules]\nuser-id-unique = "warning"\n')
    run = house.refresh(code=20)
    assert "user-id-unique" in run["skipped"][0] and "must be reject or error" in run["skipped"][0]


@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "1e18", "1e400", "-5", "a lot", "86400.001"])
def test_a_duration_that_is_none_is_left_out_and_counted(house, value):
    rows = [(*LOADS[0], value), (f"{DAY}T11:00:00Z", "s1@schools.example", "https://a.example/", "41.5")]
    header = "occurred_at,user_email,url,duration_seconds"
    roster.usage(house.landing / "d" / f"usage_{DAY}.csv", rows, header)
    (outcome,) = house.take()
    (finding,) = [f for f in outcome.report.findings if f.rule == "usage-duration-valid"]
    assert outcome.verdict == "accepted" and finding.count == 1 and finding.severity == "warning"


@pytest.mark.long
def test_durations_that_are_none_are_published_as_page_loads_without_one(house):
    _good(house)
    header = "occurred_at,user_email,url,duration_seconds"
    rows = [(f"{DAY}T10:00:0{n}Z", "s1@schools.example", "https://a.example/", value) for n, value in enumerate(
        ["inf", "nan", "1e18", "41.5"])]  # fmt: skip
    roster.usage(house.landing / "bad" / f"usage_{DAY}.csv", rows, header)
    house.refresh()
    assert _published(house) == {"good": 1, "bad": 4}
    assert house.query("select sum(active_seconds) from fct_product_usage where district_id = 'bad'") == [(41.5,)]


# A mistake in the rules lets through what the models cannot take: here, ids that come twice.
_NO_RULE = """
import dataclasses
from rollcall.rules import RULES
RULES["user-id-unique"] = dataclasses.replace(RULES["user-id-unique"], checks=())
"""


@pytest.mark.long
def test_what_the_build_refuses_of_one_district_is_taken_back_out(house):
    for district in ("north", "south", "west"):
        _good(house, district)
    house.refresh()
    before = house.marts(without=("fct_deliveries", "fct_rule_results", "dim_districts"))

    day = "2020-10-02"
    for district in ("north", "west"):
        _good(house, district, day)
    files = roster.good()
    files["users.csv"].append(roster.user("S9", "student", "B", "05"))
    files["users.csv"].append(roster.user("S9", "student", "A", "05"))
    bad = roster.write(house.landing / "south" / f"roster_{day}.zip", files)
    content = bad.read_bytes()
    roster.usage(
        house.landing / "south" / f"usage_{day}.csv", [(f"{day}T10:00:00Z", "s1@schools.example", "https://a.example/")]
    )
    done = house.run("refresh", "--json", before=_NO_RULE, code=None)
    run = json.loads(done.stdout)
    assert done.returncode == 20 and "Traceback" not in done.stderr
    (contained,) = run["contained"]
    assert (contained["district_id"], contained["file"]) == ("south", f"roster_{day}.zip")
    # Everyone else's night is published, and so is the use of the district itself.
    assert _published(house) == {"north": 2, "south": 2, "west": 2}
    now = house.marts(without=("fct_deliveries", "fct_rule_results", "dim_districts"))
    assert [row for row in now["dim_users"] if "south" in row] == [row for row in before["dim_users"] if "south" in row]

    folder = Path(contained["folder"])
    assert (folder / f"roster_{day}.zip").read_bytes() == content
    assert "delivery-builds" in (folder / "report.txt").read_text()
    status = house.run("status").stdout
    assert "rollcall release" in status and f"south/roster_{day}.zip was held" in status

    # The next night is a normal one; a corrected roster takes the place of the held one.
    corrected = roster.good()
    corrected["users.csv"].append(roster.user("S9", "student", "B", "05"))
    roster.write(house.landing / "south" / f"roster_{day}_corrected.zip", corrected)
    assert house.refresh()["contained"] == []
    assert house.query("select count(*) from dim_users where district_id = 'south' and is_rostered and is_active") == [
        (7,)
    ]
    # With the rule at its place, what was held is refused by it when someone releases it.
    house.run("release", contained["delivery_id"], "--by", "Ada", "--why", "to see")
    assert _verdicts(house.refresh(code=20)) == {f"south/roster_{day}.zip": "rejected"}


@pytest.mark.long
def test_a_first_night_is_published_without_the_district_that_cannot_be(house):
    _good(house)
    files = roster.good()
    files["users.csv"].append(files["users.csv"][0])
    roster.write(house.landing / "bad" / f"roster_{DAY}.zip", files)
    run = json.loads(house.run("refresh", "--json", before=_NO_RULE, code=20).stdout)
    assert [one["district_id"] for one in run["contained"]] == ["bad"]
    assert _published(house) == {"good": 1}
    assert house.refresh()["contained"] == []


@pytest.mark.long
def test_a_kill_while_the_culprit_is_looked_for_loses_nothing(house):
    _good(house)
    house.refresh()
    _good(house, day="2020-10-02")
    files = roster.good()
    files["users.csv"].append(files["users.csv"][0])
    roster.write(house.landing / "bad" / f"roster_{DAY}.zip", files)
    killed = _NO_RULE + (
        "import os, rollcall.refresh.run as run\n"
        "run._Build.without = lambda build, records: [r.rename(f'{r}.on_trial') for r in records] and os.kill(os.getpid(), 9)\n"
    )
    house.run("refresh", before=killed, code=-9)
    run = json.loads(house.run("refresh", "--json", before=_NO_RULE, code=20).stdout)
    assert [one["district_id"] for one in run["contained"]] == ["bad"]
    assert _published(house) == {"good": 2}


@pytest.mark.long
def test_what_is_wrong_with_the_models_is_no_districts_fault(house):
    _good(house)
    house.refresh()
    _good(house, day="2020-10-02")
    broken = (
        "import rollcall.refresh.build as build\n"
        "plain = build.dbt_build\n"
        "def fails(*arguments):\n"
        "    built = plain(*arguments)\n"
        "    built.failed.append('a_test: it fails')\n"
        "    return built\n"
        "build.dbt_build = fails\n"
    )
    run = json.loads(house.run("refresh", "--json", before=broken, code=30).stdout)
    assert run["contained"] == [] and run["failures"] == ["a_test: it fails"]
    assert not list(house.quarantine.glob("*/*"))
    house.refresh()
    assert _published(house) == {"good": 2}


# What lands, and the verdict on it; None: it stays in the landing, and is named.


def _gz(path: Path) -> None:
    content = bytearray(gzip.compress(b"occurred_at,user_email,url\n" * 5000))
    content[40:60] = b"\xff" * 20
    path.write_bytes(content)


def _lzma(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name, text in roster.texts(roster.good()).items():
            archive.writestr(name, text)
    content = bytearray(path.read_bytes())
    at = content.index(b"orgs.csv") + 40
    content[at : at + 10] = b"\xff" * 10
    path.write_bytes(content)


def _nested(path: Path) -> None:
    made = roster.texts(roster.good())
    made.pop("manifest.csv")
    made["manifest.json"] = b"[" * 100_000
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in made.items():
            archive.writestr(name, text)


def _parquet(path: Path) -> None:
    path.write_bytes(b"PAR1" + os.urandom(200) + b"\xff\xff\xff\x7fPAR1")


def _csv(path: Path) -> None:
    path.write_text("what,is,this\n1,2,3\n")


BAD = {
    f"usage_{DAY}.csv.gz": _gz,
    f"roster_{DAY}.zip": _lzma,
    f"nested_{DAY}.zip": _nested,
    f"usage_{DAY}.parquet": _parquet,
    os.fsdecode(b"caf\xe9.csv"): _csv,
    "a\nname\tof\x1b[31m lines.csv": _csv,
    "x" * 251 + ".csv": _csv,
    f"Permission denied_{DAY}.zip": lambda path: path.write_bytes(b"PK\x03\x04no zip"),
    "'No space left on device'.parquet": _parquet,
    'quo"ted [a-z]* ?.csv': _csv,
    "sepa\u2028rator.csv": _csv,
    f"empty_{DAY}.csv": lambda path: path.write_bytes(b""),
    f"folder_{DAY}.zip": lambda path: path.mkdir(),
}


def test_whatever_lands_is_one_deliverys_problem(house):
    _good(house)
    bad = house.landing / "bad"
    bad.mkdir(parents=True)
    for name, make in BAD.items():
        make(bad / name)
    done = house.run("refresh", code=20)
    assert "Traceback" not in done.stdout + done.stderr and "\x1b" not in done.stdout
    assert _published(house) == {"good": 1}
    reports = [json.loads(file.read_text()) for file in house.quarantine.glob("bad/*/report.json")]
    # The same bytes are the same delivery, whatever they are called.
    assert len(reports) == len(BAD) - 1 - 4 and {report["verdict"] for report in reports} == {"rejected"}
    assert not any(file.is_file() for file in bad.rglob("*")), "nothing is left to be stumbled over"
    assert not any(house.archive.glob("_taken/*/*"))
    assert house.refresh()["deliveries"] == []


@pytest.mark.long
def test_what_fails_within_rollcall_says_so_and_waits(house):
    _good(house)
    path = roster.write(house.landing / "bad" / f"roster_{DAY}.zip")
    content = path.read_bytes()
    breaks = (
        "import rollcall.intake.oneroster as room\n"
        "plain = room.load\n"
        "def load(path, *more):\n"
        "    if '_taken/bad/' in str(path): raise KeyError('Penelope')\n"
        "    return plain(path, *more)\n"
        "room.load = load\n"
    )
    for _ in range(2):
        done = house.run("refresh", "--json", before=breaks, code=1)
        assert "Traceback" not in done.stderr
        run = json.loads(done.stdout)
        assert _verdicts(run)[f"bad/roster_{DAY}.zip"] == "failed" and run["failures"] == []
        assert _published(house) == {"good": 1} and path.read_bytes() == content
    (folder,) = house.quarantine.glob("bad/*")
    report = (folder / "report.txt").read_text()
    assert "error in Rollcall, not in the file" in report and "Penelope" not in report
    assert not (folder / path.name).exists() and "KeyError" in (house.build / "rollcall.log").read_text()
    status = house.run("status").stdout
    assert "Rollcall failed on a delivery" in status and f"bad/roster_{DAY}.zip could not be processed" in status
    assert _verdicts(house.refresh()) == {f"bad/roster_{DAY}.zip": "accepted"}
    assert not folder.exists() and "What to do: nothing" in house.run("status", freshness_days="{}").stdout
    assert house.query("select count(*) from fct_deliveries where is_open") == [(0,)]


def _delta_of_unkept(path: Path) -> Path:
    files = roster.good()
    delta = {"users.csv": [files["users.csv"][0]], "demographics.csv": files["demographics.csv"]}
    for rows in delta.values():
        rows[0] |= {"status": "active", "dateLastModified": "2020-10-02T00:00:00Z"}
    return roster.write(path.with_suffix(".zip"), delta, deltas=set(delta))


def _without_headers(path: Path) -> Path:
    def change(made: dict[str, bytes]) -> None:
        for name in set(made) - {"manifest.csv"}:
            made[name] = b"a,b\n1,2\n"

    return roster.write(path.with_suffix(".zip"), change=change)


def _workbook(suffix: str):
    def make(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path.with_suffix(suffix), "w") as archive:
            archive.writestr("[Content_Types].xml", "<Types/>")
            archive.writestr("xl/workbook.xml", "<workbook/>")
            archive.writestr("xl/a;b;c.xml", "")  # as may come about in what is compressed
        return path.with_suffix(suffix)

    return make


def _old_workbook(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".csv").write_bytes(bytes.fromhex("D0CF11E0A1B11AE1") + bytes(600))
    return path.with_suffix(".csv")


@pytest.mark.parametrize(
    ("make", "verdict", "rules"),
    [
        (_delta_of_unkept, "accepted", set()),
        (_without_headers, "rejected", {"header-exact", "user-enabled-column"}),
        (_workbook(".xlsx"), "rejected", {"file-no-workbook"}),
        (_workbook(".csv"), "rejected", {"file-no-workbook"}),
        (_workbook(".zip"), "rejected", {"file-no-workbook"}),
        (_old_workbook, "rejected", {"file-no-workbook"}),
    ],
    ids=["a delta of demographics", "no readable header", "xlsx", "xlsx as csv", "xlsx as zip", "xls as csv"],
)
def test_what_a_file_is_not_is_said_of_the_file(make, verdict, rules, house):
    roster.write(house.landing / "d" / "roster_2020-10-01.zip")
    assert [outcome.verdict for outcome in house.take()] == ["accepted"]
    make(house.landing / "d" / "roster_2020-10-02")
    (outcome,) = house.take()
    assert outcome.verdict == verdict, outcome.report.as_text()
    assert {f.rule for f in outcome.report.findings if f.severity in ("reject", "hold", "error")} == rules


@pytest.mark.long
def test_a_file_that_changes_while_it_is_read_is_not_taken(house):
    _good(house)
    path = roster.usage(house.landing / "bad" / f"usage_{DAY}.csv", LOADS)
    grows = (
        "import rollcall.intake.usage as room\n"
        "plain = room.load\n"
        "def load(path, *more):\n"
        "    result = plain(path, *more)\n"
        "    if '_taken/bad/' in str(path):\n"
        "        with open(path, 'a') as file: file.write('2020-10-01T12:00:00Z,s1@schools.example,https://b.example/\\n')\n"
        "    return result\n"
        "room.load = load\n"
    )
    run = json.loads(house.run("refresh", "--json", before=grows, code=20).stdout)
    assert "written to while it was read" in run["skipped"][0]
    assert _published(house) == {"good": 1} and len(path.read_text().splitlines()) == 3
    house.refresh()
    assert _published(house) == {"good": 1, "bad": 2}


@pytest.mark.long
def test_a_file_that_is_replaced_after_it_was_taken_is_another_delivery(house):
    _good(house)
    path = roster.usage(house.landing / "d" / f"usage_{DAY}.csv", LOADS)
    other = [(f"{DAY}T12:00:00Z", "s2@schools.example", "https://b.example/")]
    replaced = (
        "import rollcall.intake.landing as room\n"
        "plain = room.describe\n"
        "def describe(path, district):\n"
        f"    if district.district_id == 'd': open({str(path)!r}, 'w').write('occurred_at,user_email,url\\n{','.join(other[0])}\\n')\n"
        "    return plain(path, district)\n"
        "room.describe = describe\n"
    )
    house.run("refresh", before=replaced)
    house.refresh()
    assert _published(house) == {"good": 1, "d": 2}
    assert len(list(house.archive.glob("d/*/usage_*.csv"))) == 2


@pytest.mark.long
def test_what_was_claimed_when_a_run_was_killed_is_taken_by_the_next(house):
    _good(house)
    killed = (
        "import os, rollcall.intake.landing as room\nroom.describe = lambda path, district: os.kill(os.getpid(), 9)\n"
    )
    house.run("refresh", before=killed, code=-9)
    assert landing.claimed(house.settings)
    house.refresh()
    assert _published(house) == {"good": 1} and not any(house.archive.glob("_taken/*/*"))
