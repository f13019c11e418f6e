"""A district or a delivery is named exactly as it exists: whatever else is typed changes nothing anywhere."""

from __future__ import annotations

import json
import string
from pathlib import Path

import pytest
from typer.testing import CliRunner

import roster
from rollcall.cli import app
from rollcall.errors import RollcallError
from rollcall.intake import districts, lake
from rollcall.refresh import alerted, ledger

# What a shell, a script or a person might hand over instead of a district's name. `oak` and `elm` are there.
_SHAPES = (
    "*",
    "?",
    "[",
    "]",
    "o*",
    "*k",
    "o?k",
    "[o]ak",
    "[a-z]*",
    "**",
    "**/*",
    "{oak,elm}",
    "oak*",
    "o[!x]k",
    "[!_]*",
)
_PATHS = (
    ".", "..", "../", "./", "/", "//", "~", "./oak", "oak/", "oak//", "oak/.", "oak/..", "../oak", "../landing/oak", "oak/../elm",
    "/etc", "/tmp", "../..", "../../..", "oak/upload", "landing/oak", "lake", "../lake", "../archive", "../outside", "district_id=oak",
    ".incoming-oak", ".purging.json", "deliveries", "versions", "oak\\..\\elm", "C:\\oak", "file:///oak", "oak\x00", "oak/\x00",
)  # fmt: skip
_BLANKS = (
    "",
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "\u00a0",
    "\u2028",
    "\u200b",
    "\ufeff",
    "oak ",
    " oak",
    "oak\n",
    "\toak",
    "o ak",
    "oak\u200b",
)
_LIKE = (
    "OAK", "Oak", "oa", "ak", "o", "k", "oakk", "oakdal", "0ak", "оak", "oаk", "ｏak", "oak.", ".oak", "_oak", "-oak", "oak-", "oak,elm",
    "oak elm", "oak;elm", "oak|elm", "oak&elm", "oak+elm", "oak--", "oak--2026", "oak=elm", "elm=oak", "%6fak", "oak%20", "oak%2f..",
    "all", "any", "none", "null", "None", "NULL", "true", "0", "1", "-1", "_", "_empty", "~empty", "_fetched", "_by_hand", "_default",
)  # fmt: skip
_INJECTED = (
    "oak'", "oak\"", "oak'--", "' or '1'='1", "oak' or 'a'='a", "'; drop table dim_districts; --", "oak\";", "$(rm -rf .)", "`id`", "$HOME",
    "${oak}", "$oak", "oak;rm -rf *", "oak && true", "oak | cat", "oak > elm", "oak\\", "\\", "\\oak", "oak\\*", "(oak)", "^oak$", "oak$", "^",
    ".*", "o.k", "oak|elm", "(?i)oak", "o+ak", "[[:alpha:]]*", "%", "o%", "_ak", "o_k", "%%", "oak\x1b[2J", "\x1b]0;oak\x07", "\u202eoak",
    "oak\x7f", "oak\x9b", "\ud800", "é", "💥", "o\u0308ak", "x" * 255, "x" * 5000, "../" * 50, "*" * 300, "[" * 300, "?" * 3, "--", "--yes",
)  # fmt: skip
_MARKS = [name for mark in string.punctuation for name in (f"oak{mark}", f"{mark}oak")]
NOT_THERE = [*dict.fromkeys((*_SHAPES, *_PATHS, *_BLANKS, *_LIKE, *_INJECTED, *_MARKS))]
WHO = ("--by", "Ada", "--why", "asked")
MEMBER = ("--email", "ada@d.example", "--first-name", "Ada", "--last-name", "Byron")


def _bytes(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in sorted(folder.rglob("*"))
        if "build" not in path.relative_to(folder).parts and path.name not in (".lock", ".last_run.json")
    }


def _people(students: int) -> dict[str, list[dict[str, str]]]:
    files = roster.good()
    files["users.csv"] += [roster.user(f"N{n}", "student", "A", "03") for n in range(students)]
    return files


@pytest.fixture(scope="module")
def two(session_house):
    """Two districts in every room, each with a held delivery and a file that no refresh has taken yet; one of them in landing only."""
    house = session_house("names")
    for name in ("oak", "oakdale"):
        roster.write(house.landing / name / "roster_2020-10-01.zip", _people(60))
        (house.landing / name / "letter.csv").write_text("dear,sir\n")
    house.refresh(code=20)
    for name in ("oak", "oakdale"):
        roster.write(house.landing / name / "roster_2020-10-02.zip")
    assert [outcome.verdict for outcome in house.take()] == ["held", "held"]
    for name in ("oak", "oakdale", "elm"):
        roster.usage(
            house.landing / name / "usage_2020-10-03.csv",
            [("2020-10-03T09:00:00Z", "s1@d.example", "https://a.example")],
        )
    (house.root / "outside").mkdir()
    (house.root / "outside" / "precious").write_text("not Rollcall's")
    return house


def _run(house, *arguments: str, said: str | None = None):
    environment = {name: value for name, value in house.environment.items() if name.startswith("ROLLCALL_")}
    return CliRunner().invoke(app, list(arguments), env=environment, input=said)


@pytest.mark.parametrize(
    "command",
    [
        ("purge", "--yes", *WHO, "--district"),
        ("members", "add", *MEMBER, "--district"),
        ("members", "remove", *MEMBER[:2], "--district"),
        ("fetch", "--district"),
        ("release", *WHO, "--"),
        ("discard", *WHO, "--"),
        ("withdraw", *WHO, "--"),
        ("check", "/dev/null", "--district"),
        ("rollback", "--"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
@pytest.mark.long
def test_what_is_no_name_changes_nothing(command, two):
    before = _bytes(two.root)
    for name in NOT_THERE:
        done = _run(two, *command, name)
        assert done.exit_code and isinstance(done.exception, RollcallError | SystemExit), (name, done.exception)
    assert len(NOT_THERE) > 200 and _bytes(two.root) == before


def test_days_that_are_none_change_nothing(two):
    before = _bytes(two.root)
    for name in NOT_THERE:
        done = _run(two, "backfill", "--", name, "2020-10-02")
        assert done.exit_code == 2, (name, done.exception)
    assert _bytes(two.root) == before


def test_a_held_delivery_is_named_by_its_id_its_file_or_a_beginning_with_the_date(two):
    before = _bytes(two.root)
    both = _run(two, "release", *WHO, "roster_2020-10-02.zip")
    assert "names several held deliveries" in str(both.exception)
    for name in ("2", "2020", "2020-10", "oak", "oak/", "oak/2", "oakdale/", "oakdale/20"):
        assert "names no held or refused delivery" in str(_run(two, "discard", *WHO, name).exception), name
    assert _bytes(two.root) == before
    assert _run(two, "release", *WHO, "oak/2020-10-02-oneroster").exit_code == 0
    (note,) = [path for path in _bytes(two.root) if path not in before]
    assert note.startswith("quarantine/oak/") and note.endswith("release.json")
    (two.root / note).unlink()


def test_a_purge_waits_for_the_name_to_be_typed(two):
    before = _bytes(two.root)
    for said in ("\n", "y\n", "yes\n", "oakdale\n", "OAK\n", "oak \n", "elm\n", "*\n", ""):
        done = _run(two, "purge", *WHO, "--district", "oak", said=said)
        assert done.exit_code and not done.stdout.startswith("Purged"), said
    assert _bytes(two.root) == before
    assert _run(two, "purge", "--yes", "--district", "oak").exit_code == 2, "who asks for it, and why, is recorded"


def test_a_folder_that_is_a_link_is_never_followed(two):
    link = two.landing / "linked"
    link.symlink_to(two.root / "outside")
    hand = two.landing / "elm" / "_by_hand"
    hand.symlink_to("../oak")
    before = _bytes(two.root)
    assert "is a link to" in str(_run(two, "purge", "--yes", *WHO, "--district", "linked").exception)
    assert "is a link" in str(_run(two, "members", "add", *MEMBER, "--district", "elm").exception)
    assert _bytes(two.root) == before
    link.unlink()
    hand.unlink()


def _others(house, district_id: str) -> dict[str, bytes]:
    """What is of another district: its folders, and its lines of the marts."""
    rooms = ("landing", "archive", "quarantine", "lake", "outside")
    return {
        path: content
        for path, content in _bytes(house.root).items()
        if path.startswith(rooms)
        and ".incoming-" not in path
        and not path.endswith((f"/{district_id}", f"={district_id}", "runs.jsonl"))
        and f"/{district_id}/" not in path
        and f"={district_id}/" not in path
    }


def _marts_of_others(house) -> dict[str, list]:
    """Rows of `oakdale`; deliveries are left out, since those that were taken since the last version come with the next."""
    marts = [
        mart
        for (mart,) in house.query("select table_name from duckdb_columns() where column_name = 'district_id'")
        if mart not in ("fct_deliveries", "fct_rule_results")
    ]
    return {
        mart: sorted(house.query(f"select * from {mart} where district_id = 'oakdale'"), key=repr) for mart in marts
    }


@pytest.mark.long
def test_a_purge_takes_its_district_and_nothing_else(two):
    """`elm` is in no mart, `oak` is the beginning of `oakdale`; both still have files that no refresh has taken."""
    settings = two.settings
    alerted.write(settings, {"smtp": {"delivery/oak/usage": "1", "delivery/oakdale/usage": "2", "fetch/oak": "3"}})
    (settings.lake / ".incoming-oak--2020-10-09-usage-1").mkdir()
    (settings.lake / ".incoming-elm--oak--2020-10-09-usage-1").mkdir()
    ledger.append(
        settings,
        ledger.read(settings)[0][0] | {"run_id": "20201001T000000000Z", "deliveries": [], "repeated": ["oak/a.csv", "oakdale/a.csv"], "skipped": ["oak/b: no", "elms/oak b: no"],
         "failures": ["m: of oak (and oakdale)"], "drift": [], "mended": []},
    )  # fmt: skip
    version = settings.pointer.resolve()

    others, marts = _others(two, "elm"), two.marts()
    done = _run(two, "purge", "--json", *WHO, "--district", "elm", said="elm\n")
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["is_clean"] and report["removed"]["landing_files"] == 1
    assert (settings.lake / ".incoming-elm--oak--2020-10-09-usage-1").is_dir(), "of a district `elm--oak`"
    assert settings.pointer.resolve() == version and two.marts() == marts and _others(two, "elm") == others

    others, marts = _others(two, "oak"), _marts_of_others(two)
    done = two.run("purge", "--json", *WHO, "--yes", "--district", "oak")
    report = json.loads(done.stdout)
    assert report["is_clean"] and set(report["checks"].values()) == {0} and report["removed"]["quarantine_files"] > 5
    assert _others(two, "oak") == others and _marts_of_others(two) == marts
    assert districts.known(settings) == {"oakdale"}
    assert alerted.read(settings) == {"smtp": {"delivery/oakdale/usage": "2"}}
    run = next(run for run in ledger.read(settings)[0] if run["run_id"] == "20201001T000000000Z")
    assert run["repeated"] == ["oakdale/a.csv"] and run["skipped"] == ["elms/oak b: no"]
    assert run["failures"] == ["m: of [purged] (and oakdale)"]
    assert len(lake.records(settings)) == len(lake.records(settings, "oakdale")) > 1
    assert lake.records(settings, "*") == lake.records(settings, "oak*") == []
