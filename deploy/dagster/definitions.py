"""Rollcall for those who run Dagster: `pip install 'rollcall[dagster]'`, then `dagster dev -f deploy/dagster/definitions.py`.

The steps of one refresh as assets: `landing` (what was collected), `lake` (what was accepted), every dbt model, and
`published` (the version that readers have). dbt's tests and the audit are asset checks. One operation does all of it, under
the refresh's own lock, since a refresh is one thing: nothing is published by halves because a step was run alone.
"""

import json
from collections.abc import Iterator

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject

from rollcall.intake.fetch import fetch
from rollcall.paths import PROJECT
from rollcall.refresh.lock import refresh_lock
from rollcall.refresh.run import Run, refresh
from rollcall.settings import Settings
from rollcall.watch.afterwards import alerting

LANDING, LAKE, PUBLISHED = (dg.AssetKey(["rollcall", name]) for name in ("landing", "lake", "published"))

project = DbtProject(project_dir=PROJECT, profiles_dir=PROJECT)
_sources = [file for folder in ("models", "macros", "seeds", "tests") for file in (PROJECT / folder).rglob("*.*")]
_changed_at = max(file.stat().st_mtime for file in [PROJECT / "dbt_project.yml", *_sources])
if not project.manifest_path.exists() or project.manifest_path.stat().st_mtime < _changed_at:
    project.preparer.prepare(project)
manifest = json.loads(project.manifest_path.read_text("utf-8"))
translator = DagsterDbtTranslator()

# A model is an asset unless it is part of another's SQL; a seed changes with the code.
MODELS = {
    unique_id: node
    for unique_id, node in manifest["nodes"].items()
    if node["resource_type"] in ("model", "seed") and node["config"]["materialized"] != "ephemeral"
}
KEYS = {unique_id: translator.get_asset_key(node) for unique_id, node in MODELS.items()}
# A test reports on the model it is attached to; one that compares several, on what is published.
TESTS = {
    unique_id: (KEYS.get(node.get("attached_node"), PUBLISHED), node["name"])
    for unique_id, node in manifest["nodes"].items()
    if node["resource_type"] == "test"
}


def _parents(unique_id: str) -> set[dg.AssetKey]:
    found: set[dg.AssetKey] = set()
    for parent in manifest["parent_map"].get(unique_id, []):
        found |= {KEYS[parent]} if parent in KEYS else _parents(parent)
    return found


SPECS = [
    dg.AssetSpec(LANDING, description="Files that districts sent, and those that were collected."),
    dg.AssetSpec(LAKE, deps=[LANDING], description="The accepted deliveries: the system of record."),
    *(
        dg.AssetSpec(
            KEYS[unique_id],
            deps=_parents(unique_id) or {LAKE},
            description=node["description"],
            group_name=node["fqn"][1] if len(node["fqn"]) > 2 else "seeds",
            kinds={"dbt", "duckdb"},
        )
        for unique_id, node in MODELS.items()
    ),
    dg.AssetSpec(
        PUBLISHED,
        deps=[KEYS[unique_id] for unique_id, node in MODELS.items() if node["fqn"][1] == "marts"],
        description="The version that readers have.",
    ),
]
AUDIT = dg.AssetCheckSpec("audit", asset=PUBLISHED, description="What Great Expectations asks of a candidate.")


@dg.multi_asset(
    name="rollcall_refresh",
    specs=SPECS,
    check_specs=[AUDIT, *(dg.AssetCheckSpec(name, asset=key) for key, name in TESTS.values())],
    can_subset=True,
    pool="rollcall",
)
def rollcall_refresh(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """One refresh. Assets that are not selected are refreshed too, and not reported."""

    def say(doing: str, done: int = 0, total: int | None = None) -> None:
        if not total:
            context.log.info(doing)

    settings = Settings()
    collected = fetch(settings, None, say)
    with refresh_lock(settings), alerting(settings):
        run = refresh(settings, say)
    for event in _events(run, [name for one in collected for name in one.files]):
        if isinstance(event, dg.AssetCheckResult):
            is_selected = dg.AssetCheckKey(event.asset_key, event.check_name) in context.selected_asset_check_keys
        else:
            is_selected = event.asset_key in context.selected_asset_keys
        if is_selected:
            yield event
    errors = [f"{one.district_id}: {one.error}" for one in collected if one.error]
    if run.failures or errors:
        raise dg.Failure("; ".join(run.failures + errors), allow_retries=False)


def _events(run: Run, collected: list[str]) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """What a refresh has done, as Dagster's events. Nothing new, no event."""
    if collected:
        yield dg.MaterializeResult(asset_key=LANDING, metadata={"collected": collected})
    if run.outcomes:
        verdicts = {outcome.delivery.name: outcome.verdict for outcome in run.outcomes}
        yield dg.MaterializeResult(asset_key=LAKE, metadata={"deliveries": verdicts, **run.counts})
    for node in run.nodes:
        if node.unique_id in KEYS and node.status == "success":
            yield dg.MaterializeResult(asset_key=KEYS[node.unique_id], metadata={"seconds": node.seconds})
        elif node.unique_id in TESTS and node.status != "skipped":
            key, name = TESTS[node.unique_id]
            severity = dg.AssetCheckSeverity.WARN if node.status == "warn" else dg.AssetCheckSeverity.ERROR
            yield dg.AssetCheckResult(
                asset_key=key, check_name=name, passed=node.status == "pass", severity=severity,
                metadata={"message": node.message or ""},
            )  # fmt: skip
    if "audit" in run.seconds:
        yield dg.AssetCheckResult(
            asset_key=PUBLISHED, check_name=AUDIT.name, passed=not run.failures,
            metadata={"asked": run.asked, "failures": run.failures, "drift": run.drift},
        )  # fmt: skip
    if "publish" in run.seconds:
        yield dg.MaterializeResult(asset_key=PUBLISHED, metadata={"version": run.version, **run.figures})


nightly = dg.define_asset_job("rollcall_nightly", selection=dg.AssetSelection.all())
defs = dg.Definitions(
    assets=[rollcall_refresh],
    jobs=[nightly],
    schedules=[dg.ScheduleDefinition(job=nightly, cron_schedule="0 2 * * *")],
)
