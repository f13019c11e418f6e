"""What the gate and the audit need of Great Expectations: a context, a data source, and what went wrong in an expectation."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import great_expectations as gx
from great_expectations.core import ExpectationSuiteValidationResult, RunIdentifier
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.data_context.types.resource_identifiers import (
    ExpectationSuiteIdentifier,
    ValidationResultIdentifier,
)

from rollcall.expectations import duckdb_engine

SITE = "rollcall"


def quiet():
    """An ephemeral context without progress bars."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def write_docs(results: Iterable[ExpectationSuiteValidationResult], folder: Path) -> Path:
    """Renders results as Data Docs. The page to open."""
    made = quiet()
    made.add_data_docs_site(
        SITE,
        {
            "class_name": "SiteBuilder",
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(folder).replace("$", "\\$"),
            },
        },
    )
    for result in results:
        key = ValidationResultIdentifier(
            expectation_suite_identifier=ExpectationSuiteIdentifier(result.suite_name),
            run_id=RunIdentifier(run_name="rollcall"),
            batch_identifier=result.suite_name,
        )
        made.validation_results_store.add(key=key, value=result)
    made.build_data_docs(site_names=[SITE])
    return folder / "index.html"


def source(context, name: str, file: Path):
    """A DuckDB file, read-only, as a data source."""
    return context.data_sources.add_sql(
        name,
        connection_string=duckdb_engine.connection_string(file),
        create_temp_table=False,
        kwargs=duckdb_engine.READ_ONLY,
    )


def errors(exception_info: dict) -> list[str]:
    """What went wrong in an expectation itself. Great Expectations has one exception a metric, or the only one directly."""
    infos = [exception_info] if "exception_message" in exception_info else list(exception_info.values())
    return [info["exception_message"] for info in infos if isinstance(info, dict) and info.get("exception_message")]
