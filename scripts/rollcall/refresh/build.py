"""`dbt build` in this process, on the private build files."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field

from rollcall import logs
from rollcall.paths import PROJECT
from rollcall.settings import Settings


@dataclass(frozen=True)
class Node:
    """What became of one dbt node: its status as dbt says it, and the seconds it took."""

    unique_id: str
    status: str
    seconds: float
    message: str | None


@dataclass
class Built:
    """How the build went: each node, what failed, whether only tests did, and the queries of the rows that those found."""

    nodes: list[Node] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    only_tests_failed: bool = True
    failing_rows: list[str] = field(default_factory=list)


def export(settings: Settings) -> None:
    """Tells dbt, through the environment that `profiles.yml` reads, where the rooms are.

    From here, so that rooms which have moved together need not be parsed again: dbt compares these paths with the last ones.
    """
    for name in ("lake", "build"):
        os.environ[f"ROLLCALL_{name.upper()}"] = os.path.relpath(getattr(settings, name))
    os.environ["ROLLCALL_MEMORY_LIMIT"] = settings.memory_limit


def dbt_build(settings: Settings, say: Callable[[str, int, int | None], None]) -> Built:
    """Builds and tests the candidate. Unit tests test logic, not data: they are for `dbt build` and the tests."""
    export(settings)
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    built, done, total = Built(), 0, None

    def follow(event) -> None:
        nonlocal done, total
        if event.info.name == "ConcurrencyLine":
            total = event.data.node_count
        elif event.info.name == "NodeFinished":
            done += 1
            say("building", done, total)

    # dbt's graph of objects is large and stays: looking through it for garbage again and again takes a tenth of a build.
    gc.disable()
    try:
        result = dbtRunner(callbacks=[follow]).invoke(_arguments(settings))
    finally:
        gc.enable()
    # dbt-duckdb keeps the file open until the process ends; the audit needs it now.
    DuckDBConnectionManager.close_all_connections()
    shutil.rmtree(settings.build / "spill", ignore_errors=True)
    if result.exception:
        raise result.exception
    for node in result.result.results:
        built.nodes.append(Node(node.node.unique_id, str(node.status), node.execution_time, node.message))
        if node.status in ("error", "fail", "runtime error"):
            lines = (node.message or "").strip().splitlines()
            built.failed.append(f"{node.node.name}: {logs.without_values(' '.join(lines[:3]))}")
            is_test = node.node.resource_type == "test"
            built.only_tests_failed &= is_test
            if is_test and node.node.compiled_code:
                built.failing_rows.append(node.node.compiled_code)
    return built


def _arguments(settings: Settings) -> list[str]:
    return [
        "build",
        "--exclude-resource-type=unit_test",
        # A refresh tests what readers get: grain and keys of the marts, and that they add up to what was delivered. Tests of
        # what the marts are made of say the same earlier. Seeds and constants change with the code, not with the data.
        # `dbt build` alone, and with it CI, runs all.
        "--exclude",
        "test_type:data,path:seeds",
        "test_type:data,path:models/staging",
        "test_type:data,path:models/intermediate",
        "test_name:accepted_values",
        f"--project-dir={PROJECT}",
        f"--profiles-dir={PROJECT}",
        f"--target-path={settings.build / 'target'}",
        f"--log-path={settings.build / 'logs'}",
        "--log-level=none",
        "--log-level-file=warn",
        "--no-write-json",
        "--no-use-colors",
    ]
