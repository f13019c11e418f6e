"""Write `docs/rules.md` from the definitions of the rules."""

from pathlib import Path

from rollcall.rules import RULES, Rule
from rollcall.rules.rule import Severity
from rollcall.rules.wording import Unnamed

PAGE = Path(__file__).parents[1] / "docs" / "rules.md"

MEANS = {
    Severity.REJECT: (
        "the delivery moves to quarantine with a report, and Rollcall uses nothing from it. The last good one stays in force. "
        "(Where the error is Rollcall's own, `delivery-failed`, the file stays in the landing folder for the next refresh.)"
    ),
    Severity.HOLD: (
        "the delivery waits in quarantine with a report, and Rollcall uses nothing from it until someone runs "
        "`rollcall release`. `rollcall discard`, or a later good file of its kind, closes it."
    ),
    Severity.ERROR: (
        "the delivery is accepted without the rows that break the rule, which `fct_deliveries` counts; too many of them hold or "
        "reject it (`row-loss`, `row-loss-total`, `removal-threshold`). A rule about a file or a column leaves nothing out."
    ),
    Severity.WARNING: (
        "the delivery is accepted with the row, and the refresh prints the finding. A value that Rollcall cannot use counts as "
        "empty."
    ),
    Severity.INFO: "as `warning`, but the refresh does not print it; `rollcall check` and `fct_rule_results` list it.",
}


NAMED = {
    "file": "file", "row": "line", "column": "column", "value": "value", "count": "number", "detail": "what is possible", "advice": "what to change",
}  # fmt: skip


def _fix(rule: Rule) -> str:
    return rule.fix.format(**{name: Unnamed(f"*{words}*") for name, words in NAMED.items()})


def page() -> str:
    """The page: a table a section, a star where the roster guide for districts states the rule itself."""
    lines = [
        "# Roster rules",
        "",
        "Made by `scripts/make_rules_page.py` from `scripts/rollcall/rules/`. The severity decides what happens to a delivery that",
        "breaks the rule. If it breaks several, `reject` decides before `hold`, and `hold` before the others:",
        "",
        *(f"- `{severity}`: {MEANS[severity]}" for severity in Severity),
        "",
        "A district may change the severity of a rule, but not of those on containers, and a rule on unique ids can only be `reject`",
        "or `error`. ★ marks the rules that the roster guide for districts states itself. *Italics* stand for what the report names.",
    ]
    for section in dict.fromkeys(rule.section for rule in RULES.values()):
        lines += ["", f"## {section}", "", "| id | rule | severity | fix |", "|---|---|---|---|"]
        for rule in RULES.values():
            if rule.section == section:
                star = " ★" if rule.in_guide else ""
                lines.append(f"| `{rule.id}`{star} | {rule.says} | {rule.severity} | {_fix(rule).replace('|', '/')} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
