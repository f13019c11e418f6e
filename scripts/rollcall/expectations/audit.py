"""The audit of a candidate: Great Expectations asks its suites of the finished file, read-only, as a reader would.

Import through `start.audit`, which imports Great Expectations first. Of a candidate that fails Data Docs are written; those of a published
version `rollcall status --open` makes when someone asks for them.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import great_expectations as gx
from great_expectations.core import ExpectationSuiteValidationResult

from rollcall import logs
from rollcall.errors import RollcallError, is_of_the_disk
from rollcall.expectations import context, duckdb_engine, marts
from rollcall.settings import Settings

_MOST = 5  # sentences on one drift


@dataclass(frozen=True)
class Failure:
    """One expectation that a candidate did not meet."""

    mart: str
    expectation: str
    observed: str


@dataclass(frozen=True)
class Found:
    """What a candidate fails, what has drifted since the version before, and how many expectations were asked."""

    failures: list[Failure]
    drift: list[Failure]
    asked: int


def audit(settings: Settings, before: Path | None) -> Found:
    """Asks all suites of the candidate beside the file of the version before, and closes both.

    RollcallError when the audit itself fails, such as on a candidate that cannot be opened.
    """
    docs, made = settings.build / "data_docs", context.quiet()
    shutil.rmtree(docs, ignore_errors=True)
    try:
        results = validate_marts(made, marts.suites(before is not None), settings.candidate, before)
        found = _judged(made, results)
    except Exception as error:
        if is_of_the_disk(error):
            raise
        logs.event("the audit broke off", traceback=logs.traceback_of(error))
        raise RollcallError(
            f"the audit itself failed ({type(error).__name__}; the traceback is in rollcall.log of the build folder). Nothing was published"
        ) from error
    finally:
        duckdb_engine.close()
    if found.failures:
        context.write_docs(results, docs)  # counts, and no values of people
    return found


def validate_marts(
    made, suites: dict[str, list], candidate: Path, before: Path | None = None
) -> list[ExpectationSuiteValidationResult]:
    """Asks suites of the marts, by mart, of a candidate beside the version before; the results by suite."""
    duckdb_engine.BufferedDuckDBDialect.before = before
    file, results = context.source(made, "candidate", candidate), []
    for mart, expectations in suites.items():
        batch = file.add_table_asset(mart, table_name=mart, schema_name="marts").add_batch_definition_whole_table("all")
        suite = gx.ExpectationSuite(name=mart, expectations=expectations)
        # Not by a checkpoint, as in the gate.
        results.append(batch.get_batch().validate(suite, result_format={"result_format": "BASIC"}))
    return results


def _judged(made, results: list[ExpectationSuiteValidationResult]) -> Found:
    """What the results say, of a candidate in a context."""
    failures: list[Failure] = []
    drift: list[Failure] = []
    asked = 0
    for result in results:
        for outcome in result.results:
            asked += 1
            if not outcome.success:
                config = outcome.expectation_config
                broken = context.errors(outcome.exception_info)
                observed = (
                    broken[0]
                    if broken
                    else {key: value for key, value in outcome.result.items() if not isinstance(value, list | dict)}
                )
                column = config.kwargs.get("column")
                is_drift = config.severity == "warning" and not broken
                if is_drift:
                    observed = "; ".join(
                        _sentences(made, config.to_domain_obj().unexpected_rows_query, result.suite_name)
                    )
                said = config.description or f"{config.type}{f' on {column}' if column else ''}"
                (drift if is_drift else failures).append(Failure(result.suite_name, said, str(observed)))
    return Found(failures, drift, asked)


def _sentences(made, query: str, mart: str) -> list[str]:
    """What has drifted: each row that was found says so."""
    with made.data_sources.get("candidate").get_execution_engine().get_connection() as connection:
        rows = connection.exec_driver_sql(query.format(batch=f"marts.{mart}")).fetchall()
    return [said for (said,) in rows[:_MOST]] + ([f"and {len(rows) - _MOST} more"] if len(rows) > _MOST else [])
