"""`dbt build` in this process, on the private build files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import duckdb

from rollcall import logs
from rollcall.engines import marts, spark
from rollcall.files import quote
from rollcall.garbage import uncollected
from rollcall.paths import PROJECT
from rollcall.settings import Settings

SELECTION = [
    "--exclude-resource-type=unit_test",
    "--exclude-resource-type=exposure",
    # A test is left out for where it is defined, and not for what it mentions: nearly all tests of the marts mention a scope.
    "--indirect-selection=empty",
    "--exclude=tag:left_out",  # of leave_out and _carry_over: dbt would take longer to find them by their paths
]


def leave_out(manifest: Any) -> None:
    """Marks, in this process's memory alone, the tests that a refresh leaves out.

    It tests what came in (staging) and what readers get (marts, and that they add up to what was delivered). What lies between, the
    seeds and the constants change with the code, not with the data, and whether the keys of the facts lead somewhere is what the
    audit asks of the whole file. `dbt build`, and so CI, tests all.
    """
    for node in manifest.nodes.values():
        asks = node.test_metadata.name if getattr(node, "test_metadata", None) else ""
        is_of_code = node.original_file_path.startswith(("seeds/", "models/intermediate/", "tests/config/"))
        is_of_a_fact = PurePath(node.original_file_path).name.startswith("fct_")
        if node.resource_type == "test" and (
            is_of_code or asks == "accepted_values" or (asks.startswith("relationships") and is_of_a_fact)
        ):
            node.tags.append("left_out")


@dataclass(frozen=True)
class Node:
    """What became of one dbt node: its status and its message as dbt says them, without values, and the seconds it took."""

    unique_id: str
    status: str
    seconds: float
    message: str | None

    @property
    def is_failed(self) -> bool:
        return self.status in ("error", "fail", "runtime error")


@dataclass
class Built:
    """How the build went: each node, what failed, whether only tests did, and the queries of the rows that those found.

    `rosters` are the tables of the work file that a build may leave out. `lacks_rosters` says that it did, though a district's
    rosters are in scope: then what it has made is not right.
    """

    nodes: list[Node] = field(default_factory=list)
    rosters: list[str] = field(default_factory=list)
    lacks_rosters: bool = False
    failed: list[str] = field(default_factory=list)
    only_tests_failed: bool = True
    failing_rows: list[str] = field(default_factory=list)


def export(settings: Settings) -> None:
    """Tells dbt, through the environment that `profiles.yml` reads, where the rooms are.

    From here, so that rooms which have moved together need not be parsed again: dbt compares these paths with the last ones. What is as
    when nothing is set is not set either, since dbt takes the two for different: so it goes on from what `dbt parse` left in the project.
    """
    said = {name: os.path.relpath(getattr(settings, name)) for name in ("lake", "build")}
    for name, value in (said | {"memory_limit": settings.memory_limit}).items():
        os.environ.pop(f"ROLLCALL_{name.upper()}", None)
        if value != str(Settings.model_fields[name].default):
            os.environ[f"ROLLCALL_{name.upper()}"] = value


def import_dbt() -> None:
    """Imports dbt, which takes more than a second."""
    import dbt.cli.main  # noqa: F401


# What `dbt parse` has left when the project was installed. dbt itself compares it with the files, the settings and its own version.
_INSTALLED = PROJECT / "target" / "partial_parse.msgpack"


def parse(settings: Settings) -> Any:
    """The manifest of the project, for a build to come: dbt parses what has changed since it last did."""
    from dbt.cli.main import dbtRunner

    from rollcall.refresh.events import without_debug

    without_debug()
    kept = settings.build / "target" / "partial_parse.msgpack"
    if not kept.exists() and os.access(_INSTALLED, os.R_OK):
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_INSTALLED, kept)
    result = dbtRunner().invoke(["parse", *_flags(settings)])
    if result.exception and kept.exists():
        # It may be of a later release, from which someone has gone back: dbt stumbles over what it does not find any more.
        kept.unlink()
        result = dbtRunner().invoke(["parse", *_flags(settings)])
    if result.exception:
        raise result.exception
    leave_out(result.result)
    return result.result


def dbt_build(
    settings: Settings,
    say: Callable[[str, int, int | None], None],
    base: str | None = None,
    manifest: Any = None,
    has_rosters: bool = True,
) -> Built:
    """Builds and tests the candidate. Unit tests test logic, not data: they are for `dbt build` and the tests.

    Without `has_rosters`, the models of the rosters are left out, which rarely change unless a roster came. On Spark, `base` is the
    version to go on from; without one, or where Spark does not have it, the build is a full one.
    """
    export(settings)
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    manifest = manifest or parse(settings)
    rosters = _rosters(manifest)
    arguments, is_without_rosters = [*SELECTION], False
    built = Built(rosters=sorted(f"{node.schema}.{node.name}" for node in rosters if node.database == "work"))
    if settings.engine == "duckdb" and settings.work.exists():
        # publish.start_candidate has put it there: with the seeds, and the tables of the rosters without rows.
        arguments += ["--exclude-resource-type=seed"]
        is_without_rosters = not has_rosters
        if is_without_rosters:
            _carry_over(manifest, rosters)
    workers: set[str] = set()
    if settings.engine == "spark":
        if not marts.start(settings, base):
            base = None
        arguments += [] if base else ["--full-refresh"]

    done, total = 0, None

    def follow(event) -> None:
        nonlocal done, total
        if event.info.name == "ConcurrencyLine":
            total = event.data.node_count
        elif event.info.name == "NodeFinished":
            done += 1
            if settings.engine == "spark":
                workers.update(spark.workers())
            say("building", done, total)

    results = _invoke(settings, manifest, ["build", *arguments], built, [follow])
    # dbt-duckdb keeps the file open until the process ends; the audit needs it now.
    DuckDBConnectionManager.close_all_connections()
    shutil.rmtree(settings.build / "spill", ignore_errors=True)
    if is_without_rosters and any(node.unique_id == _SCOPE and node.status == "success" for node in built.nodes):
        try:
            built.lacks_rosters = _has_rosters_in_scope(settings)
        except duckdb.Error:  # of a damaged candidate, with which the build has failed already
            if not built.failed:
                raise
    if settings.engine == "spark" and built.failed:
        spark.must_be_alive()
    if settings.engine == "spark" and (lost := workers - spark.workers()):
        logs.event("workers were lost", workers=sorted(lost), tasks="done again by others")
    if settings.engine == "spark" and not built.failed:
        read = marts.unload(settings, _marts(results), base)
        logs.event("marts unloaded", base=base, bytes_read=sum(read.values()))
    return built


def _invoke(settings: Settings, manifest: Any, arguments: list[str], built: Built, callbacks: Iterable = ()) -> list:
    """Runs a command of dbt, notes what became of its nodes, and returns dbt's results. Raises what broke it off."""
    from dbt.cli.main import dbtRunner

    # dbt's graph of objects is large and stays: looking through it for garbage again and again takes a tenth of a build.
    with uncollected():
        result = dbtRunner(manifest, callbacks=list(callbacks)).invoke([*arguments, *_flags(settings)])
    if result.exception:
        raise result.exception
    for node in result.result.results:
        message = spark.cause(node.message or "") if settings.engine == "spark" else node.message or ""
        said = logs.without_values(message).strip()
        built.nodes.append(Node(node.node.unique_id, str(node.status), node.execution_time, said or None))
        if built.nodes[-1].is_failed:
            built.failed.append(f"{node.node.name}: {' '.join(said.splitlines()[:3])}")
            is_test = node.node.resource_type == "test"
            built.only_tests_failed &= is_test
            if is_test and node.node.compiled_code:
                built.failing_rows.append(node.node.compiled_code)
    return list(result.result.results)


_SCOPE = "model.rollcall.int_increments__roster_scope"


def _rosters(manifest: Any) -> list[Any]:
    """The models that say the same as before unless a district's rosters are in scope: after the scope, and not after what is used."""
    manifest.build_parent_and_child_maps()
    daily = [
        node.unique_id
        for node in manifest.nodes.values()
        if node.original_file_path.startswith(("models/staging/extension/", "models/staging/inventory/"))
    ]
    carried_over = _reached(manifest.child_map, _SCOPE) - _reached(manifest.child_map, *daily)
    return [
        node
        for node in map(manifest.nodes.get, carried_over)
        if node and node.resource_type == "model" and node.config.materialized != "ephemeral"
    ]


def _reached(edges: Mapping[str, Iterable[str]], *starts: str) -> set[str]:
    """All that edges of the graph lead to, one after the other."""
    found: set[str] = set()
    left = list(starts)
    while left:
        new = set(edges.get(left.pop(), ())) - found
        found |= new
        left += new
    return found


def _has_rosters_in_scope(settings: Settings) -> bool:
    _, ((is_any,),) = answer(settings, f"select bool_or(is_in_scope) from work.intermediate.{_SCOPE.split('.')[-1]}")
    return bool(is_any)


def _carry_over(manifest: Any, rosters: list[Any]) -> None:
    """Marks what a build leaves out when no district is in scope: the rosters, the marts that are made of seeds alone, and their tests."""
    as_before = {node.unique_id for node in rosters}
    before = _reached(manifest.parent_map, _SCOPE)
    for node in manifest.nodes.values():
        parents = manifest.parent_map[node.unique_id]
        if node.resource_type == "model" and parents and all(one.startswith("seed.") for one in parents):
            as_before.add(node.unique_id)
    for node in manifest.nodes.values():
        of_models = {one for one in manifest.parent_map[node.unique_id] if one.startswith("model.")}
        # Of the scope, a test says something of the rosters in it, and there are none.
        is_of_nothing_new = of_models & as_before and (_SCOPE in of_models or of_models <= as_before | before)
        if node.unique_id in as_before or (node.resource_type == "test" and is_of_nothing_new):
            node.tags.append("left_out")


def _marts(results: Iterable[Any]) -> dict[str, marts.Mart]:
    """The marts among the nodes of a build, as their contracts say them."""
    found = {}
    for node in (one.node for one in results):
        if node.resource_type == "model" and node.schema == "marts":
            columns = (
                marts.Column(
                    column.name,
                    column.data_type,
                    any(constraint.type == "not_null" for constraint in column.constraints),
                    column.description,
                )
                for column in node.columns.values()
            )
            laid_down_by = tuple(node.config.get("laid_down_by") or ())
            found[node.name] = marts.Mart(node.name, node.description, tuple(columns), laid_down_by)
    return found


def answer(settings: Settings, query: str) -> tuple[list[str], list[tuple]]:
    """The names of the columns and the rows of a query of what this build has made."""
    if settings.engine == "spark":
        return spark.answer(query)
    with duckdb.connect(str(settings.candidate), read_only=True) as connection:
        connection.execute(f"attach {quote(settings.work)} as work (read_only)")
        cursor = connection.execute(query)
        return [column[0] for column in cursor.description], cursor.fetchall()


def _flags(settings: Settings) -> list[str]:
    return [
        f"--project-dir={PROJECT}",
        f"--profiles-dir={PROJECT}",
        # DuckDB is the default: naming it would have dbt parse all again for whoever does not name it.
        *(["--target=spark"] if settings.engine == "spark" else []),
        f"--target-path={settings.build / 'target'}",
        f"--log-path={settings.build / 'logs'}",
        # What it would write down of a failure may quote a row; `_invoke` notes what became of each node.
        "--log-level=none",
        "--log-level-file=none",
        "--no-write-json",
        "--no-use-colors",
    ]
