"""A private house for each test: its own landing, lake, build and warehouse, reached through the public command."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

import warm
from rollcall.districts import District
from rollcall.intake import lake, landing, take
from rollcall.intake.take import Outcome
from rollcall.settings import Settings

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOMS = ("landing", "archive", "lake", "build", "warehouse", "quarantine", "rules", "state")


_parsed: dict[str, Path] = {}


@dataclass
class House:
    """Rooms below one folder, and the `rollcall` command pointed at them."""

    root: Path

    def __getattr__(self, name: str) -> Path:
        if name in ROOMS:
            return self.root / name
        raise AttributeError(name)

    @property
    def environment(self) -> dict[str, str]:
        rooms = {f"ROLLCALL_{name.upper()}": str(self.root / name) for name in ROOMS}
        return os.environ | rooms | {"ROLLCALL_SETTLE_SECONDS": "0"}

    def start(self, *arguments: str, before: str = "", **settings: str) -> warm.Command:
        """Starts `rollcall`, with these settings (`ROLLCALL_` in front); see `warm.start`."""
        # Not where another account runs it, or with other rooms: they would not find what they expect.
        is_at_home = not settings.keys() & set(ROOMS) and "account" not in before
        if arguments[:1] in (("refresh",), ("backfill",)) and is_at_home:
            self._parse_once()
        more = {f"ROLLCALL_{name.upper()}": value for name, value in settings.items()}
        return warm.start(arguments, self.environment | more, self.root, before)

    def _parse_once(self) -> None:
        """Gives a new house what dbt has parsed of the project in an older one, which saves four seconds of its first build."""
        mine = self.build / "target" / "partial_parse.msgpack"
        if mine.exists():
            _parsed.setdefault("file", mine)
        elif (theirs := _parsed.get("file")) and theirs.exists():
            mine.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(theirs, mine)

    def run(self, *arguments: str, code: int | None = 0, **more: str) -> subprocess.CompletedProcess[str]:
        """Runs `rollcall` as a user would, and expects its exit code (any, if None)."""
        done = self.start(*arguments, **more).wait()
        assert code is None or done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def refresh(self, *arguments: str, code: int | None = 0) -> dict:
        done = self.run("refresh", "--json", *arguments, code=None)
        run = json.loads(done.stdout) if done.stdout else {}
        told = [(d["district_id"], d["file"]) for d in run.get("deliveries", []) if d["verdict"] != "accepted"]
        assert code in (None, done.returncode), f"exit {done.returncode}: {run.get('failures')} {told} {done.stderr}"
        return run

    @property
    def settings(self) -> Settings:
        return Settings(**{name: self.root / name for name in ROOMS}, settle_seconds=0)

    def take(self) -> list[Outcome]:
        """The intake alone, in this process: what lies in the landing goes to the lake, in order, and nothing is built."""
        settings = self.settings
        lake.prepare(settings)
        found = landing.scan(settings)
        districts = {folder: District.load(folder, self.settings.rules) for folder in found.folders}
        described = [
            landing.describe(file, districts[settings.landing / file.relative_to(settings.landing).parts[0]])
            for file in found.files
        ]
        return [take.take(each, settings) for each in sorted(described, key=lambda delivery: delivery.order)]

    def query(self, sql: str) -> list[tuple]:
        with duckdb.connect(str(self.root / "warehouse" / "rollcall.duckdb"), read_only=True) as connection:
            connection.execute("use marts")
            return connection.execute(sql).fetchall()

    def marts(self, without: tuple[str, ...] = ()) -> dict[str, list[tuple]]:
        """Every row of every mart, but for the runs, which are of their house alone."""
        names = {name for (name,) in self.query("select table_name from duckdb_tables() where schema_name = 'marts'")}
        return {
            name: sorted(self.query(f"select * from {name}"), key=repr)
            for name in sorted(names - {"fct_refresh_runs", *without})
        }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture(scope="session")
def session_house(tmp_path_factory: pytest.TempPathFactory):
    return lambda name: House(tmp_path_factory.mktemp(name))


@pytest.fixture(scope="module")
def browser():
    # Imported here: most tests need no browser.
    from playwright.sync_api import sync_playwright

    import programs

    program = programs.chromium()
    assert program, "these tests need Chromium, which `make test` gets"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
                  "--disable-component-update", "--disable-sync"],
        )  # fmt: skip
        yield browser
        browser.close()


@contextmanager
def opening(browser, address: str, **more) -> Iterator[Page]:
    """A page whose console must stay free of errors, and which must ask nobody but the dashboard."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, accept_downloads=True, **more)
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    # The console says that something failed, not what.
    page.on(
        "response", lambda answer: problems.append(f"{answer.status} {answer.url}") if answer.status >= 500 else None
    )
    page.on(
        "request",
        lambda request: None if request.url.startswith((address, "data:", "blob:")) else problems.append(request.url),
    )
    yield page
    context.close()
    assert not problems
