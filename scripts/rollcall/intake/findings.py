"""What is wrong with one delivery, as a person and as a program reads it."""

from __future__ import annotations

import csv
import html
import json
import re
import shlex
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from rollcall.expectations import start
from rollcall.files import quote
from rollcall.intake import echo
from rollcall.intake.issues import Finding, Issue, issues, sentences
from rollcall.rules import RULES, Check, Question, Rule, Severity, found
from rollcall.rules.lists import LISTS, List
from rollcall.rules.wording import Count
from rollcall.text import printable, safe_cell

if TYPE_CHECKING:
    from rollcall.expectations.gate import Judgement

# What lies beside a file in quarantine.
REPORT_FILES = ("report.txt", "report.html", "report.json", "report-rows.csv", "release.json", "data_docs")
MOST_ROWS = 10_000  # rows listed for one rule in report-rows.csv
MOST_VALUES = 10  # listed below one issue of the page
_MOST_CHARACTERS = 200  # of a value, a name or an explanation
_FORM = re.compile(r"\[\d+ characters?: ")
HIDDEN = (
    "Rollcall does not repeat values that may name a person: [9 characters: aaaa aaaa] stands for nine characters, here letters "
    "and a blank. The line and the column show where to look."
)

PROPOSED = "Or leave the file as it is, put these lines into the district's district.toml, and deliver the file again:"


def _short(text: str | None) -> str | None:
    """As much of a text as a report repeats, each character seen."""
    if text is None:
        return None
    seen = printable(text)
    return seen if len(seen) <= _MOST_CHARACTERS else f"{seen[:_MOST_CHARACTERS]}…"


@dataclass(frozen=True)
class About:
    """Which delivery a report is of. One that is only checked has no `delivery_id`, by which it could be released."""

    district_id: str
    district_name: str
    delivery_date: date
    delivery_id: str | None = None

    @property
    def district(self) -> str:
        return (
            self.district_id if self.district_name == self.district_id else f"{self.district_name} ({self.district_id})"
        )

    @property
    def day(self) -> str:
        return f"{self.delivery_date:%B} {self.delivery_date.day}, {self.delivery_date.year}"


_KINDS = {
    "oneroster": "OneRoster", "educators": "list of educators", "students": "list of students", "schools": "list of schools", "members": "list of members", "access": "access list",
    "products": "product catalog", "usage": "usage", "unknown": "unknown",
}  # fmt: skip


@dataclass
class Report:
    """All findings of one delivery."""

    file: str
    kind: str
    findings: list[Finding] = field(default_factory=list)
    severities: dict[str, Severity] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=lambda: RULES, repr=False)
    about: About | None = None
    # (table, rows delivered, rows that cannot be used)
    delivered: list[tuple[str, int, int]] = field(default_factory=list, repr=False)
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
        advice: str | None = None,
        meant: str | None = None,
        others: int = 0,
    ) -> None:
        """Adds a finding; its message and fix come from the rule, which `detail` and `advice` complete."""
        file, column, value, detail, advice, meant = map(_short, (file, column, value, detail, advice, meant))
        found = Finding(
            rule_id,
            self.severity(rule_id),
            file or "",
            row,
            column,
            value,
            count,
            "",
            "",
            detail,
            advice,
            meant,
            others,
        )
        self._counts[rule_id, found.file] += 1
        if (more := self._counts[rule_id, found.file] - self.most) > 0:
            self._summarize(rule_id, found.file, more)
            return
        message, fix = sentences(self.rules[rule_id], [found])
        self.findings.append(replace(found, message=message, fix=fix))

    def _summarize(self, rule_id: str, file: str, more: int) -> None:
        """Counts what is more than `most` findings of one rule in one file: one finding stands for all of them."""
        place = self._rest.setdefault((rule_id, file), len(self.findings))
        fix = "Fix the ones above first: these are of the same kind"
        message, value = f"{file}: {more:,} more findings of this rule", f"… and {more:,} more"
        rest = Finding(
            rule_id, self.severity(rule_id), file, None, value, value, more, message, fix, detail=value, others=more
        )
        self.findings[place : place + 1] = [rest]

    def question(self, rule: Rule, check: Check, file: str) -> Question:
        """A check, to be asked of what was read from a file; of the values it finds, what a report may repeat.

        Each thing that was observed is a finding of its own; rows of one column and value are one together.
        """
        shown = "value" if check.is_of_observed else echo.shown(self.kind, file)
        # A value that is the district's own code but for its case or zeros says no more than that code.
        meant = "meant" if check.meant.file is None else echo.shown("oneroster", check.meant.file, "meant")
        shows = f"""select * replace (case when {meant} = meant then value else {shown} end as value,
                case when {meant} = meant then meant end as meant)
            from (select *, {check.meant.sql} as meant from found)"""
        number = "row_number() over ()" if check.is_of_observed or check.is_each else "null::bigint"
        sql = f"""select * replace (coalesce(row_count, 1) as row_count), {number} as finding_number
            from ({found(check)})"""
        return Question(rule, check, file, self.severity(rule.id), sql, shows)

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
                    each.advice,
                    each.meant,
                )
            if (more := broken.findings - len(broken.found)) > 0:
                (total,) = connection.execute(f"select sum(row_count)::bigint from {broken.table}").fetchone()
                last = broken.found[-1]
                self.add(
                    rule_id, last.file or file, None, last.column, f"… and {more:,} other values", last.detail,
                    total - sum(each.count for each in broken.found), others=more,
                )  # fmt: skip
            if broken.question.check.is_of_observed:
                connection.execute(f"drop table {broken.table}")
                continue
            rows = connection.execute(
                f"""select coalesce(file_name, {quote(file)}), row_number, column_name, value from {broken.table}
                where row_number is not null order by row_number limit {MOST_ROWS}"""
            ).fetchall()
            self.rows += [(rule_id, broken.severity, *row) for row in rows]
            if broken.severity is Severity.ERROR:
                connection.execute(
                    f"""insert into set_aside select {quote(table)}, row_number, $1, $2 from {broken.table}
                    where row_number is not null""",
                    [rule_id, broken.question.rule.says],
                )
            connection.execute(f"drop table {broken.table}")

    @property
    def hides(self) -> bool:
        """Whether a value is not repeated, so that the report explains what stands in its place."""
        return any(_FORM.match(finding.value or "") for finding in self.findings)

    def release(self) -> None:
        """Someone has decided that what the delivery is held for is right."""
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

    @property
    def issues(self) -> list[Issue]:
        """The findings as a person reads them, the heaviest first."""
        return issues(self.sorted(), self.rules, self.kind)

    @property
    def effect_label(self) -> str:
        return "Effect" if self.verdict == "accepted" else "Effect if applied"

    @property
    def heading(self) -> list[tuple[str, str]]:
        """What the report is of: the district, the kind of file and its date, and its rows."""
        kind = _KINDS.get(self.kind, self.kind)
        lines = [("District", self.about.district), ("Date", self.about.day)] if self.about else []
        lines += [("Kind", kind)]
        if self.delivered:
            unusable = sum(count for _, _, count in self.delivered)
            order = list(LISTS)
            tables = sorted(self.delivered, key=lambda each: order.index(each[0]) if each[0] in LISTS else len(order))
            rows = ", ".join(_rows(table).counted(count) for table, count, _ in tables)
            # Of a delivery that is rejected, a file may not have been read at all.
            rest = (
                f"; {unusable:,} cannot be used"
                if unusable
                else ""
                if self.verdict == "rejected"
                else "; all can be used"
            )
            lines += [("Rows", rows + rest)]
        if self.counts:
            lines += [("Usable", self.counts)]
        return lines

    def as_text(self) -> str:
        """Plain lines, an issue a paragraph, the heaviest first."""
        issues = self.issues
        heavy = sum(issue.severity != Severity.INFO for issue in issues)
        count = f" ({Count(heavy):# issue|# issues})" if heavy else ""
        lines = [f"{self.file}: {self.verdict}{count}"]
        lines += [f"  {name + ':':9} {said}" for name, said in self.heading]
        for issue in issues:
            lines += [
                f"  {issue.severity.upper():7} {issue.rule}: {issue.message}",
                f"          where: {issue.where}",
                *([f"          {self.effect_label.lower()}: {issue.effect}"] if issue.effect else []),
                f"          fix:   {issue.fix}",
            ]
        lines += [HIDDEN] if self.hides else []
        lines += [PROPOSED, "", self.proposal] if self.proposal else []
        return "\n".join(lines) + "\n"

    def as_dict(self) -> dict[str, object]:
        own = ("detail", "advice", "meant", "others")  # are in the message and the fix
        return {
            "path": self.file,
            "kind": self.kind,
            "verdict": self.verdict,
            "rows": {table: {"delivered": count, "unusable": unusable} for table, count, unusable in self.delivered},
            "counts": self.counts,
            "issues": [issue.as_dict() for issue in self.issues],
            "findings": [
                {name: value for name, value in asdict(finding).items() if name not in own} for finding in self.sorted()
            ],
            "proposal": self.proposal,
        }

    def as_html(self) -> str:
        """A page for a person, in one file that needs nothing else."""
        import jinja2

        environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
        environment.filters["commands"] = _with_commands
        template = environment.from_string(Path(__file__).with_name("report.html.jinja").read_text("utf-8"))
        return template.render(
            report=self, name=Path(self.file).name, issues=self.issues, hidden=HIDDEN, most=MOST_VALUES, proposed=PROPOSED,
            delivery=shlex.quote(f"{self.about.district_id}/{self.about.delivery_id}") if self.about else "",
        )  # fmt: skip

    def write(self, folder: Path) -> None:
        """Writes report.txt and .html for a person, .json for a program, and report-rows.csv for the one who fixes the rows."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.txt").write_text(self.as_text(), "utf-8")
        (folder / "report.html").write_text(self.as_html(), "utf-8")
        (folder / "report.json").write_text(json.dumps(self.as_dict(), indent=2, ensure_ascii=False) + "\n", "utf-8")
        with (folder / "report-rows.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(("rule", "severity", "file", "row", "column", "value"))
            writer.writerows(map(safe_cell, row) for row in self.rows_to_fix)

    @property
    def rows_to_fix(self) -> list[tuple]:
        """The rows that break a rule, the heaviest first, but for those with which there is nothing to do."""
        order = list(Severity)
        return sorted((row for row in self.rows if row[1] != Severity.INFO), key=lambda row: order.index(row[1]))


def _with_commands(text: str) -> str:
    """A text as HTML, what stands between backticks as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _rows(table: str) -> List:
    """How rows of a table are counted; those of files that are not kept are rows."""
    return LISTS.get(table.removesuffix("_counts"), List(f"# row of {table}|# rows of {table}", ""))
