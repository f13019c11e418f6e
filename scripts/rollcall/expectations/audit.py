"""The audit of a candidate, in a process of its own: `python -m rollcall.expectations.audit`.

Great Expectations takes seconds to import, which this process spends while dbt builds. It then waits for one line of JSON, the
paths of the candidate and of the version before, answers with one line of JSON, and writes the Data Docs.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rollcall.errors import RollcallError
from rollcall.settings import Settings


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
        answer, _ = self._process.communicate(json.dumps([str(candidate), str(before) if before else None]) + "\n")
        self._log.close()
        if self._process.returncode or not answer.strip():
            raise RollcallError(f"the audit itself broke off; its words are in {self._log.name}")
        result = json.loads(answer.strip().splitlines()[-1])
        failures, warnings = ([Failure(**told) for told in result[name]] for name in ("failures", "warnings"))
        return failures, warnings, result["asked"]

    def stop(self) -> None:
        """Ends a process that is no longer needed; harmless after `audit`."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._log.close()


def errors(exception_info: dict) -> list[str]:
    """What went wrong in an expectation itself. Great Expectations has one exception a metric, or the only one directly."""
    infos = [exception_info] if "exception_message" in exception_info else list(exception_info.values())
    return [info["exception_message"] for info in infos if isinstance(info, dict) and info.get("exception_message")]


def quiet_context(docs: Path):
    """An ephemeral context without progress bars, whose Data Docs go to a folder."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    context.add_data_docs_site(
        "audit",
        {
            "class_name": "SiteBuilder",
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            # What follows a dollar sign would be replaced.
            "store_backend": {
                "class_name": "TupleFilesystemStoreBackend",
                "base_directory": str(docs).replace("$", "\\$"),
            },
        },
    )
    return context


def source(context, name: str, file: Path):
    """A DuckDB file, read-only, as a data source."""
    from rollcall.expectations import duckdb_engine

    return context.data_sources.add_sql(
        name,
        connection_string=duckdb_engine.connection_string(file),
        create_temp_table=False,
        kwargs=duckdb_engine.READ_ONLY,
    )


def validate_marts(context, candidate: Path, before: Path | None = None):
    """Runs the suites of the marts, and what compares them with the version before; the results by suite."""
    import great_expectations as gx

    from rollcall.expectations import duckdb_engine, marts

    duckdb_engine.BufferedDuckDBDialect.before = before
    expected, drift = marts.expectations(), marts.drift() if before else {}
    file, definitions = source(context, "candidate", candidate), []
    for mart in dict.fromkeys([*expected, *drift]):
        batch = file.add_table_asset(mart, table_name=mart, schema_name="marts").add_batch_definition_whole_table("all")
        suite = context.suites.add(
            gx.ExpectationSuite(name=mart, expectations=[*expected.get(mart, []), *drift.get(mart, [])])
        )
        definitions.append(
            context.validation_definitions.add(gx.ValidationDefinition(name=mart, data=batch, suite=suite))
        )
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(name="marts", validation_definitions=definitions, result_format={"result_format": "BASIC"})
    )
    return checkpoint.run().run_results.values()


def validate(candidate: Path, before: Path | None, docs: Path) -> dict[str, object]:
    """Runs the suite on the candidate and renders Data Docs, which hold counts and no values of people."""
    context = quiet_context(docs)
    failures, warnings, asked = [], [], 0
    for result in validate_marts(context, candidate, before):
        for outcome in result.results:
            asked += 1
            if not outcome.success:
                config = outcome.expectation_config
                broken = errors(outcome.exception_info)
                observed = (
                    broken[0]
                    if broken
                    else {key: value for key, value in outcome.result.items() if not isinstance(value, list | dict)}
                )
                column = config.kwargs.get("column")
                (warnings if config.severity == "warning" and not broken else failures).append(
                    {
                        "mart": result.suite_name,
                        "expectation": config.description or f"{config.type}{f' on {column}' if column else ''}",
                        "observed": str(observed),
                    }
                )
    context.build_data_docs(site_names=["audit"])
    return {"failures": failures, "warnings": warnings, "asked": asked}


class _OnFirstUse:
    """Imports scipy and altair when an attribute of theirs is first asked for, which the expectations here never do.

    Great Expectations imports both: a third of the seconds that its own import takes.
    """

    def find_spec(self, name: str, path=None, target=None):
        if name not in ("scipy", "scipy.stats", "altair"):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec and spec.loader:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


def main() -> None:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    sys.meta_path.insert(0, _OnFirstUse())
    docs = Path(sys.argv[1])
    answers, sys.stdout = sys.stdout, sys.stderr  # a library that prints must not garble the answer
    import great_expectations  # noqa: F401  what takes long is done before the question comes

    if question := sys.stdin.readline().strip():
        candidate, before = json.loads(question)
        found = validate(Path(candidate), Path(before) if before else None, docs)
        print(json.dumps(found), file=answers, flush=True)


if __name__ == "__main__":
    main()
