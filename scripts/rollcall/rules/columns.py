"""The rules on the header lines of the files in a zip."""

from __future__ import annotations

from rollcall.rules.rule import Check, Rule, Severity, Together, sql

SECTION = "Columns"

RULES = (
    Rule(
        "header-exact",
        Severity.REJECT,
        SECTION,
        says="each standard column is there, spelled and cased as in OneRoster, and only once",
        message="{file} {detail} {column:the column *|# columns: *}",
        fix="Correct the header line of {file}: {advice}",
        together=Together.DETAIL,
        checks=(Check("observed_column", sql("header"), kinds=("oneroster",)),),
        in_guide=True,
    ),
    Rule(
        "user-enabled-column",
        Severity.REJECT,
        SECTION,
        says="users.csv has enabledUser",
        message="users.csv lacks the column 'enabledUser'",
        fix="Add 'enabledUser' to users.csv, with true or false for every user",
        checks=(Check("observed_column", sql("user-enabled-column"), kinds=("oneroster",)),),
        in_guide=True,
    ),
    Rule(
        "header-order",
        Severity.WARNING,
        SECTION,
        says="columns are in the standard's order",
        message="{file:* does|* do} not have {file:its|their} columns in the standard's order, first at {column:*|*}",
        fix="Order the columns of {file:*|*} as in the standard",
        together=Together.RULE,
        checks=(Check("observed_column", sql("header-order"), kinds=("oneroster",)),),
    ),
    Rule(
        "header-unknown",
        Severity.WARNING,
        SECTION,
        says="columns that are neither standard nor metadata.*",
        message="{file} has {column:the column *, which is|# columns that are} not in the standard{column:|: *}; Rollcall does not read {column:it|them}",
        fix="Leave {column:it|them} out, or begin {column:its name|their names} with 'metadata.'",
        together=Together.DETAIL,
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
