"""The rules on the header lines of the files in a zip."""

from __future__ import annotations

from rollcall.rules.rule import Check, Rule, Severity, sql

SECTION = "Columns"

RULES = (
    Rule(
        "header-exact",
        Severity.REJECT,
        SECTION,
        says="each standard column is there, spelled and cased as in OneRoster, and only once",
        message="{file}: {detail}",
        fix="Correct the header line of {file}: {advice}",
        checks=(Check("observed_column", sql("header"), kinds=("oneroster",)),),
        in_guide=True,
    ),
    Rule(
        "user-enabled-column",
        Severity.REJECT,
        SECTION,
        says="users.csv has enabledUser",
        message="users.csv has no column 'enabledUser'{detail}",
        fix="Add 'enabledUser' to users.csv, with true or false for every user",
        checks=(Check("observed_column", sql("user-enabled-column"), kinds=("oneroster",)),),
        in_guide=True,
    ),
    Rule(
        "header-order",
        Severity.WARNING,
        SECTION,
        says="columns are in the standard's order",
        message="{file}: '{column}' is not where the standard has it",
        fix="Order the columns of {file} as in the standard",
        checks=(Check("observed_column", sql("header-order"), kinds=("oneroster",)),),
    ),
    Rule(
        "header-unknown",
        Severity.WARNING,
        SECTION,
        says="columns that are neither standard nor metadata.*",
        message="{file}: the column '{column}' is not in the standard and was not read",
        fix="Leave it out, or name it 'metadata.{column}'",
        checks=(Check("observed_column", sql("header-unknown"), kinds=("oneroster",)),),
    ),
    Rule(
        "extension-missing",
        Severity.WARNING,
        SECTION,
        says="a column that [extensions] of district.toml names is there",
        message="{file} does not have the column '{column}' of [extensions] in district.toml{detail}",
        fix="Correct the name in district.toml, or export the column again: until then its values are gone",
        checks=(Check("observed_column", sql("extension-missing"), kinds=("oneroster", "educators", "students")),),
    ),
)
