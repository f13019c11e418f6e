"""The rules on what a delivery changes in what the district delivered before."""

from __future__ import annotations

from rollcall.rules import schema
from rollcall.rules.rule import Check, Rule, Severity, sql

SECTION = "Against the district's last good roster"

# Table → the rows that held before, as (id, type). A 1.2 user is a student by role.
_OF_TYPE = {
    "orgs": """select trim("sourcedId") as id, 'orgs' as type from before_orgs""",
    "users": """select trim("sourcedId") as id,
        case when role = 'student' or trim("sourcedId") in (select trim("userSourcedId") from before_roles where role = 'student')
            then 'students' else 'staff' end as type
    from before_users""",
    "enrollments": """select trim("sourcedId") as id, 'enrollments' as type from before_enrollments""",
}


def _known(table: str) -> str:
    return f'select trim("sourcedId") from known_{table} where "sourcedId" is not null'


def _gone(table: str, before: str, after: str, needs: tuple[str, ...]) -> Check:
    return Check(table, sql("removal-threshold", before=before, after=after), needs=needs)


def _changed(table: str, needs: tuple[str, ...]) -> Check:
    """Whatever the dates of change say."""
    kept = [column for column in schema.kept_columns()[table] if column not in ("status", "dateLastModified")]
    columns = ", ".join(f'"{column}"' for column in kept)
    return Check(table, sql("update-threshold", table=table, before=_OF_TYPE[table], columns=columns), needs=needs)


RULES = (
    Rule(
        "delivery-order",
        Severity.REJECT,
        SECTION,
        says="a delivery is not older than the last of its kind that was applied",
        message="the delivery is dated {value}, but one of {detail} is already applied",
        fix="Deliver a newer export; one that belongs to the past is taken by `rollcall backfill {value} {value}`",
        checks=(Check("observed_container", sql("delivery-order")),),
    ),
    Rule(
        "delivery-date-ahead",
        Severity.HOLD,
        SECTION,
        says="a delivery is not dated more than a day ahead, in the district's time zone",
        message="the delivery is dated {value}, and today is {detail}: once applied, everything older would be refused",
        fix="If the date is right, release the delivery with `rollcall release`; else correct the date in the file's name and deliver it again; "
        "if today is another day, set this machine's clock",
        checks=(Check("observed_container", sql("delivery-date-ahead"), kinds=schema.KINDS),),
    ),
    Rule(
        "delta-needs-bulk",
        Severity.REJECT,
        SECTION,
        says="a delta comes after a bulk delivery of the same file",
        message="{file} is a delta, but no bulk delivery of {file} was taken before it",
        fix="Deliver {file} once in bulk; deltas can follow it",
        checks=(Check("observed_file", sql("delta-needs-bulk"), kinds=("oneroster",)),),
    ),
    Rule(
        "removal-threshold",
        Severity.HOLD,
        SECTION,
        says="no more than 10 % of orgs, students, staff or enrollments go at once, or 10 of them",
        message="{detail}",
        fix="If that is so, release the delivery with `rollcall release`; else export the whole roster and deliver it again",
        checks=(
            _gone("orgs", _OF_TYPE["orgs"], _known("orgs"), needs=("before_orgs", "known_orgs")),
            _gone("users", _OF_TYPE["users"], _known("users"), needs=("before_roles", "before_users", "known_users")),
            _gone(
                "enrollments",
                _OF_TYPE["enrollments"],
                _known("enrollments"),
                needs=("before_enrollments", "known_enrollments"),
            ),
            *(
                _gone(
                    kind,
                    f"select id, '{kind}' as type from before_{kind}",
                    f"select id from after_{kind}",
                    needs=(f"after_{kind}", f"before_{kind}"),
                )
                for kind in ("educators", "students")
            ),
        ),
    ),
    Rule(
        "update-threshold",
        Severity.HOLD,
        SECTION,
        says="no more than 75 % of orgs, students, staff or enrollments change at once, or 10 of them",
        message="{detail}",
        fix="If that is so, release the delivery with `rollcall release`; else look for a column that was filled otherwise than before",
        checks=(
            _changed("orgs", needs=("after_orgs", "before_orgs")),
            _changed("users", needs=("after_users", "before_roles", "before_users")),
            _changed("enrollments", needs=("after_enrollments", "before_enrollments")),
        ),
    ),
    Rule(
        "school-emptied",
        Severity.HOLD,
        SECTION,
        says="no school that has members vanishes",
        message="the school '{value}' ({detail}) is no longer in orgs.csv, and people belonged to it",
        fix="If the school is closed, release the delivery with `rollcall release`; else add it to orgs.csv",
        checks=(
            Check(
                "orgs",
                sql("school-emptied"),
                needs=(
                    "before_orgs",
                    "before_roles",
                    "before_users",
                    "known_orgs",
                ),
            ),
        ),
    ),
    Rule(
        "identity-churn",
        Severity.WARNING,
        SECTION,
        says="a known e-mail or identifier keeps its sourcedId",
        message="{count} users come with a new sourcedId and the {column} of another one before: they are kept as the same people",
        fix="Nothing to do if the ids were issued anew; else correct sourcedId",
        checks=(Check("users", sql("identity-churn"), needs=("before_users",)),),
    ),
    Rule(
        "term-current",
        Severity.WARNING,
        SECTION,
        says="an academic session covers the date of the delivery",
        message="no academic session covers {detail}, the date of the delivery",
        fix="Export the sessions of this school year too",
        checks=(Check("academicSessions", sql("term-current"), needs=("known_academicSessions",)),),
    ),
)
