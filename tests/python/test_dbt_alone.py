"""`dbt build` and `dbt docs generate` stand alone: from the root, with no flags, on whatever is in the lake."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rollcall.paths import PROJECT


def dbt(house, *arguments: str, cwd: Path = PROJECT, **more: str) -> str:
    environment = house.environment | {
        "DBT_TARGET_PATH": str(house.root / "target"),
        "DBT_LOG_PATH": str(house.root / "logs"),
    }
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
