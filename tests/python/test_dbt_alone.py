"""`dbt build` and `dbt docs generate` stand alone: from the root, with no flags, on whatever is in the lake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import roster
import warm
from rollcall.paths import PROJECT


def dbt(house, *arguments: str, cwd: Path = PROJECT, **more: str) -> str:
    """Runs dbt, from the root on the rooms of a house, or from the house, where the rooms are found without being named."""
    named = house.environment if cwd == PROJECT else os.environ
    environment = named | {"DBT_TARGET_PATH": str(house.root / "target"), "DBT_LOG_PATH": str(house.root / "logs")}
    command = [str(Path(sys.executable).with_name("dbt")), "--no-use-colors", *arguments]
    done = subprocess.run(command, env=environment | more, cwd=cwd, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    return done.stdout


@pytest.mark.long
def test_dbt_build_alone_works_with_all_its_unit_tests_on_an_empty_lake(house):
    told = dbt(house, "build")
    assert "unit tests" in told and "ERROR=0" in told
    dbt(house, "docs", "generate")
    assert (house.root / "target" / "catalog.json").stat().st_size > 10_000


@pytest.mark.long
def test_a_first_build_goes_on_from_what_was_parsed_when_the_project_was_installed(house):
    command = [str(Path(sys.executable).with_name("dbt")), "--quiet", "parse"]  # as the Makefile does
    subprocess.run(command, cwd=PROJECT, check=True)
    roster.write(house.landing / "oak" / "roster_2020-10-01.zip")
    # Not through the house, which has a way of its own to save the time.
    assert warm.start(("refresh",), house.environment, house.root).wait().returncode == 0
    parsed = json.loads((house.build / "target" / "perf_info.json").read_text())
    assert parsed["path_count"] > 100 and sum(project["parsed_path_count"] for project in parsed["projects"]) == 0
