"""Deliveries with something wrong, by seed; and who has a membership after them, in plain Python over their rows.

What a row is not used for is the report's to say; what follows from the rows that are used is counted here from the files.
"""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date

import roster
from rollcall.rules import schema

Files = dict[str, list[dict[str, str]]]

STAFF = {
    "teacher",
    "aide",
    "administrator",
    "districtAdministrator",
    "siteAdministrator",
    "principal",
    "counselor",
    "proctor",
}
EDUCATORS = {"teacher", "aide"}
OFF_ROSTER = {"guardian", "parent", "relative"}
ADMINISTRATORS = {"administrator", "districtAdministrator", "siteAdministrator", "systemAdministrator", "principal"}

# file → column → what may come to stand in it
_WRONG = {
    "users.csv": {
        "enabledUser": ["", "Y", "false", "FALSE", "1"],
        "orgSourcedIds": ["", "A", "X", "D", "A;B"],
        "role": ["", "pupil", "guardian", "parent", "student", "teacher", "Teacher"],
        "email": ["", "office@schools.example", "nobody"],
        "identifier": ["", "E1"],
        "grades": ["", "13th?", "04"],
        "status": ["tobedeleted", "active"],
        "primaryOrgSourcedId": ["", "X"],
        "username": [""],
    },
    "orgs.csv": {"type": ["School", "department", "local", "district"], "name": ["", "Alpha"], "parentSourcedId": ["", "X"], "status": ["tobedeleted"]},
    "roles.csv": {
        "role": ["", "pupil", "guardian", "student", "teacher"], "endDate": ["2020-09-30", "2020-10-02", "2020-10-03", "soon"],
        "beginDate": ["2020-11-01", "2020-10-02", ""], "orgSourcedId": ["", "X", "D", "B"], "status": ["tobedeleted"],
        "userSourcedId": ["", "S0"], "roleType": ["", "first"],
    },
    "enrollments.csv": {
        "classSourcedId": ["", "X", "K1"], "endDate": ["2020-09-30", "2020-10-02"], "beginDate": ["2020-11-01"],
        "role": ["", "student", "teacher", "pupil"], "userSourcedId": ["", "X"], "status": ["tobedeleted"], "schoolSourcedId": ["X", "A"],
    },
    "classes.csv": {"schoolSourcedId": ["", "X", "A"], "status": ["tobedeleted"], "title": [""], "classType": ["elective"]},
    "courses.csv": {"title": [""], "grades": ["13th?"]},
    "academicSessions.csv": {"endDate": ["2020-09-30", "never"], "type": ["Year"]},
    "educators": {
        "email": ["", "office@schools.example", "nobody"], "school_name": ["", "Alpha Skool", "Alpha School"], "role": ["", "Wizard", "Student", "Principal"],
        "sis_id": ["", "1"], "grade_level": ["", "13th?"],
    },
    "students": {"sis_id": ["", "1"], "school_name": ["", "Beta Skool"], "grade_level": [""], "email": ["", "x@schools.example"]},
}  # fmt: skip
_SHARES = (0.02, 0.05, 0.09, 0.12, 0.15, 0.25, 0.5, 0.9, 1.0)


def mutate(files: Files, draw: random.Random) -> list[str]:
    """Changes one to three things, and says which."""
    said = []
    for _ in range(draw.choice((1, 1, 2, 3))):
        file = draw.choice(
            [name for name in files if name in _WRONG] + [name for name in ("users.csv", "roles.csv") if name in files]
        )
        rows = files[file]
        share = draw.choice(_SHARES)
        chosen = draw.sample(range(len(rows)), min(len(rows), max(1, round(share * len(rows)))))
        match draw.choice(("cells", "cells", "cells", "cells", "gone", "ids", "emptied", "repeated")):
            case "cells":
                column = draw.choice([name for name in _WRONG[file] if name in _header(file, files)])
                value = draw.choice(_WRONG[file][column])
                for number in chosen:
                    rows[number][column] = value
                said.append(f"{file}: {column} = '{value}' in {len(chosen)} of {len(rows)}")
            case "gone":
                files[file] = [row for number, row in enumerate(rows) if number not in set(chosen)]
                said.append(f"{file}: {len(chosen)} of {len(rows)} rows gone")
            case "ids":
                column = "sis_id" if "sis_id" in rows[0] else "sourcedId" if rows else ""
                for number in chosen:
                    rows[number][column] = draw.choice(("new-", "")) + rows[number][column].lower()
                said.append(f"{file}: {len(chosen)} of {len(rows)} ids changed")
            case "emptied":
                if draw.random() < 0.3:
                    files[file] = []
                    said.append(f"{file}: a header")
            case "repeated":
                files[file] = rows + [dict(rows[number]) for number in chosen]
                said.append(f"{file}: {len(chosen)} of {len(rows)} rows twice")
        if not files[file]:
            return said
    return said


def _header(file: str, files: Files) -> list[str]:
    return roster.HEADERS[roster.version_of(files)].get(file) or list(schema.TEMPLATE_COLUMNS[file])


def without(files: Files, unusable: set[tuple[str, int]]) -> Files:
    """The rows that are used: all but these (file, row as a spreadsheet counts)."""
    return {
        name: [row for number, row in enumerate(rows, 2) if (name, number) not in unusable]
        for name, rows in files.items()
    }


def _cell(row: dict[str, str], column: str) -> str:
    return row.get(column, "").strip()


def _present(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [row for row in rows if _cell(row, "status").lower() != "tobedeleted"]


def after_delta(before: Files, delta: Files, named: Files) -> Files:
    """The state after a delta: `delta` without the rows that cannot be used, `named` with them."""
    state = {}
    for name, rows in before.items():
        new = {
            _cell(row, "sourcedId"): row for row in delta.get(name, ()) if _cell(row, "status").lower() != "tobedeleted"
        }
        gone = {_cell(row, "sourcedId") for row in named.get(name, ()) if _cell(row, "status").lower() == "tobedeleted"}
        kept = [row for row in rows if _cell(row, "sourcedId") not in {*new, *gone}]
        state[name] = [*kept, *new.values()]
    return state


def _holds(row: dict[str, str], day: date) -> bool:
    def on(column: str) -> date | None:
        try:
            return date.fromisoformat(_cell(row, column))
        except ValueError:
            return None

    begin, end = on("beginDate"), on("endDate")
    return (begin is None or begin <= day) and (end is None or day < end)


def people(files: Files, day: date) -> set[str]:
    """The people with a membership on a day, each by the least of their ids."""
    orgs = {_cell(row, "sourcedId") for row in _present(files["orgs.csv"])}
    classes = {_cell(row, "sourcedId"): _cell(row, "schoolSourcedId") for row in _present(files["classes.csv"])}
    teaches = {
        _cell(row, "userSourcedId")
        for row in _present(files["enrollments.csv"])
        if _cell(row, "role") != "student" and _holds(row, day) and classes.get(_cell(row, "classSourcedId")) in orgs
    }
    roles: dict[str, list[tuple[str, str]]] = defaultdict(list)
    ever: dict[str, set[str]] = defaultdict(set)
    for row in _present(files.get("roles.csv", [])):
        ever[_cell(row, "userSourcedId")].add(_cell(row, "role"))
        if _holds(row, day):
            roles[_cell(row, "userSourcedId")].append((_cell(row, "role"), _cell(row, "orgSourcedId")))
    placed: dict[str, dict[str, str]] = {}
    for user in _present(files["users.csv"]):
        id_ = _cell(user, "sourcedId")
        if _cell(user, "enabledUser").lower() != "true":
            continue
        if "roles.csv" in files:
            has = roles[id_]
        else:
            has = [(_cell(user, "role"), org.strip()) for org in (user.get("orgSourcedIds") or "").split(",")]
            ever[id_] = {role for role, _ in has}
        has = [(role, org) for role, org in has if role not in OFF_ROSTER]
        if any(org in orgs or role in ADMINISTRATORS or (role in EDUCATORS and id_ in teaches) for role, org in has):
            placed[id_] = user
    return {_root(id_, placed, ever) for id_ in placed}


def _root(id_: str, placed: dict[str, dict[str, str]], ever: dict[str, set[str]]) -> str:
    """Staff of one identifier or e-mail are one person; those of several identifiers only share a mailbox."""

    def is_staff(other: str) -> bool:
        return bool(ever[other] & STAFF) and "student" not in ever[other]

    if not is_staff(id_):
        return id_
    staff = [other for other in placed if is_staff(other)]
    known, new = set(), {id_}
    while new - known:
        known |= new
        for one in list(known):
            identifier, email = _cell(placed[one], "identifier"), _cell(placed[one], "email").lower()
            for other in staff:
                if identifier and identifier == _cell(placed[other], "identifier"):
                    new.add(other)
                if email and email == _cell(placed[other], "email").lower():
                    holders = {
                        _cell(placed[x], "identifier") for x in staff if _cell(placed[x], "email").lower() == email
                    }
                    if len(holders - {""}) <= 1 or not (identifier or _cell(placed[other], "identifier")):
                        new.add(other)
    return min(known)


def people_of_template(kind: str, rows: list[dict[str, str]]) -> set[str]:
    """The people of a list of educators or students who have a school, or are of the district's administration."""
    return {
        _cell(row, "sis_id") or _cell(row, "email").lower()
        for row in rows
        if _cell(row, "school_id")
        or _cell(row, "school_name")
        or _cell(row, "role").lower() in ("principal", "administrator")
    }
