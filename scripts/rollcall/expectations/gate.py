"""The gate of deliveries: Great Expectations asks every check of the rows that were read.

A check is an expectation, a kind of delivery (of a version of OneRoster, in a mode) has a suite, which is validated on the
intake's own in-memory tables. Findings, severities and the rows that are set aside are read from its result.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import great_expectations as gx
from great_expectations.compatibility.pydantic import PrivateAttr
from great_expectations.core import ExpectationSuiteValidationResult
from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from great_expectations.validator.validation_statistics import calc_validation_statistics

from rollcall import files
from rollcall.expectations import context, duckdb_engine
from rollcall.rules import Broken, Found, Question, Severity

EXAMPLES = 20  # findings of one check of rows; the rest are counted
_METRIC = "rollcall.rows_that_break_a_rule"
_SEVERITIES = {
    Severity.REJECT: "critical",
    Severity.HOLD: "critical",
    Severity.ERROR: "critical",
    Severity.WARNING: "warning",
    Severity.INFO: "info",
}


class RowsThatBreakARule(TableMetricProvider):
    """Runs a check's SQL, and where it finds something, puts that into a table: the findings, and how many there are."""

    metric_name = _METRIC
    value_keys = ("sql", "shown", "most")

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(cls, execution_engine, metric_domain_kwargs, metric_value_kwargs, metrics, runtime_configuration):
        sql, shown, most = (metric_value_kwargs[name] for name in cls.value_keys)
        table = f"found_{hashlib.sha256(sql.encode()).hexdigest()[:16]}"
        found = []
        with duckdb_engine.cursor() as connection:
            # Nearly all checks find nothing, and a table for that takes as long as a third of them.
            if connection.execute(f"select 1 from ({sql}) limit 1").fetchone():
                connection.execute(f"create or replace table {table} as {sql}")
                # Only now: what a report may repeat takes longer to plan than most checks take to run.
                connection.execute(f"create or replace table {table} as with found as (select * from {table}) {shown}")
                found = connection.execute(
                    f"""select min(row_number), column_name, value, detail, sum(row_count)::bigint, file_name, min(advice),
                        min(meant), count(*) over ()
                    from {table} group by finding_number, file_name, column_name, value, detail
                    order by finding_number, 1 nulls first, 3, min(rowid) {f"limit {most}" if most else ""}"""
                ).fetchall()
        return {
            "table": table, "found": [list(row[:-1]) for row in found], "findings": found[0][-1] if found else 0,
        }  # fmt: skip


class ExpectRosterRule(BatchExpectation):
    """Expects that a check of a roster rule finds nothing."""

    rule: str
    table: str
    sql: str
    shown: str
    most: int | None

    metric_dependencies: ClassVar[tuple[str, ...]] = (_METRIC,)
    success_keys: ClassVar[tuple[str, ...]] = ("sql", "shown", "most")
    args_keys: ClassVar[tuple[str, ...]] = ("rule", "table")
    _configuration: ExpectationConfiguration | None = PrivateAttr(None)

    @property
    def configuration(self) -> ExpectationConfiguration:
        # Great Expectations asks for it thirty times a check, and would make it anew each time.
        if self._configuration is None:
            self._configuration = super().configuration
        return self._configuration

    def _validate(self, metrics: dict[str, Any], runtime_configuration=None, execution_engine=None) -> dict[str, Any]:
        said = metrics[_METRIC]
        # What Data Docs show: a count and no values, which may be people's.
        rows = sum(Found(*found).count for found in said["found"])
        observed = f"{rows:,}{' or more' if said['findings'] > len(said['found']) else ''}"
        return {"success": not rows, "result": {"observed_value": observed, "gate": said}}


@dataclass
class Judgement:
    """What the gate has found, in the order in which it was asked, and the result that says so."""

    broken: list[Broken]
    _result: ExpectationSuiteValidationResult

    def and_then(self, later: Judgement) -> Judgement:
        """What was asked in two turns, as one."""
        results = [*self._result.results, *later._result.results]
        statistics = calc_validation_statistics(results)
        whole = ExpectationSuiteValidationResult(
            success=statistics.success, results=results, suite_name=self._result.suite_name, meta=self._result.meta,
            statistics={
                "evaluated_expectations": statistics.evaluated_expectations,
                "successful_expectations": statistics.successful_expectations,
                "unsuccessful_expectations": statistics.unsuccessful_expectations,
                "success_percent": statistics.success_percent,
            },
        )  # fmt: skip
        return Judgement([*self.broken, *later.broken], whole)

    def save(self, file: Path) -> None:
        """Keeps the result, from which `write_docs` makes pages when someone asks for them: that takes half a second."""
        file.parent.mkdir(parents=True, exist_ok=True)
        files.write(file, json.dumps(self._result.to_json_dict()))

    def write_docs(self, folder: Path) -> Path:
        """Renders the result as Data Docs. The page to open."""
        return context.write_docs([self._result], folder)


def write_docs(file: Path, folder: Path) -> Path:
    """Renders a result that was saved as Data Docs. The page to open."""
    return context.write_docs(
        [expectationSuiteValidationResultSchema.load(json.loads(file.read_text("utf-8")))], folder
    )


def suite(name: str, questions: Iterable[Question]) -> gx.ExpectationSuite:
    """The suite of a kind of delivery, a version and a mode: an expectation a check, with the district's severity."""
    return gx.ExpectationSuite(
        name=name,
        expectations=[
            ExpectRosterRule(
                rule=each.rule.id,
                table=each.check.table,
                sql=each.sql,
                shown=each.shown,
                most=None if each.check.is_of_observed else EXAMPLES,
                description=f"{each.rule.id} ({each.severity}): {each.rule.says}",
                severity=_SEVERITIES[each.severity],
                meta={"question": number, "severity": str(each.severity)},
            )
            for number, each in enumerate(questions)
        ],
    )


@cache
def _tables():
    """Whatever tables are lent, as a data source and a batch definition: made once, since that takes longer than a small delivery's checks."""
    source = context.quiet().data_sources.add_sql(
        "delivery", connection_string=duckdb_engine.LENT, create_temp_table=False
    )
    # Every expectation names its own tables: the batch is no more than the connection.
    return source, source.add_query_asset("tables", query="select 1 as one").add_batch_definition_whole_table("all")


def judge(name: str, questions: list[Question], connection: duckdb.DuckDBPyConnection) -> Judgement:
    """Asks every question of the tables of a connection. RuntimeError where one cannot be answered."""
    with duckdb_engine.lent(connection):
        source, batch = _tables()
        try:
            # Not by a checkpoint, which stores all of this and compares what it has stored: more work than the checks are.
            result = batch.get_batch().validate(suite(name, questions), result_format={"result_format": "BASIC"})
        finally:
            # What Great Expectations keeps of its engines must not keep the connection.
            source.get_execution_engine().close()
            source.get_engine().dispose()
    if len(result.results) != len(questions):
        raise RuntimeError(f"Great Expectations answered {len(result.results)} of {len(questions)} questions")
    broken: dict[int, Broken] = {}
    for outcome in result.results:
        meta = outcome.expectation_config.meta
        question = questions[meta["question"]]
        if errors := context.errors(outcome.exception_info):
            raise RuntimeError(f"the rule '{question.rule.id}' cannot be asked of {question.check.table}: {errors[0]}")
        if outcome.success:
            outcome.result.pop("gate", None)
        else:
            said = outcome.result.pop("gate")  # its values are for the report, which says what of them may be shown
            found = tuple(Found(*one) for one in said["found"])
            broken[meta["question"]] = Broken(
                question, Severity(meta["severity"]), found, said["findings"], said["table"]
            )
    return Judgement([broken[number] for number in sorted(broken)], result)
