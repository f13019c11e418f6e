"""Findings as a person reads them: those that one fix puts right are one issue."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rollcall.rules import Rule, Severity, Together
from rollcall.rules.lists import LISTS
from rollcall.rules.wording import Count, Listed

_MOST_COLUMNS = 30  # that a message names
_MOST_LINES = 5  # that an issue names
_HEADER = 1  # the line of the header


class _Blanks(dict):
    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


@dataclass(frozen=True)
class Finding:
    """One rule broken in one delivery. `row` is the record number as a spreadsheet shows it; the header is 1.

    It stands for `others` more values where a report does not list them all. `detail`, `advice` and `meant` are what the
    rule's message and fix were completed with.
    """

    rule: str
    severity: str
    file: str
    row: int | None
    column: str | None
    value: str | None
    count: int
    message: str
    fix: str
    detail: str | None = None
    advice: str | None = None
    meant: str | None = None
    others: int = 0


def _distinct(values: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))


def sentences(rule: Rule, findings: list[Finding]) -> tuple[str, str]:
    """What a rule says of findings of its own: the message and the fix."""
    others = sum(finding.others for finding in findings)
    rows = [f"{finding.row}" for finding in findings if finding.row is not None]
    words = _Blanks(
        file=Listed(_distinct(f.file for f in findings), most=_MOST_LINES, quote=""),
        row=Listed(_distinct(rows), others, quote=""),
        column=Listed(_distinct(f.column for f in findings), most=_MOST_COLUMNS),
        value=Listed([f.value or "" for f in findings if not f.others], others),
        detail=Listed(_distinct(f.detail for f in findings), quote="", separator="; "),
        advice=Listed(_distinct(f.advice for f in findings), quote="", separator="; "),
        count=Count(sum(finding.count for finding in findings)),
    )
    message, fix = rule.message.format_map(words), rule.fix.format_map(words)
    if meant := _distinct(finding.meant for finding in findings):
        message += f"{Listed(meant): – did you mean *?| – did you mean *?}"
    return message, fix


@dataclass(frozen=True)
class Issue:
    """Findings of one rule that one fix puts right, and their effect where the delivery is applied."""

    findings: list[Finding]
    message: str
    fix: str
    effect: str

    @property
    def rule(self) -> str:
        return self.findings[0].rule

    @property
    def severity(self) -> str:
        return self.findings[0].severity

    @property
    def count(self) -> int:
        return sum(finding.count for finding in self.findings)

    @property
    def values(self) -> list[Finding]:
        """The findings to list one by one: of a single one the issue says all."""
        listed = [f for f in self.findings if f.value and not f.others and f.row != _HEADER]
        return listed if len(self.findings) > 1 else []

    @property
    def where(self) -> str:
        columns, rows = _distinct(f.column for f in self.findings), sorted({f.row for f in self.findings if f.row})
        parts = [", ".join(_distinct(f.file for f in self.findings))]
        if len(rows) == 1:
            parts.append(f"{'first in line' if self.count > 1 and rows[0] > 1 else 'line'} {rows[0]}")
        elif rows:
            more = " …" if len(rows) > _MOST_LINES or self.count > len(rows) else ""
            parts.append(f"lines {', '.join(map(str, rows[:_MOST_LINES]))}{more}")
        if columns:
            parts.append(f"{Listed(columns, most=_MOST_LINES, quote=''):column *|columns *}")
        if len(self.findings) == 1 and self.findings[0].value and (rows or columns):
            parts.append(f"value '{self.findings[0].value}'")
        if self.count > len(self.findings):
            parts.append(f"{self.count:,} rows")
        return ", ".join(filter(None, parts))

    def as_dict(self) -> dict[str, object]:
        return {
            "rule": self.rule,
            "severity": self.severity,
            "where": self.where,
            "message": self.message,
            "effect": self.effect,
            "fix": self.fix,
        }


def issues(findings: list[Finding], rules: dict[str, Rule], kind: str) -> list[Issue]:
    """The findings, sorted already, as issues, each at the place of its first finding.

    Those of a rule that is not among `rules` stay apart.
    """

    def key(finding: Finding) -> tuple[object, ...]:
        if finding.rule not in rules:
            return (id(finding),)
        same = finding.rule, finding.severity
        match rules[finding.rule].together:
            case Together.RULE:
                return same
            case Together.DETAIL:
                return *same, finding.file, finding.detail
            case _:
                return *same, finding.file, finding.column

    grouped: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        grouped.setdefault(key(finding), []).append(finding)
    return [_issue(found, rules, kind) for found in grouped.values()]


def _issue(found: list[Finding], rules: dict[str, Rule], kind: str) -> Issue:
    message, fix = (found[0].message, found[0].fix) if len(found) == 1 else sentences(rules[found[0].rule], found)
    table = found[0].file.removesuffix(".csv") if kind == "oneroster" else kind
    effect = ""
    if found[0].severity == Severity.ERROR and found[0].row is not None and table in LISTS:
        effect = LISTS[table].effect(sum(finding.count for finding in found))
    return Issue(found, message, fix, effect)
