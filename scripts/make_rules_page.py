"""Write `docs/rules.md` from the definitions of the rules."""

from pathlib import Path

from rollcall.rules import RULES

PAGE = Path(__file__).parents[1] / "docs" / "rules.md"


def page() -> str:
    """The page: a table a section, a star where the roster guide for districts states the rule itself."""
    lines = [
        "# Roster rules",
        "",
        "Made by `scripts/make_rules_page.py` from `scripts/rollcall/rules/`. A `reject` refuses the delivery, an",
        "`error` sets the row aside, a `warning` keeps the row and treats the value as empty, an `info` is told. ★ marks the",
        "rules that the roster guide for districts states itself.",
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
