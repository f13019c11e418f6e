"""Data Docs on demand: the suite of the last delivery of each kind, and that of the published marts. Counts, no values."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from rollcall.settings import Settings


def render(settings: Settings) -> tuple[Path, dict[str, dict[str, int]]]:
    """Runs the suites and writes the pages. The page to open, and by kind how many rows each rule finds."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx

    from rollcall.expectations import audit, deliveries

    folder = settings.build / "data_docs"
    shutil.rmtree(folder, ignore_errors=True)
    context = audit.quiet_context(folder)
    counts: dict[str, dict[str, int]] = {}
    for file in sorted((settings.build / "deliveries").glob("*.duckdb")):
        # Read before Great Expectations has the file: DuckDB opens it in one way at a time.
        tables = deliveries.suite(file)
        source = audit.source(context, f"delivery {file.stem}", file)
        counts[file.stem] = {}
        for table, expected in tables.items():
            batch = source.add_table_asset(table, table_name=table, schema_name="marts")
            made = context.suites.add(
                gx.ExpectationSuite(name=f"delivery of {file.stem}, {table}", expectations=[e for _, e in expected])
            )
            definition = context.validation_definitions.add(
                gx.ValidationDefinition(name=made.name, data=batch.add_batch_definition_whole_table("all"), suite=made)
            )
            checkpoint = context.checkpoints.add(
                gx.Checkpoint(
                    name=made.name, validation_definitions=[definition], result_format={"result_format": "BOOLEAN_ONLY"}
                )
            )
            (result,) = checkpoint.run().run_results.values()
            for (rule_id, _), outcome in zip(expected, result.results, strict=True):
                errors = audit.errors(outcome.exception_info)
                if errors:
                    raise RuntimeError(f"{rule_id} on {table}: {errors[0]}")
                counts[file.stem][rule_id] = counts[file.stem].get(rule_id, 0) + (not outcome.success)
    if settings.pointer.exists():
        audit.validate_marts(context, settings.pointer.resolve())
    context.build_data_docs(site_names=["audit"])
    return folder / "index.html", counts
