"""What is wrong with one delivery, as a person and as a program reads it."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from rollcall.expectations import start
from rollcall.files import quote
from rollcall.intake import echo
from rollcall.rules import RULES, Check, Question, Rule, Severity, found
from rollcall.text import printable, safe_cell

if TYPE_CHECKING:
    from rollcall.expectations.gate import Judgement

# What lies beside a file in quarantine.
REPORT_FILES = ("report.txt", "report.html", "report.json", "report-rows.csv", "release.json", "data_docs")
MOST_ROWS = 10_000  # rows listed for one rule in report-rows.csv
_MOST_CHARACTERS = 200  # of a value, a name or an explanation
_FORM = re.compile(r"\[\d+ characters?: ")
HIDDEN = (
    "Values that may name a person are not repeated: [9 characters: aaaa aaaa] stands for nine characters, here letters and a "
    "blank. The line and the column say where to look."
)

PROPOSED = "Or leave the file as it is, put these lines into the district's district.toml, and deliver the file again:"


def _short(text: str | None) -> str | None:
    """As much of a text as a report repeats, each character seen."""
    if text is None:
        return None
    words = printable(text)
    return words if len(words) <= _MOST_CHARACTERS else f"{words[:_MOST_CHARACTERS]}…"


class _Blanks(dict):
    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


@dataclass(frozen=True)
class Finding:
    """One rule broken in one delivery. `row` is the record number as a spreadsheet shows it; the header is 1."""

    rule: str
    severity: str
    file: str
    row: int | None
    column: str | None
    value: str | None
    count: int
    message: str
    fix: str


@dataclass
class Report:
    """All findings of one delivery."""

    file: str
    kind: str
    findings: list[Finding] = field(default_factory=list)
    severities: dict[str, Severity] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=lambda: RULES, repr=False)
    rows: list[tuple] = field(default_factory=list, repr=False)
    most: int = 100
    judgement: Judgement | None = field(default=None, repr=False)
    # What the file has, in a line; and the lines for district.toml with which it would be taken as it is.
    counts: str = ""
    proposal: str | None = None
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter, repr=False)
    _rest: dict[tuple[str, str], int] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.file = printable(self.file)

    def severity(self, rule_id: str) -> Severity:
        """The severity that the district gives the rule, else its own."""
        return self.severities.get(rule_id, self.rules[rule_id].severity)

    def add(
        self,
        rule_id: str,
        file: str,
        row: int | None = None,
        column: str | None = None,
        value: str | None = None,
        detail: str | None = None,
        count: int = 1,
        advice: str = "",
    ) -> None:
        """Adds a finding; its words come from the rule, `detail` filling the message and `advice` the fix."""
        rule = self.rules[rule_id]
        file, column, value, detail, advice = map(_short, (file, column, value, detail, advice))
        words = _Blanks(
            file=file, row=row, column=column, value=value or "", detail=detail or "", count=count, advice=advice
        )
        message, fix = rule.message.format_map(words), rule.fix.format_map(words)
        self._counts[rule_id, file] += 1
        if (more := self._counts[rule_id, file] - self.most) > 0:
            self._summarize(rule_id, file, more)
            return
        self.findings.append(Finding(rule_id, self.severity(rule_id), file, row, column, value, count, message, fix))

    def _summarize(self, rule_id: str, file: str, more: int) -> None:
        """Counts what is more than `most` findings of one rule in one file: one finding stands for all of them."""
        place = self._rest.setdefault((rule_id, file), len(self.findings))
        fix = "Correct the others first: these are of the same kind"
        message, value = f"{file}: {more:,} more findings of this rule", f"… and {more:,} more"
        rest = Finding(rule_id, self.severity(rule_id), file, None, None, value, more, message, fix)
        self.findings[place : place + 1] = [rest]

    def question(self, rule: Rule, check: Check, file: str) -> Question:
        """A check, to be asked of what was read from a file; of the values it finds, what a report may repeat.

        Each thing that was observed is a finding of its own; rows of one column and value are one together.
        """
        shown = "value" if check.is_of_observed else echo.shown(self.kind, file)
        number = "row_number() over ()" if check.is_of_observed or check.is_each else "null::bigint"
        sql = f"""select * replace (coalesce(row_count, 1) as row_count), {number} as finding_number
            from ({found(check)})"""
        return Question(rule, check, file, self.severity(rule.id), sql, shown)

    def judge(self, suite: str, questions: list[Question], connection: duckdb.DuckDBPyConnection) -> None:
        """Asks the gate, and adds what it finds; rows that break an `error` go to `set_aside`."""
        judgement = start.gate().judge(suite, questions, connection)
        self.judgement = self.judgement.and_then(judgement) if self.judgement else judgement
        for broken in judgement.broken:
            rule_id, table, file = broken.question.rule.id, broken.question.check.table, broken.question.file
            for each in broken.found:
                self.add(
                    rule_id,
                    each.file or file,
                    each.row,
                    each.column,
                    each.value,
                    each.detail,
                    each.count,
                    each.advice or "",
                )
            if (more := broken.findings - len(broken.found)) > 0:
                self.add(rule_id, file, value=f"… and {more} other values", count=more)
            if broken.question.check.is_of_observed:
                connection.execute(f"drop table {broken.table}")
                continue
            rows = connection.execute(
                f"""select row_number, column_name, value from {broken.table}
                where row_number is not null order by row_number limit {MOST_ROWS}"""
            ).fetchall()
            self.rows += [(rule_id, broken.severity, file, *row) for row in rows]
            if broken.severity is Severity.ERROR:
                connection.execute(
                    f"""insert into set_aside select {quote(table)}, row_number, $1, $2 from {broken.table}
                    where row_number is not null""",
                    [rule_id, broken.question.rule.says],
                )
            connection.execute(f"drop table {broken.table}")

    @property
    def hides(self) -> bool:
        """Whether a value is not repeated, which a reader has to be told how to read."""
        return any(_FORM.match(finding.value or "") for finding in self.findings)

    def release(self) -> None:
        """Somebody has decided that what the delivery is held for is right."""
        self.findings = [
            replace(finding, severity=Severity.INFO) if finding.severity == Severity.HOLD else finding
            for finding in self.findings
        ]

    @property
    def verdict(self) -> str:
        if any(finding.rule == "delivery-failed" for finding in self.findings):
            return "failed"
        severities = {finding.severity for finding in self.findings}
        return "rejected" if Severity.REJECT in severities else "held" if Severity.HOLD in severities else "accepted"

    def sorted(self) -> list[Finding]:
        order = list(Severity)

        def place(finding: Finding) -> tuple:
            rest = (finding.value or "").startswith("…")
            # What rows are lost for comes first: what else would change follows from it.
            is_more = not finding.rule.startswith("row-loss")
            return order.index(Severity(finding.severity)), is_more, finding.file, finding.rule, rest, finding.row or 0

        return sorted(self.findings, key=place)

    def as_text(self) -> str:
        """Plain lines, one finding a paragraph, the heaviest first."""
        lines = [f"{self.file}: {self.verdict}" + (f" ({len(self.findings)} findings)" if self.findings else "")]
        for f in self.sorted():
            where = ", ".join(
                part
                for part in (
                    f.file,
                    f"line {f.row}" if f.row else "",
                    f"column {f.column}" if f.column else "",
                    f"value '{f.value}'" if f.value else "",
                    f"{f.count} rows" if f.count > 1 else "",
                )
                if part
            )
            lines += [
                f"  {f.severity.upper():7} {f.rule}: {f.message}",
                f"          where: {where}",
                f"          fix:   {f.fix}",
            ]
        lines += [HIDDEN] if self.hides else []
        lines += [PROPOSED, "", self.proposal] if self.proposal else []
        return "\n".join(lines) + "\n"

    def as_dict(self) -> dict[str, object]:
        return {
            "path": self.file,
            "kind": self.kind,
            "verdict": self.verdict,
            "findings": [asdict(finding) for finding in self.sorted()],
            "counts": self.counts,
            "proposal": self.proposal,
        }

    def as_html(self) -> str:
        """A page for a person, in one file that needs nothing else."""
        import jinja2

        environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
        template = environment.from_string(Path(__file__).with_name("report.html.jinja").read_text("utf-8"))
        return template.render(
            report=self, findings=self.sorted(), name=Path(self.file).name, hidden=HIDDEN, proposed=PROPOSED
        )

    def write(self, folder: Path) -> None:
        """Writes report.txt and .html for a person, .json for a program, and report-rows.csv for who mends the rows."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.txt").write_text(self.as_text(), "utf-8")
        (folder / "report.html").write_text(self.as_html(), "utf-8")
        (folder / "report.json").write_text(json.dumps(self.as_dict(), indent=2, ensure_ascii=False) + "\n", "utf-8")
        with (folder / "report-rows.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(("rule", "severity", "file", "row", "column", "value"))
            writer.writerows(map(safe_cell, row) for row in self.rows)
