"""The audit of a candidate, in a process of its own: `python -m rollcall.expectations.audit`.

Great Expectations takes seconds to import, which this process spends while dbt builds. It then waits for one line of JSON, the
paths of the candidate and of the version before, and answers with one line of JSON. Of a candidate that fails it writes Data Docs after
that; those of a published version `rollcall status --open` makes when someone asks for them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rollcall.errors import RollcallError
from rollcall.expectations.start import great_expectations
from rollcall.settings import Settings

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult

_MOST = 5  # sentences on one drift


@dataclass(frozen=True)
class Failure:
    """One expectation that a candidate did not meet."""

    mart: str
    expectation: str
    observed: str


class Auditor:
    """The audit process, started early and asked late."""

    def __init__(self, settings: Settings):
        self._docs = settings.build / "data_docs"
        self._log = (settings.build / "audit.log").open("w")
        self._is_asked = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", "rollcall.expectations.audit", str(self._docs)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def audit(self, candidate: Path, before: Path | None) -> tuple[list[Failure], list[Failure], int]:
        """What the candidate fails, what has drifted since the version before, and how many expectations were asked.

        Read-only.
        """
        self._is_asked = True
        question = json.dumps([str(candidate), str(before) if before else None])
        with suppress(BrokenPipeError):  # it has ended already, and gives no answer
            print(question, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer.strip():
            raise RollcallError(f"the audit itself failed; its log is {self._log.name}")
        result = json.loads(answer)
        failures, warnings = ([Failure(**one) for one in result[name]] for name in ("failures", "warnings"))
        return failures, warnings, result["asked"]

    def stop(self) -> None:
        """Ends a process that was never asked; one that was may have Data Docs to write and ends by itself."""
        if not self._is_asked:
            self._process.kill()
        self._process.wait()
        self._log.close()


def validate_marts(
    made, suites: dict[str, list], candidate: Path, before: Path | None = None
) -> list[ExpectationSuiteValidationResult]:
    """Asks suites of the marts, by mart, of a candidate beside the version before; the results by suite."""
    from rollcall.expectations import context, duckdb_engine

    gx = great_expectations()

    duckdb_engine.BufferedDuckDBDialect.before = before
    file, results = context.source(made, "candidate", candidate), []
    for mart, expectations in suites.items():
        batch = file.add_table_asset(mart, table_name=mart, schema_name="marts").add_batch_definition_whole_table("all")
        suite = gx.ExpectationSuite(name=mart, expectations=expectations)
        # Not by a checkpoint, as in the gate.
        results.append(batch.get_batch().validate(suite, result_format={"result_format": "BASIC"}))
    return results


def judged(made, results: list[ExpectationSuiteValidationResult]) -> dict[str, object]:
    """What the results say, of a candidate in a context: failures, drift, and how many expectations were asked."""
    from rollcall.expectations import context

    failures, warnings, asked = [], [], 0
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
                (warnings if is_drift else failures).append(
                    {
                        "mart": result.suite_name,
                        "expectation": config.description or f"{config.type}{f' on {column}' if column else ''}",
                        "observed": str(observed),
                    }
                )
    return {"failures": failures, "warnings": warnings, "asked": asked}


def _sentences(made, query: str, mart: str) -> list[str]:
    """What has drifted: each row that was found says so."""
    with made.data_sources.get("candidate").get_execution_engine().get_connection() as connection:
        rows = connection.exec_driver_sql(query.format(batch=f"marts.{mart}")).fetchall()
    return [said for (said,) in rows[:_MOST]] + ([f"and {len(rows) - _MOST} more"] if len(rows) > _MOST else [])


def main() -> None:
    docs = Path(sys.argv[1])
    answers, sys.stdout = sys.stdout, sys.stderr  # a library that prints must not garble the answer
    great_expectations()  # what takes long is done before the question comes
    from rollcall.expectations import context, marts

    made = context.quiet()
    if question := sys.stdin.readline().strip():
        candidate, before = json.loads(question)
        results = validate_marts(
            made, marts.suites(before is not None), Path(candidate), Path(before) if before else None
        )
        found = judged(made, results)
        print(json.dumps(found), file=answers, flush=True)
        shutil.rmtree(docs, ignore_errors=True)
        if found["failures"]:
            context.write_docs(results, docs)  # counts, and no values of people
    sys.stderr.flush()
    os._exit(0)  # without taking Great Expectations apart, for which the command would wait


if __name__ == "__main__":
    main()
