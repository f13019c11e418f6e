"""What of a delivered value may be repeated in a report, the lake, the ledger or a log.

A name, an address or a password can stand in any column of a file whose columns have slipped. So a file that lists people
repeats a value only if nobody can be meant by it; of all others the report says where they stand, how long they are and
what they are made of.
"""

from __future__ import annotations

from functools import cache

from rollcall.files import quote
from rollcall.rules import schema

_MOST = 30  # characters of a form that are shown
# Files that list no person: orgs, and catalogs. An address in them is still someone's.
_OPEN = frozenset(("orgs.csv",))
# Files of ids, codes and dates, with titles among them that may hold a name.
_CODES = frozenset(("academicSessions.csv", "classes.csv", "courses.csv", "enrollments.csv", "roles.csv"))
_TIMES = ("occurred_at", "changed_at", "dateLastModified", "beginDate", "endDate", "startDate")

_TIME = (
    r"^([0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4})"
    r"([T ]+[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?)?( ?[apAP][mM])?( ?([zZ]|[+-][0-9]{2}:?[0-9]{2}))?$"
)
_GRADE = r"^(grade|gr|g)?[. ]?[0-9]{1,2}(st|nd|rd|th)?[?]?$"
_UUID = r"^[{]?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}[}]?$"
_ORG = r"^(org|school|sch|dist|district|campus|class|course|term|dept)[-_:.][0-9]{1,9}$"
_TINY = r"^(.|[a-z-]?[0-9]{1,2})$"
# One word that has a digit, or no more than two letters: an id, a code, a number, a date.
_CODE = r"^[{]?([0-9a-z._:/+-]*[0-9][0-9a-z._:/+-]*|[a-z]{1,2})[}]?$"


@cache
def _vocabulary() -> str:
    """What the standard and the templates call roles, grades, types and states: none of it is anybody's name."""
    known = {"true", "false", "yes", "no", "active", "inactive", "tobedeleted", *schema.org_types()}
    for version in schema.ONEROSTER_VERSIONS:
        known |= {role.lower() for role in schema.roles(version)}
    known |= {*schema.role_aliases(), *schema.grade_aliases()}
    return ", ".join(quote(word) for word in sorted(known))


def form(value: str) -> str:
    """A SQL expression: length and kind of character of a value, such as `[9 characters: aaaa aaaa]`."""
    made = (
        f"regexp_replace(regexp_replace(left({value}, {_MOST}), '[\\p{{L}}\\p{{M}}]', 'a', 'g'), '\\p{{N}}', '9', 'g')"
    )
    made = f"regexp_replace({made}, '[^ -~]', '?', 'g')"
    return (
        f"'[' || length({value}) || case when length({value}) = 1 then ' character: ' else ' characters: ' end || {made} "
        f"|| case when length({value}) > {_MOST} then '…' else '' end || ']'"
    )


def shown(kind: str, file: str, value: str = "value", column: str = "column_name") -> str:
    """A SQL expression: the value where a delivery of that kind may repeat it of that file, else its form."""
    plain = f"lower(trim({value}))"
    may = [f"{plain} in ({_vocabulary()})"]
    may += [f"regexp_matches({plain}, {quote(pattern)})" for pattern in (_GRADE, _UUID, _ORG, _TINY)]
    may.append(f"({column} in ({', '.join(map(quote, _TIMES))}) and regexp_matches(trim({value}), {quote(_TIME)}))")
    if kind == "products" or (kind == "oneroster" and file in _OPEN):
        may = [f"strpos({value}, '@') = 0"]
    elif kind == "oneroster" and file in _CODES:
        may.append(f"regexp_matches({plain}, {quote(_CODE)})")
    elif file == "demographics.csv":
        may = ["false"]
    return (
        f"case when {value} is null or trim({value}) = '' then {value} "
        f"when length({value}) <= 200 and ({' or '.join(may)}) then {value} else {form(value)} end"
    )
