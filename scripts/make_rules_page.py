"""Write `docs/rules.md` from the definitions of the rules."""

from pathlib import Path

from rollcall.rules import RULES
from rollcall.rules.rule import Severity

PAGE = Path(__file__).parents[1] / "docs" / "rules.md"

MEANS = {
    Severity.REJECT: "the delivery moves to quarantine with a report, and nothing of it is taken. The last good one stays in force.",
    Severity.HOLD: (
        "the delivery waits in quarantine with a report, and nothing of it is taken until somebody runs "
        "`rollcall release` or `rollcall discard`."
    ),
    Severity.ERROR: (
        "the delivery is accepted without the rows that break the rule. `fct_deliveries` counts them. Where the rule is about "
        "a file or a column and not about rows, nothing is left out."
    ),
    Severity.WARNING: (
        "the delivery is accepted with the row, and the refresh prints the finding. A value that Rollcall cannot use counts as "
        "empty."
    ),
    Severity.INFO: "as `warning`, but the refresh does not print it; `rollcall check` and `fct_rule_results` list it.",
}


def page() -> str:
    """The page: a table a section, a star where the roster guide for districts states the rule itself."""
    lines = [
        "# Roster rules",
        "",
        "Made by `scripts/make_rules_page.py` from `scripts/rollcall/rules/`. The severity says what becomes of a delivery that",
        "breaks the rule. Of several broken rules, `reject` decides before `hold`, and `hold` before the others:",
        "",
        *(f"- `{severity}`: {MEANS[severity]}" for severity in Severity),
        "",
        "A district may change the severity of a rule, but not of those on containers. ★ marks the rules that the roster guide",
        "for districts states itself.",
    ]
    for section in dict.fromkeys(rule.section for rule in RULES.values()):
        lines += ["", f"## {section}", "", "| id | rule | severity | fix |", "|---|---|---|---|"]
        for rule in RULES.values():
            if rule.section == section:
                star = " ★" if rule.in_guide else ""
                lines.append(f"| `{rule.id}`{star} | {rule.says} | {rule.severity} | {rule.fix.replace('|', '/')} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
