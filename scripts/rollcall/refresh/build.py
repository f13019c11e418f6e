"""`dbt build` in this process, on the private build files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field

from rollcall.settings import PROJECT, Settings


@dataclass
class Built:
    """How the build went: what failed, and whether only tests did."""

    nodes: int = 0
    failed: list[str] = field(default_factory=list)
    only_tests_failed: bool = True


def export(settings: Settings) -> None:
    """Tells dbt, through the environment that `profiles.yml` reads, where the rooms are."""
    for name in ("lake", "build"):
        os.environ[f"ROLLCALL_{name.upper()}"] = str(getattr(settings, name))
    os.environ["ROLLCALL_MEMORY_LIMIT"] = settings.memory_limit


def dbt_build(settings: Settings, say: Callable[[str, int, int | None], None]) -> Built:
    """Builds and tests the candidate. Unit tests test logic, not data: they are for `dbt build` and the tests."""
    export(settings)
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    built, total = Built(), None

    def follow(event) -> None:
        nonlocal total
        if event.info.name == "ConcurrencyLine":
            total = event.data.node_count
        elif event.info.name == "NodeFinished":
            built.nodes += 1
            say("building", built.nodes, total)

    result = dbtRunner(callbacks=[follow]).invoke(
        [
            "build",
            "--exclude-resource-type=unit_test",
            # Seeds change with the code, not with the data.
            "--exclude=test_type:data,path:seeds",
            f"--project-dir={PROJECT}",
            f"--profiles-dir={PROJECT}",
            f"--target-path={settings.build / 'target'}",
            f"--log-path={settings.build / 'logs'}",
            "--log-level=none",
            "--log-level-file=info",
            "--no-write-json",
            "--no-use-colors",
        ]
    )
    # dbt-duckdb keeps the file open until the process ends; the audit needs it now.
    DuckDBConnectionManager.close_all_connections()
    shutil.rmtree(settings.build / "spill", ignore_errors=True)
    if result.exception:
        raise result.exception
    for node in result.result.results:
        if node.status in ("error", "fail", "runtime error"):
            words = (node.message or "").strip().splitlines()
            built.failed.append(f"{node.node.name}: {' '.join(words[:3])}")
            built.only_tests_failed &= node.node.resource_type == "test"
    return built
