"""The rules on lists of who may see a district's figures."""

from __future__ import annotations

from rollcall.rules.rule import Check, Rule, Severity, Together, near, sql

SECTION = "Access lists"

RULES = (
    Rule(
        "access-header",
        Severity.REJECT,
        SECTION,
        says="columns as in the template, in any order",
        message="{file} {detail} {column:the column *|# columns: *}",
        fix="Correct the header line of {file}: {advice}",
        together=Together.DETAIL,
        checks=(Check("observed_column", sql("header"), kinds=("access",)),),
    ),
    Rule(
        "access-email-valid",
        Severity.ERROR,
        SECTION,
        says="every row has the email address with which the person signs on",
        message="{count:# row has|# rows have} no usable email address: nobody gets access from {count:it|them}",
        fix="Fill in email",
        checks=(Check("access_list", sql("email-valid", table="access_list")),),
    ),
    Rule(
        "access-role-valid",
        Severity.ERROR,
        SECTION,
        says="the role is one of seeds/access_roles.csv",
        message="{value:* is not a role|* are not roles} of an access list: nobody gets access from {count:this row|these # rows}",
        fix="Use one of: {detail}",
        checks=(Check("access_list", sql("access-role-valid")),),
    ),
    Rule(
        "access-school-present",
        Severity.ERROR,
        SECTION,
        says="a role that is given for schools names one, and a role for the whole district names none",
        message="{value:The role *|The roles *} {detail}: nobody gets access from {count:this row|these # rows}",
        fix="{advice}",
        together=Together.DETAIL,
        checks=(Check("access_list", sql("access-school-present")),),
    ),
    Rule(
        "access-school-resolves",
        Severity.ERROR,
        SECTION,
        says="a school is the id or the name of one school of the district",
        message="{value:* is not a school|* are not schools} of the district: nobody gets access from {count:this row|these # rows}",
        fix="Correct school. Closest: {detail}",
        checks=(
            Check(
                "access_list",
                sql("named-school-resolves", table="access_list"),
                needs=("known_orgs", "known_schools"),
                meant=near("known_orgs", "sourcedId", "identifier"),
            ),
        ),
    ),
    Rule(
        "access-of-student",
        Severity.ERROR,
        SECTION,
        says="nobody whose address the roster has as a student's is on the list: students never get access",
        message="{count:# row is|# rows are} of a student, by the roster: students get no access",
        fix="Remove the row, or correct the address",
        checks=(Check("access_list", sql("access-of-student")),),
    ),
)
