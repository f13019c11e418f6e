"""The rules on orgs.csv."""

from __future__ import annotations

from rollcall.rules.rule import Check, Rule, Severity, sql

SECTION = "Orgs"

RULES = (
    Rule(
        "org-district-present",
        Severity.REJECT,
        SECTION,
        says="at least one org of type district",
        message="orgs.csv has no row of type 'district'",
        fix="Add the district itself to orgs.csv, with type 'district', and make it the parent of its schools",
        checks=(Check("orgs", sql("org-district-present"), needs=("known_orgs",)),),
        in_guide=True,
    ),
    Rule(
        "org-parent-resolves",
        Severity.REJECT,
        SECTION,
        says="every parentSourcedId is an org in the file",
        message="parentSourcedId '{value}' is not the sourcedId of any org in orgs.csv",
        fix="Add the org '{value}' to orgs.csv, or correct the parentSourcedId of the rows that name it",
        checks=(Check("orgs", sql("org-parent-resolves"), needs=("known_orgs",)),),
        in_guide=True,
    ),
    Rule(
        "org-school-under-district",
        Severity.REJECT,
        SECTION,
        says="following parents from each school reaches a district, without a circle",
        message="following the parents of school '{value}' does not reach a district",
        fix="Give the school the district's sourcedId as its parentSourcedId",
        checks=(Check("orgs", sql("org-school-under-district"), needs=("known_orgs",)),),
        in_guide=True,
    ),
    Rule(
        "org-id-unique",
        Severity.REJECT,
        SECTION,
        says="sourcedId is filled and unique",
        message="sourcedId '{value}' is not a usable id of an org: {detail}",
        fix="Give every org its own sourcedId",
        checks=(Check("orgs", sql("id-unique", table="orgs", id="sourcedId", with_blank=True)),),
    ),
    Rule(
        "org-type-valid",
        Severity.ERROR,
        SECTION,
        says="the type is one of OneRoster's org types",
        message="'{value}' is not an org type; the row was set aside",
        fix="Use one of: {detail}",
        checks=(Check("orgs", sql("org-type-valid")),),
    ),
    Rule(
        "org-name-present",
        Severity.ERROR,
        SECTION,
        says="the name is filled",
        message="org '{value}' has no name; the row was set aside",
        fix="Fill in its name",
        checks=(Check("orgs", sql("org-name-present")),),
    ),
)
