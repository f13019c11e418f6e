"""The rules on users.csv and, in 1.2, roles.csv."""

from __future__ import annotations

from rollcall.rules.rule import ONE_OF, Check, Rule, Severity, near, sql

SECTION = "Users"


def _names_orgs(table: str, name: str, version: str) -> Check:
    meant = near("known_orgs", "sourcedId")
    return Check(table, sql(f"user-orgs-resolve.{name}"), version, needs=("known_orgs",), meant=meant)


RULES = (
    Rule(
        "user-id-unique",
        Severity.REJECT,
        SECTION,
        says="sourcedId is filled and unique across students and staff",
        message="{value:sourcedId * is|sourcedIds * are} not usable: {detail}",
        fix="Give every user its own sourcedId, across students and staff",
        checks=(Check("users", sql("id-unique", table="users", id="sourcedId", with_blank=True)),),
        in_guide=True,
    ),
    Rule(
        "user-orgs-resolve",
        Severity.REJECT,
        SECTION,
        says="every item of orgSourcedIds is an org in the file",
        message="{column} names {value:*, which is not the sourcedId of an org|*, which are not sourcedIds of orgs} in orgs.csv",
        fix="Correct {column}: {advice}",
        checks=(
            _names_orgs("users", "users-1.1", "1.1"),
            _names_orgs("users", "users-1.2", "1.2"),
            _names_orgs("roles", "roles", "1.2"),
        ),
        in_guide=True,
    ),
    Rule(
        "user-enabled-valid",
        Severity.ERROR,
        SECTION,
        says="enabledUser is true or false, in any case",
        message="enabledUser is '{value}' in {count:# row, which is|# rows, which are} set aside: only true and false are allowed",
        fix="Enter true or false",
        checks=(Check("users", sql("user-enabled-valid")),),
    ),
    Rule(
        "user-role-valid",
        Severity.ERROR,
        SECTION,
        says="the role is one of the standard's",
        message="{value:* is not a role|* are not roles} of this version of OneRoster; {count:# row is|# rows are} set aside",
        fix="Use one of: {detail}",
        checks=(
            Check("users", sql("user-role-valid.users"), version="1.1", meant=ONE_OF),
            Check("roles", sql("user-role-valid.roles"), version="1.2", meant=ONE_OF),
        ),
        in_guide=True,
    ),
    Rule(
        "user-org-present",
        Severity.WARNING,
        SECTION,
        says="a teacher, aide or student names at least one org",
        message="{count:# person has|# people have} no org ({value:*|*}): counted under no school",
        fix="Fill in orgSourcedIds",
        checks=(Check("users", sql("user-org-present")),),
    ),
    Rule(
        "user-grade-valid",
        Severity.WARNING,
        SECTION,
        says="grades map to CEDS codes; ambiguous ones are not guessed",
        message="{value:* is not a known grade and counts|* are not known grades and count} as no grade, in {count:# row|# rows}",
        fix="Use the CEDS codes, such as PK, KG, 01 to 12, separated by commas",
        checks=(
            Check("users", sql("user-grade-valid", table="users")),
            Check("classes", sql("user-grade-valid", table="classes")),
            Check("courses", sql("user-grade-valid", table="courses")),
        ),
        in_guide=True,
    ),
    Rule(
        "student-grade-present",
        Severity.WARNING,
        SECTION,
        says="a student has a grade",
        message="{count:# student has|# students have} no grade: counted under their school, in no grade",
        fix="Fill in grades",
        checks=(Check("users", sql("student-grade-present")),),
    ),
    Rule(
        "staff-email-present",
        Severity.WARNING,
        SECTION,
        says="staff have an email, or their usage cannot be linked",
        message="{count:# staff member has|# staff members have} no email: their usage cannot be linked",
        fix="Fill in email",
        checks=(Check("users", sql("staff-email-present")),),
    ),
    Rule(
        "email-valid",
        Severity.WARNING,
        SECTION,
        says="an email looks like an address",
        message="{count:# email does not look like an address|# emails do not look like addresses}",
        fix="Correct email; an address looks like name@district.org",
        checks=(
            Check("users", sql("email-valid", table="users")),
            Check("educators", sql("email-valid", table="educators")),
            Check("students", sql("email-valid.students")),
            Check("members", sql("email-valid", table="members")),
        ),
    ),
    Rule(
        "staff-email-shared",
        Severity.WARNING,
        SECTION,
        says="one email on staff rows with different identifiers is a shared mailbox",
        message="{count} staff rows with different identifiers share {value:the email *|the emails *}: they stay separate people, and usage under it is unidentified",
        fix="Give each person their own email, or one identifier if they are the same person",
        checks=(Check("users", sql("staff-email-shared")),),
    ),
    Rule(
        "staff-email-of-student",
        Severity.WARNING,
        SECTION,
        says="no staff row has the email of a student",
        message="{count:# staff row has|# staff rows have} the email or the id of a student: Rollcall keeps no name or email from {count:it|them}",
        fix="Give staff their own email; a student who also works there stays unnamed",
        checks=(
            Check("users", sql("staff-email-of-student", table="users")),
            Check("educators", sql("staff-email-of-student", table="educators")),
        ),
    ),
    Rule(
        "student-email-shared",
        Severity.WARNING,
        SECTION,
        says="one email on several students identifies none of them",
        message="{count} students share an email with another student: usage under it counts as unidentified",
        fix="Give each student their own email, or leave it empty",
        checks=(Check("users", sql("student-email-shared")),),
    ),
    Rule(
        "name-missing",
        Severity.WARNING,
        SECTION,
        says="staff have a name",
        message="{count:# staff member has|# staff members have} no first or last name: the dashboard cannot name them as users of a product",
        fix="Fill in givenName and familyName",
        checks=(Check("users", sql("name-missing")),),
    ),
    Rule(
        "student-pii-present",
        Severity.INFO,
        SECTION,
        says="student names, phone or sms are in the file: not needed and not kept",
        message="{count:# student has|# students have} a name, phone or sms in the file; Rollcall does not need these and does not keep them",
        fix="Nothing to do; leave them out of the export if you can",
        checks=(Check("users", sql("student-pii-present")),),
        in_guide=True,
    ),
)
