"""The rules on lists of educators, students and members in headers of Rollcall's own."""

from __future__ import annotations

from rollcall.rules.rule import Check, Rule, Severity, sql

SECTION = "Roster templates and members"

RULES = (
    Rule(
        "template-header",
        Severity.REJECT,
        SECTION,
        says="columns as in the template, in any order",
        message="{file}: {detail}",
        fix="Correct the header line of {file}: {advice}",
        checks=(Check("observed_column", sql("header"), kinds=("educators", "students", "members")),),
        in_guide=True,
    ),
    Rule(
        "template-header-extra",
        Severity.INFO,
        SECTION,
        says="columns that the template does not have",
        message="{file}: the column '{column}' is not in the template and was not read",
        fix="Nothing to do; leave it out if you can",
        checks=(Check("observed_column", sql("template-header-extra"), kinds=("educators", "students", "members")),),
    ),
    Rule(
        "template-school-resolves",
        Severity.ERROR,
        SECTION,
        says="school id or name matches one org of the district; without a roster of orgs, schools are made from the template",
        message="no school of the district is '{value}'; the row was set aside",
        fix="Correct school_id or school_name: {detail}",
        checks=(Check("template", sql("template-school-resolves"), needs=("known_schools",)),),
        in_guide=True,
    ),
    Rule(
        "template-school-present",
        Severity.WARNING,
        SECTION,
        says="a teacher or student has a school",
        message="{count} people without a school: counted under no school",
        fix="Fill in school_id or school_name",
        checks=(Check("template", sql("template-school-present")),),
    ),
    Rule(
        "template-grade-valid",
        Severity.WARNING,
        SECTION,
        says="grades are CEDS codes or known aliases; others are not guessed",
        message="'{value}' is not a known grade and was treated as no grade",
        fix="Use the CEDS codes, such as PK, KG, 01 to 12, separated by commas",
        checks=(Check("template", sql("template-grade-valid")),),
        in_guide=True,
    ),
    Rule(
        "template-email-present",
        Severity.ERROR,
        SECTION,
        says="educators and members have an e-mail",
        message="{count} rows without an e-mail; they were set aside",
        fix="Fill in email: usage is linked by it",
        checks=(
            Check("educators", sql("template-email-present", table="educators")),
            Check("members", sql("template-email-present", table="members")),
        ),
        in_guide=True,
    ),
    Rule(
        "template-id-present",
        Severity.ERROR,
        SECTION,
        says="students have a sis_id, since students are never told apart by e-mail",
        message="{count} students without sis_id; the rows were set aside",
        fix="Fill in sis_id, the student's id in the SIS",
        checks=(Check("students", sql("template-id-present")),),
    ),
    Rule(
        "template-role-valid",
        Severity.WARNING,
        SECTION,
        says="the role is one of seeds/role_aliases.csv; a blank one is a teacher",
        message="'{value}' is not a known role and was treated as teacher",
        fix="Use one of: {detail}",
        checks=(
            Check("educators", sql("template-role-valid", table="educators")),
            Check("members", sql("template-role-valid", table="members")),
        ),
    ),
    Rule(
        "template-admin-district",
        Severity.INFO,
        SECTION,
        says="administrators with no school belong to the district",
        message="{count} administrators have no school: they are counted at the district",
        fix="Nothing to do, if that is so",
        checks=(Check("educators", sql("template-admin-district")),),
        in_guide=True,
    ),
    Rule(
        "template-row-duplicate",
        Severity.INFO,
        SECTION,
        says="the same person, school and grade once",
        message="row {row} says what an earlier row said: counted once",
        fix="Nothing to do; leave it out if you can",
        checks=(Check("template", sql("template-row-duplicate")),),
    ),
)
