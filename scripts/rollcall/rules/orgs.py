"""The rules on orgs.csv."""

from __future__ import annotations

from rollcall.rules.rule import ONE_OF, Check, Rule, Severity, near, sql

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
        message="parentSourcedId {value:* is not the sourcedId of an org|* are not sourcedIds of orgs} in orgs.csv",
        fix="Correct parentSourcedId, or add the {value:missing org|missing orgs} to orgs.csv",
        checks=(
            Check("orgs", sql("org-parent-resolves"), needs=("known_orgs",), meant=near("known_orgs", "sourcedId")),
        ),
        in_guide=True,
    ),
    Rule(
        "org-school-under-district",
        Severity.REJECT,
        SECTION,
        says="following parents from each school reaches a district, without a circle",
        message="The parents of {value:school *|schools *} do not lead to a district",
        fix="Enter the district's sourcedId as the school's parentSourcedId",
        checks=(Check("orgs", sql("org-school-under-district"), needs=("known_orgs",)),),
        in_guide=True,
    ),
    Rule(
        "org-id-unique",
        Severity.REJECT,
        SECTION,
        says="sourcedId is filled and unique",
        message="{value:sourcedId * is|sourcedIds * are} not usable: {detail}",
        fix="Give every org its own sourcedId",
        checks=(Check("orgs", sql("id-unique", table="orgs", id="sourcedId", with_blank=True)),),
    ),
    Rule(
        "org-type-valid",
        Severity.ERROR,
        SECTION,
        says="the type is one of OneRoster's org types",
        message="{value:* is not an org type|* are not org types}; {count:# row is|# rows are} set aside",
        fix="Use one of: {detail}",
        checks=(Check("orgs", sql("org-type-valid"), meant=ONE_OF),),
    ),
    Rule(
        "org-name-present",
        Severity.ERROR,
        SECTION,
        says="the name is filled",
        message="{value:Org * has|Orgs * have} no name; {count:# row is|# rows are} set aside",
        fix="Fill in name",
        checks=(Check("orgs", sql("org-name-present")),),
    ),
)
