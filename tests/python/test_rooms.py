"""The folders themselves: odd paths to them, odd names in them, and rooms on different disks."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

import roster
from conftest import House, free_port
from rollcall.expectations.docs import pages, render
from rollcall.intake import landing
from rollcall.paths import PROJECT
from rollcall.settings import Settings

pytestmark = pytest.mark.long

ODD = 'it\'s [a-z] "room" 100%25 of ${HOME} $USER {x} (1) & more; ünï'


def deliver(house: House, district: str = "oak", day: str = "2020-10-01") -> None:
    roster.write(house.landing / district / f"roster_{day}.zip")
    roster.usage(
        house.landing / district / f"usage_{day}.csv",
        [(f"{day}T09:00:00Z", "s1@schools.example", "https://a.example")],
    )


def test_rooms_work_in_folders_with_odd_names(tmp_path):
    """Intake, dbt, audit, publishing, increments, Data Docs and the dashboard."""
    house = House(tmp_path / ODD)
    house.root.mkdir()
    deliver(house)
    (house.landing / "oak" / "products.csv").write_text(
        "product_id,product_name,provider,url,sector,essential_function,product_status,privacy_status\n"
        "P1,Oak,,https://oak.example/x;https://oak.example,,,approved,\n"
    )
    run = house.refresh()
    assert run["published"] and not run["drift"]
    deliver(house, day="2020-10-02")
    assert house.refresh()["mended"] == [], "the increment was not built on the version before"
    assert house.query("select sum(page_loads)::int, count(distinct usage_date) from fct_usage_days") == [(2, 2)]
    assert "Nothing new" in house.run("refresh").stdout
    assert house.refresh("--full")["published"]
    assert render(house.settings).exists() and pages(house.settings)
    port = free_port()
    served = house.start("dashboard", "--port", str(port))
    try:
        assert "a.example" in _page(port)
    finally:
        served.kill()
        served.wait()
    assert house.run("purge", "--district", "oak", "--by", "Ada", "--why", "test", "--yes").returncode == 0
    assert not list(house.lake.rglob("district_id=oak"))


def _page(port: int) -> str:
    """What the dashboard shows once its grid has rows."""
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
                break
        except OSError:
            time.sleep(0.1)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=["--no-sandbox"]
        )
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for_selector(".ag-row", timeout=30_000)
        text = page.inner_text("body")
        browser.close()
    return text


@pytest.mark.parametrize("name", ["a=b", "new\nline", "what?", "a#b", "a*b", "bell\x07", "back\\slash", "\udcff"])
def test_a_room_whose_path_cannot_work_is_refused_before_anything_is_done(house, name):
    done = house.run("refresh", code=2, lake=str(house.root / name / "lake"))
    assert done.stderr.startswith("rollcall: ROLLCALL_LAKE: ") and "cannot have" in done.stderr
    assert len(done.stderr.splitlines()) == 1 and not house.build.exists()


REFUSED = [
    b"o'brien", b"a=b", b"a%20b", b"q?m", b"st*r", b"[ab]", b"new\nline", b"caf\xe9", b"_oak", b"...", b"..oak",
    b"oak.", b"oak ", b" oak", b"x" * 101, b'say "oak"', b"semi;colon", b"esc\x1b[31m", b"\xe2\x80\xaeoak",
]  # fmt: skip
USABLE = ["oak", "Oak Hill", "0012", "2020-10-01", "oak.ridge", "école", "a--b", "x" * 100, "true", "null", "Oak-"]


def test_a_landing_folder_that_cannot_be_a_district_is_named_and_the_others_go_on(house):
    for name in REFUSED:
        roster.write(house.landing / os.fsdecode(name) / "roster_2020-10-01.zip")
    for name in USABLE:
        deliver(house, name)
    (house.landing / "lost+found").mkdir()
    (house.landing / ".snapshots").mkdir()
    run = house.refresh(code=20)
    # Those with a dot in front are hidden, like a hidden file.
    said = [name for name in REFUSED if not name.startswith(b".")]
    assert len(run["skipped"]) == len(said), run["skipped"]
    assert all(words.isprintable() and "a district's folder is named with" in words for words in run["skipped"])
    assert {d["district_id"] for d in run["deliveries"]} == set(USABLE)
    assert {d for (d,) in house.query("select district_id from dim_districts")} == set(USABLE)
    problems = [p["what"] for p in json.loads(house.run("status", "--json").stdout)["problems"]]
    assert len([what for what in problems if "a district's folder is named" in what]) == len(said)
    assert house.run("status").stdout
    for name in REFUSED:
        assert [file.name for file in (house.landing / os.fsdecode(name)).iterdir()] == ["roster_2020-10-01.zip"]
    # The next night is the same, and an increment of each of these districts works.
    for name in USABLE:
        deliver(house, name, "2020-10-02")
    house.refresh(code=20)
    loads = house.query("select district_id, sum(page_loads)::int from fct_usage_days group by 1")
    assert dict(loads) == dict.fromkeys(USABLE, 2)


def test_the_names_are_checked_in_one_place():
    assert all(landing.is_usable_name(name) for name in USABLE)
    assert not any(landing.is_usable_name(os.fsdecode(name)) for name in REFUSED)
    assert not any(landing.is_usable_name(name) for name in ("", ".", "..", "/", "a/b"))


@pytest.fixture
def other_disk(tmp_path):
    folder = Path(tempfile.mkdtemp(prefix="rollcall-test-", dir="/dev/shm"))
    assert folder.stat().st_dev != tmp_path.stat().st_dev, "this test needs a second file system in /dev/shm"
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("rooms", [["build"], ["warehouse", "archive", "quarantine"]], ids="-".join)
def test_rooms_may_be_on_another_disk(house, other_disk, rooms):
    deliver(house)
    (house.landing / "oak" / "letter.csv").write_text("dear,sir\n")
    for room in rooms:
        (other_disk / room).mkdir()
        house.root.joinpath(room).symlink_to(other_disk / room)
    first = house.refresh(code=20)["published"]
    deliver(house, day="2020-10-02")
    second = house.refresh()["published"]
    assert first < second and house.query("select sum(page_loads)::int from fct_usage_days") == [(2,)]
    versions = {file.name for file in (house.warehouse / "versions").iterdir()}
    assert versions == {f"{version}.{kind}" for version in (first, second) for kind in ("duckdb", "json")}
    assert not (house.build / "candidate.duckdb").exists()
    house.run("rollback")
    assert house.query("select sum(page_loads)::int from fct_usage_days") == [(1,)]


def test_a_publish_to_another_disk_that_breaks_off_is_invisible(house, other_disk):
    deliver(house)
    house.root.joinpath("build").symlink_to(other_disk)
    first = house.refresh()["published"]
    deliver(house, day="2020-10-02")
    # Killed between the copy and its rename.
    before = (
        "from rollcall import files as landing\nimport os, signal\nreal = landing.fsync\n"
        "def fsync(path):\n    real(path)\n    if path.suffix == '.part': os.kill(os.getpid(), signal.SIGKILL)\n"
        "landing.fsync = fsync\n"
    )
    assert house.run("refresh", code=None, before=before).returncode == -9
    assert list((house.warehouse / "versions").glob("*.part")), "it was not killed on the way"
    assert json.loads(house.run("status", "--json").stdout)["published"]["version"] == first
    assert house.refresh()["published"] > first
    assert not list((house.warehouse / "versions").glob("*.part"))
    assert house.query("select sum(page_loads)::int from fct_usage_days") == [(2,)]


def test_every_limit_is_in_the_operations_page():
    page = (PROJECT / "docs" / "operations.md").read_text("utf-8")
    limits = [name for name in Settings.model_fields if name.endswith(("_max_bytes", "_max"))]
    assert len(limits) == 7 and all(f"`ROLLCALL_{name.upper()}`" in page for name in limits)
