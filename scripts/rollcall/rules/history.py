"""The rules on what a delivery changes in what the district delivered before."""

from __future__ import annotations

from rollcall.rules import schema
from rollcall.rules.rule import Check, Mode, Rule, Severity, Together, sql

SECTION = "Against the district's last good roster"

# Table → the type of a row that held before. A user of 1.2 is a student by role.
_TYPES = {
    "orgs": "'orgs'",
    "users": """case when role = 'student' or trim("sourcedId") in (select trim("userSourcedId") from before_roles where role = 'student')
        then 'students' else 'staff' end""",
    "enrollments": "'enrollments'",
}


def _of_type(table: str, state: str) -> str:
    """A query of the rows of a table, before or after the delivery, as (id, type)."""
    return f"""select trim("sourcedId") as id, {_TYPES[table].replace("before_", f"{state}_")} as type from {state}_{table}"""


def _gone(table: str, before: str, after: str, needs: tuple[str, ...]) -> Check:
    return Check(table, sql("removal-threshold", before=before, after=after), needs=needs)


# The lists from which people, schools and products come and go.
_LISTS = ("orgs", "users", "roles")
_OTHER_TABLES = ("academicSessions", "courses", "classes", "enrollments")
_FULL_LISTS = ("educators", "students", "products", "school_list", "access_list")
_CHANGES = ("members", "usage_counts")


def _lost(table: str) -> Check:
    return Check(table, sql("row-loss", table=table), needs=("after_rows",))


def _all_lost(table: str, at_least: str, mode: Mode | None = None) -> Check:
    return Check(table, sql("row-loss-total", table=table, at_least=at_least), mode=mode, needs=("after_rows",))


def _changed(table: str, needs: tuple[str, ...]) -> Check:
    """Whatever the dates of change say."""
    kept = [column for column in schema.kept_columns()[table] if column not in ("status", "dateLastModified")]
    columns = ", ".join(f'"{column}"' for column in kept)
    return Check(table, sql("update-threshold", table=table, type_sql=_TYPES[table], columns=columns), needs=needs)


RULES = (
    Rule(
        "delivery-order",
        Severity.REJECT,
        SECTION,
        says="a delivery is not older than the last of its kind that was applied",
        message="The delivery is dated {value}, but one of {detail} is already applied",
        fix="Deliver a newer export; to take one that belongs to the past, run `rollcall backfill {value} {value}`",
        checks=(Check("observed_container", sql("delivery-order")),),
    ),
    Rule(
        "delivery-date-ahead",
        Severity.HOLD,
        SECTION,
        says="a delivery is not dated more than a day ahead, in the district's time zone",
        message="The delivery is dated {value}, and today is {detail}: once it is applied, Rollcall would reject everything older",
        fix="If the date is right, release the delivery with `rollcall release`; otherwise correct the date in the file's name and deliver it again; "
        "if today's date is wrong, set this machine's clock",
        checks=(Check("observed_container", sql("delivery-date-ahead"), kinds=schema.KINDS),),
    ),
    Rule(
        "delivery-in-blackout",
        Severity.HOLD,
        SECTION,
        says="no roster is dated within `blackouts` of district.toml, such as the weeks of a summer rollover",
        message="the delivery is dated {value}, within the blackout {detail} of district.toml: rosters of these days are not applied",
        fix="Wait for the first roster after it, or apply this one with `rollcall release`",
        checks=(
            Check("observed_container", sql("delivery-in-blackout"), kinds=("oneroster", "educators", "students")),
        ),
    ),
    Rule(
        "delta-needs-bulk",
        Severity.REJECT,
        SECTION,
        says="a delta comes after a bulk delivery of the same file",
        message="{file:* is a delta|* are deltas}, and no bulk delivery came before",
        fix="Deliver {file:*|*} once in bulk; deltas can follow",
        together=Together.RULE,
        checks=(Check("observed_file", sql("delta-needs-bulk"), kinds=("oneroster",)),),
    ),
    Rule(
        "row-loss",
        Severity.HOLD,
        SECTION,
        says="no more than 10% of a file's rows, or 10 of them, cannot be used",
        message="{file}: {detail}",
        fix="Correct the rows that report-rows.csv lists, and deliver the file again; to go on without them, release the delivery with `rollcall release`",
        checks=tuple(_lost(table) for table in (*_LISTS, *_OTHER_TABLES, *_FULL_LISTS, *_CHANGES)),
    ),
    Rule(
        "row-loss-total",
        Severity.REJECT,
        SECTION,
        says="some row of a file can be used, and a full list of people, orgs or products is not empty",
        message="{file}: {detail}",
        fix="Correct the rows that report-rows.csv lists, or export the whole list again, and deliver the file",
        checks=(
            *(_all_lost(table, ">= 0", Mode.BULK) for table in _LISTS),
            *(_all_lost(table, "> 0", Mode.DELTA) for table in _LISTS),
            *(_all_lost(table, "> 10") for table in _OTHER_TABLES),
            *(_all_lost(table, ">= 0") for table in _FULL_LISTS),
            *(_all_lost(table, "> 0") for table in _CHANGES),
        ),
    ),
    Rule(
        "removal-threshold",
        Severity.HOLD,
        SECTION,
        says="no more than 10% of orgs, students, staff, enrollments or people with a membership are removed at once, or 10 of them; rows that cannot be used count as removed",
        message="{detail}",
        fix="If that is right, release the delivery with `rollcall release`; otherwise export the whole roster and deliver it again",
        together=Together.DETAIL,
        checks=(
            Check("after_people", sql("removal-of-people"), needs=("before_people",)),
            *(
                _gone(table, _of_type(table, "before"), _of_type(table, "after"), needs)
                for table, needs in (
                    ("orgs", ("after_orgs", "before_orgs")),
                    ("users", ("after_roles", "after_users", "before_roles", "before_users")),
                    ("enrollments", ("after_enrollments", "before_enrollments")),
                )
            ),
            *(
                _gone(
                    kind,
                    f"select id, '{kind}' as type from before_{kind}",
                    f"select id, '{kind}' as type from after_{kind}",
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
        says="no more than 75% of orgs, students, staff or enrollments change at once, or 10 of them",
        message="{detail}",
        fix="If that is right, release the delivery with `rollcall release`; otherwise find the column that is filled differently than before",
        together=Together.DETAIL,
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
        says="no school that people belong to disappears",
        message="{value:The school * would|The schools * would} disappear ({detail}): orgs.csv has no usable row for {value:it|them}, and people belong to {value:it|them}",
        fix="If {value:the school is|the schools are} closed, release the delivery with `rollcall release`; otherwise correct orgs.csv",
        checks=(
            Check(
                "orgs",
                sql("school-emptied"),
                needs=(
                    "after_orgs",
                    "before_orgs",
                    "before_roles",
                    "before_users",
                ),
            ),
        ),
    ),
    Rule(
        "identity-churn",
        Severity.WARNING,
        SECTION,
        says="a known email or identifier keeps its sourcedId",
        message="{count:# user has|# users have} a new sourcedId and a known {column}: Rollcall keeps {count:them as the same person|them as the same people}",
        fix="Nothing to do if the ids were reissued; otherwise correct sourcedId",
        checks=(Check("users", sql("identity-churn"), needs=("before_users",)),),
    ),
    Rule(
        "term-current",
        Severity.WARNING,
        SECTION,
        says="an academic session covers the date of the delivery",
        message="No academic session covers {detail}, the date of the delivery",
        fix="Export the sessions of this school year too",
        checks=(Check("academicSessions", sql("term-current"), needs=("known_academicSessions",)),),
    ),
)
