"""What the Members page shows of the published version: educators by name, students as counts, and how schools of templates were matched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rollcall.dashboard.heat import natural
from rollcall.dashboard.sheets import Column
from rollcall.dashboard.suppression import Cells, hide

MOST = 200  # educators that are listed at once
Row = dict[str, Any]
Ask = Callable[[str, dict[str, object]], list[Row]]
_SOURCES = {"oneroster": "OneRoster", "template": "Template", "added": "Added manually"}
_BASES = {"email": "the same email", "identifier": "the same identifier", "sis_id": "the same id"}

_EDUCATORS = """
with people as (
    select user_key, display_name, email, user_type from dim_users
    where district_id = $district and is_active and user_type <> 'student' and (display_name is not null or email is not null)
        and ($search = '' or contains(lower(coalesce(display_name, '') || ' ' || coalesce(email, '')), lower($search)))
),

places as (
    select memberships.user_key, orgs.org_name, orgs.org_sourced_id, memberships.grade_code, grades.grade_name, grades.sort_order, memberships.role
    from fct_memberships as memberships
    inner join dim_orgs as orgs using (org_key)
    left join dim_grades as grades using (grade_code)
    where memberships.district_id = $district and memberships.is_current
),

schools as (
    select user_key, org_name, string_agg(grade_name, ', ' order by sort_order) as grades
    from (select distinct user_key, org_name, grade_name, sort_order from places) as distinct_places group by all
),

ends as (
    select user_key, max(valid_to) as until from bridge_user_identifiers
    where district_id = $district and source = 'added' and identifier_type = 'email' group by all
),

sources as (
    select user_key, string_agg(distinct source, '+' order by source) as sources, max(merge_basis) filter (merge_basis <> 'alone') as merge_basis,
        count(*) as users, string_agg(distinct roles, '+' order by roles) as roles, bool_or(has_shared_mailbox) as has_shared_mailbox
    from bridge_user_sources where district_id = $district and is_active group by all
)

select people.user_key, display_name, email, user_type, sources.sources, sources.merge_basis, sources.users, sources.roles,
    sources.has_shared_mailbox, ends.until,
    (select list({'school': org_name, 'grades': grades} order by org_name) from schools where schools.user_key = people.user_key) as schools,
    count(*) over () as found
from people left join sources using (user_key) left join ends using (user_key)
where ($school = '' and $grade = '')
    or exists (
        select 1 from places
        where places.user_key = people.user_key and $school in ('', org_sourced_id) and $grade in ('', coalesce(grade_code, ''))
    )
order by lower(coalesce(display_name, email)), email limit $most
"""


@dataclass(frozen=True)
class Educator:
    """One person of the staff."""

    name: str
    email: str
    role: str
    places: list[str]
    source: str
    is_added: bool
    is_one_because: str


def educators(ask: Ask, district_id: str, asked: dict[str, str], most: int | None = MOST) -> tuple[list[Educator], int]:
    """(those that are listed, how many there are), narrowed by `search`, `school` and `grade`. Without `most` all are listed."""
    rows = ask(
        _EDUCATORS,
        {**asked, "search": asked["search"].strip(), "district": district_id, "most": most},
    )
    found = []
    for row in rows:
        sources = str(row["sources"] or "").split("+")
        found.append(
            Educator(
                str(row["display_name"] or "–"), str(row["email"] or "–"), _roles(row),
                [f"{place['school']}: {place['grades']}" if place["grades"] else str(place["school"]) for place in row["schools"] or []],
                ", ".join(_source(each, row) for each in sources if each), "added" in sources, _because(row),
            )
        )  # fmt: skip
    return found, int(rows[0]["found"]) if rows else 0


def _source(name: str, row: Row) -> str:
    until = (
        f", until {row['until']:%B} {row['until'].day}, {row['until'].year}" if name == "added" and row["until"] else ""
    )
    return _SOURCES.get(name, name) + until


def _roles(row: Row) -> str:
    roles = dict.fromkeys(str(row["roles"] or row["user_type"]).split("+"))
    return ", ".join(roles).capitalize()


def _because(row: Row) -> str:
    """Why several rows are one person; and where a mailbox is shared, that it names nobody."""
    words = ""
    if (row["users"] or 0) > 1:
        bases = [_BASES.get(basis, basis) for basis in str(row["merge_basis"] or "").split("+") if basis]
        words = f"{row['users']} rows with {' and '.join(bases)}" if bases else f"{row['users']} rows"
    if row["has_shared_mailbox"]:
        words += f"{'. ' if words else ''}Someone else has this email too: its use is unidentified"
    return words


def all_grades(ask: Ask) -> list[Row]:
    """Every grade that there is, to add someone to."""
    return ask("select grade_code as id, grade_name as name from dim_grades order by sort_order", {})


def choices(ask: Ask, district_id: str) -> tuple[list[Row], list[Row]]:
    """The schools of a district, and the grades in which it has anyone."""
    schools = ask(
        """select org_sourced_id as id, org_name as name from dim_orgs
        where district_id = $district and is_active and org_type = 'school'""",
        {"district": district_id},
    )
    grades = ask(
        """select grade_code as id, grade_name as name from dim_grades where grade_code in
            (select grade_code from fct_memberships where district_id = $district and is_current) order by sort_order""",
        {"district": district_id},
    )
    return sorted(schools, key=lambda school: natural(str(school["name"]))), grades


_STUDENTS = """
with last as (
    select max(delivery_date)::date as day from fct_deliveries
    where district_id = $district and verdict = 'accepted' and delivery_kind in ('oneroster', 'students', 'educators')
),

students as (
    select org_key, coalesce(grade_code, '') as grade, user_key, is_current as is_now,
        valid_from < last.day and coalesce(valid_to >= last.day, true) as is_before
    from fct_memberships cross join last
    where district_id = $district and role = 'student'
)

select orgs.org_name as school, grade, coalesce(grades.grade_name, 'No grade') as grade_name, coalesce(grades.sort_order, 999) as sort_order,
    count(distinct user_key) filter (is_now) as now, count(distinct user_key) filter (is_before) as before, any_value(last.day) as day
from students inner join dim_orgs as orgs using (org_key) left join dim_grades as grades on grade = grades.grade_code cross join last
group by all
having now > 0 or before > 0
order by school, sort_order
"""


@dataclass(frozen=True)
class Students:
    """Students by school and grade, as words; `day` is that of the newest roster, `grades` the columns."""

    day: object
    grades: list[str]
    rows: list[tuple[str, list[tuple[str, str]]]]


def students(ask: Ask, district_id: str, threshold: int) -> Students:
    """Counts on the newest roster, and how they differ from the day before it; small ones, and those that would give them away, hidden."""
    rows = ask(_STUDENTS, {"district": district_id})
    grades = list(dict.fromkeys(row["grade_name"] for row in sorted(rows, key=lambda row: row["sort_order"])))
    schools = sorted({str(row["school"]) for row in rows}, key=natural)
    now, before = (_hidden(rows, schools, grades, side, threshold) for side in ("now", "before"))
    cells = {(row["school"], row["grade_name"]): row for row in rows}
    listed = []
    for school in schools:
        said = []
        for grade in grades:
            row = cells.get((school, grade))
            if row is None:
                said.append(("", ""))
            elif (school, grade) in now:
                said.append((f"<{threshold}" if row["now"] < threshold else "*", ""))
            else:
                change = row["now"] - row["before"]
                is_shown = change and (school, grade) not in before
                said.append((f"{row['now']:,}", f"{change:+,}".replace("-", "−") if is_shown else ""))
        listed.append((str(school), said))
    return Students(rows[0]["day"] if rows else None, grades, listed)


def _hidden(rows: list[Row], schools: list, grades: list, side: str, threshold: int) -> set[tuple[str, str]]:
    """The cells to hide, by the rules that the dashboard hides counts with."""
    there = [row for row in rows if row[side]]
    if not there:
        return set()
    school = np.array([schools.index(row["school"]) for row in there])
    grade = np.array([grades.index(row["grade_name"]) for row in there])
    count = np.array([row[side] for row in there])
    by_school = np.bincount(school, count, len(schools)).astype(int)[None, :]
    by_grade = np.bincount(grade, count, len(grades)).astype(int)[None, :]
    cells = Cells(np.zeros(len(there), int), school, grade, count, by_school, by_grade, np.array([count.sum()]))
    cell = hide(cells, threshold).cell
    return {(row["school"], row["grade_name"]) for row, is_hidden in zip(there, cell, strict=True) if is_hidden}


def school_names(ask: Ask, district_id: str) -> list[Row]:
    """How the templates name each school, and which org that was matched to; those without one first."""
    return ask(
        """select template, school_id, school_name, match_type, checks.org_name, closest_org_name, row_count, orgs.org_sourced_id,
            coalesce(orgs.org_sourced_id, closest.org_sourced_id) as suggested
        from school_name_check as checks
        left join dim_orgs as orgs using (org_key)
        left join dim_orgs as closest on closest.district_id = $district and closest.org_name = checks.closest_org_name
        where checks.district_id = $district
        order by match_type in ('closest', 'ambiguous', 'unmatched') desc, school_name, template""",
        {"district": district_id},
    )


_EDUCATOR_COLUMNS = [
    Column("name", "Name", ""),
    Column("email", "Email", ""),
    Column("role", "Role", ""),
    Column("places", "Schools and grades", ""),
    Column("source", "Source", "Where Rollcall has the person from"),
    Column("is_one_because", "Why they are one person", "What the rows have in common that are this person"),
]
_NAME_COLUMNS = [
    Column("school_id", "School id", "As the template writes it"),
    Column("school_name", "School name", "As the template writes it"),
    Column("template", "File", ""),
    Column("row_count", "Rows", "", "count"),
    Column("match_type", "Match", "What led to the school; closest, ambiguous and unmatched ones set rows aside"),
    Column("org_name", "Counts as", ""),
]
# Name of a table → its title.
TABLES = {"members": "Educators and staff", "names": "School names", "students": "Students by school and grade"}


def table(
    ask: Ask, district_id: str, name: str, threshold: int, asked: dict[str, str]
) -> tuple[list[Column], list[Row]]:
    """A table of the page, whole, to export."""
    if name == "members":
        found, _ = educators(ask, district_id, asked, most=None)
        return _EDUCATOR_COLUMNS, [{**vars(one), "places": "; ".join(one.places)} for one in found]
    if name == "names":
        return _NAME_COLUMNS, school_names(ask, district_id)
    counts = students(ask, district_id, threshold)
    columns = [
        Column("school", "School", ""),
        *(Column(f"grade{n}", grade, "", "count") for n, grade in enumerate(counts.grades)),
    ]
    rows = [
        {"school": school} | {f"grade{n}": _number(count) for n, (count, _) in enumerate(cells)}
        for school, cells in counts.rows
    ]
    return columns, rows


def _number(text: str) -> int | str:
    return int(text.replace(",", "")) if text[:1].isdigit() else text
