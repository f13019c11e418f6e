"""Versions on Spark: what a killed driver leaves, and a start from a version of DuckDB. `make test-spark-full`."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from history import first, further_day, late_roster
from houses import House

from rollcall.engines import marts, spark
from rollcall.errors import RollcallError
from rollcall.refresh.run import Say

pytestmark = pytest.mark.skipif(os.environ.get("ROLLCALL_SPARK_STEPS") != "all", reason="make test-spark-full")

KILLED_BEFORE_THE_POINTER = """
import os, signal
from rollcall.refresh import publish
publish.publish = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from rollcall.cli import main
main()
"""


def _java() -> int:
    """The process in which Spark's driver runs."""
    return spark.running().sparkContext._gateway.proc.pid


def _midway(happens: Callable[[int], None]) -> Say:
    """Does something to Spark's process when a third of the build is done."""
    done_so_far = []

    def say(doing: str, done: int = 0, total: int | None = None) -> None:
        if doing == "building" and total and done == total // 3 and not done_so_far:
            done_so_far.append(done)
            happens(_java())

    return say


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("versions"))
    first(house)
    house.refresh("duckdb")
    yield house
    spark.stop()


def test_a_version_of_duckdb_is_no_start_and_a_killed_driver_leaves_readers_what_they_had(house):
    """One history, since each build takes a minute."""
    # The published file is DuckDB's: Spark has no tag of it, and builds from the whole lake.
    house.rooms("spark")["warehouse"].parent.mkdir(parents=True)
    house.rooms("duckdb")["warehouse"].rename(house.rooms("spark")["warehouse"])
    house.rooms("duckdb")["build"].rename(house.rooms("spark")["build"])
    further_day(house)
    run = house.refresh("spark")
    assert run.version == run.run_id and not run.mended
    second = house.pointer("spark").resolve()
    tags = marts._tags(spark.running())
    assert {frozenset(names) for names in tags.values()} == {frozenset({f"v{run.run_id}"})}

    # Killed between the tags and the pointer: readers have the old version, and the next run goes on from it.
    spark.stop()
    late_roster(house)
    dead = subprocess.run(
        [sys.executable, "-c", KILLED_BEFORE_THE_POINTER, "refresh"],
        env=house.environment("spark"), cwd=house.root, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert dead.returncode == -9, dead.stderr
    assert house.pointer("spark").resolve() == second
    session = spark.session(house.settings("spark"))
    assert all(len(names) == 2 for names in marts._tags(session).values())

    # The catalog's disk is full: the process of Spark may write no file of more than a few bytes.
    def full(process: int) -> None:
        resource.prlimit(process, resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))

    with pytest.raises(RollcallError, match=r"^the disk refused: (No space|File too large).*Nothing was published"):
        house.refresh("spark", say=_midway(full))
    resource.prlimit(_java(), resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert house.pointer("spark").resolve() == second

    # Spark itself is killed in mid-build.
    with pytest.raises(spark.NoSpark, match=r"^Spark ended during the build. Nothing was published"):
        house.refresh("spark", say=_midway(lambda process: os.kill(process, signal.SIGKILL)))
    assert house.pointer("spark").resolve() == second

    run = house.refresh("spark")
    assert run.version == run.run_id and not run.mended
    kept = {f"v{run.run_id}", f"v{second.stem}"}
    assert all(names == kept for names in marts._tags(spark.running()).values())
    assert house.refresh("duckdb").version
    assert house.differences() == {}
