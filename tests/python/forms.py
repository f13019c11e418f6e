"""Random districts in every form that a roster comes in, and the same answers by brute force over what they deliver."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from hypothesis import strategies as st

import roster
from oracle import served_pairs
from rollcall.rules import schema

DATES = (date(2020, 10, 1), date(2020, 11, 2), date(2021, 1, 15))
STAFF = {"teacher", "aide", "administrator", "siteAdministrator", "principal", "counselor", "proctor"}
ADMINISTRATORS = {"administrator", "siteAdministrator", "principal"}
EDUCATORS = {"teacher", "aide"}
NAMES = {"A": "Alpha School", "B": "Beta School", "C": "Gamma, Upper School"}
TYPE_RANK = {"educator": 1, "administrator": 2, "student": 3, "other": 4}


@dataclass
class Delivery:
    """One file: a OneRoster set (tables by file name, some of them deltas) or the rows of a template."""

    kind: str
    date: date
    rows: dict[str, list[dict[str, str]]]
    deltas: set[str] = field(default_factory=set)

    def write(self, folder: Path) -> Path:
        if self.kind == "oneroster":
            return roster.write(folder / f"roster_{self.date}.zip", self.rows, deltas=self.deltas)
        return roster.template(folder / f"{self.kind}_{self.date}.csv", self.kind, self.rows[self.kind])


# Random districts ----------------------------------------------------------------------------------------------------
_grade_list = st.lists(st.sampled_from(["03", "3", "06", "K", "13th?", "Ninth grade"]), max_size=2)
_mails = st.sampled_from(["x@d.example", "y@d.example", "z@d.example", "w@d.example"])


def _some(items: list[str], most: int = 3):
    return st.lists(st.sampled_from(items), max_size=most, unique=True)


@st.composite
def _oneroster(draw, version: str, day: date) -> dict[str, list[dict[str, str]]]:
    orgs = [roster.org("D", "Grand District", "district")]
    orgs += [roster.org(id_, name, "school", "D") for id_, name in NAMES.items()]
    users, roles = [], []
    staff_roles = (
        ["teacher", "aide", "administrator"] if version == "1.1" else ["teacher", "aide", "principal", "counselor"]
    )
    for id_ in ["T1", *draw(_some(["T2", "T3", "T4"], 3))]:  # a roster without people is rejected
        more = {
            "email": draw(st.one_of(_mails, st.just(""))),
            "identifier": draw(st.sampled_from(["", "E1", "E2"])),
            "enabledUser": draw(st.sampled_from(["true", "true", "true", "false"])),
        }
        grades = ",".join(draw(_grade_list))
        if version == "1.1":
            role = draw(st.sampled_from(staff_roles))
            orgs_ = draw(_some(["A", "B", "C", "D"] if role == "administrator" else ["A", "B", "C"]))
            users.append(roster.user(id_, role, ", ".join(orgs_), grades, **more))
        else:
            users.append(roster.user_1_2(id_, grades, draw(st.sampled_from(["", "A", "B"])), **more))
            for org in draw(_some(["A", "B", "C", "D"])):
                begin, end = draw(st.sampled_from([("", ""), ("2020-09-01", "2020-11-02"), ("2020-10-15", "")]))
                type_ = draw(st.sampled_from(["primary", "secondary"]))
                roles.append(roster.role(id_, draw(st.sampled_from(staff_roles)), org, type_, begin, end))
    for id_ in draw(_some(["S1", "S2", "S3"], 3)):
        more = {
            "email": draw(st.sampled_from(["", "p@d.example"])),
            "identifier": draw(st.sampled_from(["", "N1", "N2"])),
        }
        grades, orgs_ = ",".join(draw(_grade_list)), draw(_some(["A", "B"], 2))
        if version == "1.1":
            users.append(roster.user(id_, "student", ",".join(orgs_), grades, **more))
        else:
            users.append(roster.user_1_2(id_, grades, **more))
            roles += [roster.role(id_, "student", org, "primary") for org in orgs_]
    enrollments = {}
    for user in users:
        if user["sourcedId"].startswith("T"):
            for class_id in draw(_some(["K1", "K2", "K3", "K4"], 2)):
                begin, end = draw(
                    st.sampled_from([("", ""), ("2020-08-17", "2020-11-01"), ("2020-11-02", "2021-05-28")])
                )
                row = roster.enrollment(class_id, CLASSES[class_id][0], user["sourcedId"], "teacher", begin, end)
                enrollments[row["sourcedId"]] = row
    files = {
        "orgs.csv": orgs,
        "users.csv": users,
        "courses.csv": [{"sourcedId": "C1", "title": "Algebra", "grades": "09", "orgSourcedId": "D"}],
        "classes.csv": [roster.class_(id_, school, grades) for id_, (school, grades) in CLASSES.items()],
        "enrollments.csv": list(enrollments.values()),
    }
    return files | ({"roles.csv": roles} if version == "1.2" else {})


CLASSES = {"K1": ("A", "03"), "K2": ("B", ""), "K3": ("C", "13th?"), "K4": ("A", "03,K")}


@st.composite
def _template_rows(draw, kind: str) -> list[dict[str, str]]:
    rows = []
    for _ in range(draw(st.integers(1, 5))):
        ids = draw(_some(["A", "B", "C"], 2))
        style = draw(st.sampled_from(["id", "name", "both", "unknown", "none"]))
        if not rows:  # a list of which no row can be used is rejected
            ids, style = ids or ["A"], "id"
        names = [NAMES[id_].upper().replace("-", " ") if draw(st.booleans()) else NAMES[id_] for id_ in ids]
        separator = draw(st.sampled_from([",", ";", " | ", "\n"]))
        # A name with a comma cannot stand in a list that commas separate.
        separator = ";" if style != "id" and separator == "," else separator
        row = {
            "school_id": separator.join(ids) if style in ("id", "both") else "",
            "school_name": {
                "name": separator.join(names),
                "both": separator.join(names),
                "unknown": "Nowhere High",
            }.get(style, ""),
            "grade_level": draw(st.sampled_from([",", ";", "|"])).join(draw(_grade_list)),
        }
        if style == "both" and len(ids) == 1 and draw(st.booleans()):
            row["school_name"] = NAMES[ids[0]]
        if any("," in name for name in names) and style == "name":
            # Without a roster of orgs nobody knows that the comma is part of the name.
            row["school_name"] = ";".join(name for name in names if "," not in name)
        if kind == "educators":
            row |= {
                "sis_id": draw(st.sampled_from(["", "T1", "E1", "X9"])),
                "first_name": "Ada",
                "last_name": "Byron",
                "email": draw(_mails),
                "role": draw(
                    st.sampled_from(["Teacher", "", "Paraprofessional", "Admin", "Wizard", "Librarian", "Student"])
                ),
            }
        else:
            row |= {
                "sis_id": draw(st.sampled_from(["S1", "N1", "N2", "S9"])),
                "email": draw(st.sampled_from(["", "p@d.example"])),
            }
        rows.append(row)
    return rows


_member_places = st.fixed_dictionaries(
    {
        "school": st.sampled_from(
            ["", "A", "B; C", "A, B", "ALPHA school", "Gamma, Upper School", "Beta School; A", "Nowhere High"]
        ),
        "grade_level": st.sampled_from(["", "03", "3, 06", "K; 13th?"]),
        "end_date": st.sampled_from(["", "", "2020-10-20", "2020-12-01", "2021-01-15", "June 30"]),
    }
)


@st.composite
def _access(draw) -> list[dict[str, str]]:
    """An access list: who may see the district, and who may see a school of it; one row that can be used, at least."""
    rows = [{"email": "boss@d.example", "role": "director"}]
    for email in draw(_some(["x@d.example", "y@d.example", "p@d.example", "m@d.example", "q@d.example"], 4)):
        role = draw(st.sampled_from(["director", "data_manager", "curriculum", "principal", "viewer", "wizard"]))
        school = draw(st.sampled_from(["", "A", "B; C", "alpha SCHOOL", "Gamma, Upper School", "Nowhere High"]))
        rows.append({"email": email, "role": role, "school": school})
    return rows


@st.composite
def district(draw) -> list[Delivery]:
    """What one district delivers on each of the dates."""
    version = draw(st.sampled_from([None, "1.1", "1.1", "1.2"]))
    forms = draw(st.sets(st.sampled_from(["educators", "students", "members", "access"])))
    if version is None:
        forms |= {"educators"}
    deliveries, users = [], {}
    for number, day in enumerate(DATES):
        if version and draw(st.booleans() if number else st.just(True)):
            files = draw(_oneroster(version, day))
            is_delta = number == 1 and version == "1.1" and draw(st.booleans())
            if is_delta:
                # The users that changed, and one that is gone; the other files as they are now.
                files["users.csv"] = [user | {"status": "active"} for user in files["users.csv"]]
                known = [id_ for id_ in users if id_ not in {user["sourcedId"] for user in files["users.csv"]}]
                files["users.csv"] += [users[id_] | {"status": "tobedeleted"} for id_ in known[:1]]
                deliveries.append(Delivery("oneroster", day, files, {"users.csv"}))
            else:
                deliveries.append(Delivery("oneroster", day, files))
            users = {user["sourcedId"]: user for user in files["users.csv"]}
        for kind in sorted(forms):
            if kind == "members":
                rows = [
                    {
                        "email": mail,
                        "first_name": "Mem",
                        "last_name": "Ber",
                        "role": draw(st.sampled_from(["teacher", "admin"])),
                    }
                    | {"status": draw(st.sampled_from(["", "tobedeleted"])) if number else ""}
                    | draw(_member_places)
                    for mail in draw(_some(["x@d.example", "m@d.example", "n@d.example"], 3))
                ]
                # A list of which no row can be used is rejected.
                rows = [{"email": "o@d.example", "role": ""}, *rows]
                deliveries.append(Delivery("members", day, {kind: rows}))
            elif draw(st.booleans()):
                rows = draw(_access() if kind == "access" else _template_rows(kind))
                deliveries.append(Delivery(kind, day, {kind: rows}))
    return deliveries


# Brute force ----------------------------------------------------------------------------------------------------------
def _items(text: str, separators: str = ",") -> list[str]:
    return list(dict.fromkeys(i.strip() for i in re.split(f"[{separators}]", text or "") if i.strip()))


def _plain(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


_ALIASES = schema.grade_aliases()
_ROLES = schema.role_aliases()


def _role(row: dict[str, str]) -> str:
    return _ROLES.get(row.get("role", "").lower() or "teacher", "unknown")


def _grades(text: str, separators: str = ",") -> list[str]:
    return list(dict.fromkeys(_ALIASES[i.lower()] for i in _items(text, separators) if i.lower() in _ALIASES))


def _end(row: dict[str, str]) -> date | None:
    """The first day without a member; None of what is no date."""
    text = row.get("end_date", "")
    return (date.fromisoformat(text) if text[:1].isdigit() else None) if text else date.max


def _named(cell: str, known: dict[str, str]) -> list[str | None]:
    """The org of each school that a cell names, by id or name, as a whole before its parts; None of one that is not known."""
    items = [cell.strip()] if cell.strip() in known or _plain(cell) in known else _items(cell, ",;|\n")
    return [known.get(item, known.get(_plain(item))) for item in items]


def key(*parts: str) -> int:
    return int(hashlib.md5("\x1f".join(part.strip() for part in parts).encode()).hexdigest()[:15], 16)


@dataclass
class Row:
    """Something that one source says of one user on one date."""

    source: str
    user: int
    natural_id: str
    role: str | None
    is_staff: bool
    enabled: bool
    identifier: str
    email: str
    orgs: list[str]
    grades: list[str]
    is_explicit: bool = True
    explicit_rank: int = 2
    classes: dict[str, list[list[str]]] = field(default_factory=dict)

    @property
    def user_type(self) -> str:
        if self.role in EDUCATORS:
            return "educator"
        return "administrator" if self.role in ADMINISTRATORS else "student" if self.role == "student" else "other"


class Oracle:
    """One district: its state on each date, who is one person, and their memberships."""

    def __init__(self, district_id: str, deliveries: list[Delivery], pii_key: bytes):
        self.district_id, self.pii_key = district_id, pii_key
        self.tables: dict[str, dict[str, dict[str, str]]] = {}
        self.templates: dict[str, list[dict]] = {}
        self.members: dict[str, dict[str, str]] = {}
        self.newest: dict[str, list[dict[str, str]]] = {}
        self.taken: list[tuple[str | None, str | None]] = []
        self.states: dict[date, list[Row]] = {}
        self.ever_staff = {
            role["userSourcedId"]
            for delivery in deliveries
            for role in delivery.rows.get("roles.csv", [])
            if role["role"] in STAFF
        }
        self.has_orgs = any(delivery.kind == "oneroster" for delivery in deliveries)
        self.school_ids = self._school_ids(deliveries)
        self.class_grades: dict[date, set[tuple[str, str]]] = {}
        delivered = {delivery.date for delivery in deliveries}
        boundaries = {
            date.fromisoformat(row[end])
            for delivery in deliveries
            for name in ("roles.csv", "enrollments.csv")
            for row in delivery.rows.get(name, [])
            for end in ("beginDate", "endDate")
            if row[end]
        }
        boundaries |= {
            end
            for delivery in deliveries
            for row in delivery.rows.get("members", [])
            if (end := _end(row)) not in (None, date.max)
        }
        for day in sorted(delivered | {day for day in boundaries if day > min(delivered)}):
            order = ["oneroster", "educators", "students", "members"]
            rosters = [each for each in deliveries if each.date == day and each.kind in order]
            for delivery in sorted(rosters, key=lambda each: order.index(each.kind)):
                self._apply(delivery)
            self.states[day] = self._rows(day)
            self.class_grades[day] = {
                (class_["schoolSourcedId"], code)
                for class_ in self.tables.get("classes.csv", {}).values()
                for code in _grades(self._class_grades(class_))
            }
        self._place_members()
        self.people = self._people()

    def _hash(self, text: str) -> str:
        return hmac.new(self.pii_key, text.strip().lower().encode(), "sha256").hexdigest()

    def _apply(self, delivery: Delivery) -> None:
        if delivery.kind == "oneroster":
            for name, rows in delivery.rows.items():
                if name not in delivery.deltas:
                    self.tables[name] = {}
                for row in rows:
                    self.tables[name].pop(row["sourcedId"], None)
                    if row.get("status") != "tobedeleted":
                        self.tables[name][row["sourcedId"]] = row
        elif delivery.kind == "members":
            for row in delivery.rows["members"]:
                is_gone = row.get("status") == "tobedeleted"
                known = self._known_schools()
                is_unknown = known is not None and None in _named(row.get("school", ""), known)
                students = {each["email"] for each in self.newest.get("educators", []) if _role(each) == "student"}
                is_student = row["email"] in students
                if not is_gone and (is_unknown or is_student or not _end(row) or _end(row) <= delivery.date):
                    continue  # set aside
                self.members.pop(row["email"], None)
                if not is_gone:
                    self.members[row["email"]] = row
        else:
            self.newest[delivery.kind] = delivery.rows[delivery.kind]
            known = bool(self.tables.get("orgs.csv"))
            rows = [
                row | {"_orgs": self._schools(row)}
                for row in delivery.rows[delivery.kind]
                if row["email" if delivery.kind == "educators" and _role(row) != "student" else "sis_id"]
            ]
            self.templates[delivery.kind] = [
                row for row in rows if not (known and any(org.startswith("school:") for org in row["_orgs"]))
            ]
            self.taken += [item for row in self.templates[delivery.kind] for item in self._school_items(row)]

    def _school_items(self, row: dict[str, str]) -> list[tuple[str | None, str | None]]:
        """(id, name) of each school of a row."""
        ids, whole = _items(row.get("school_id", ""), ",;|\n"), row.get("school_name", "").strip()
        is_known = self.has_orgs and _plain(whole) in {_plain(name) for name in NAMES.values()}
        names = [whole] if is_known else _items(whole, ",;|\n")
        if not ids:
            return [(None, name) for name in names]
        if len(names) == len(ids):
            return list(zip(ids, names, strict=True))
        return [(id_, (whole or None) if len(ids) == 1 else None) for id_ in ids]

    def _school_ids(self, deliveries: list[Delivery]) -> dict[str, str]:
        """Plain name → id: of the roster's orgs, else of the schools that the templates make."""
        if self.has_orgs:
            return {_plain(name): id_ for id_, name in NAMES.items()}
        names: dict[str, set[str]] = defaultdict(set)
        for delivery in deliveries:
            for row in delivery.rows.get("educators", []) + delivery.rows.get("students", []):
                for id_, name in self._school_items(row):
                    if id_:
                        names[id_] |= {name} if name else set()
        return {_plain(min(of_id, default=id_)): id_ for id_, of_id in sorted(names.items(), reverse=True)}

    def _schools(self, row: dict[str, str]) -> list[str]:
        return [
            id_ or self.school_ids.get(_plain(name), f"school:{_plain(name)}") for id_, name in self._school_items(row)
        ]

    def _known_schools(self) -> dict[str, str] | None:
        """What a member's school can be called when a list of them is read → the org; None before there are any."""
        if self.has_orgs:
            return {name: id_ for id_, name_ in NAMES.items() for name in (id_, _plain(name_))}
        if not self.newest:
            return None
        items = [item for rows in self.newest.values() for row in rows for item in self._school_items(row)]
        return self._made(items)

    def _made(self, items: list[tuple[str | None, str | None]]) -> dict[str, str]:
        """Id and plain name → org, of the schools that these items make."""
        names: dict[str, set[str]] = defaultdict(set)
        for id_, name in items:
            if id_:
                names[id_] |= {name} if name else set()
        found = {_plain(min(of_id, default=id_)): id_ for id_, of_id in names.items()}
        for id_, name in items:
            if not id_ and name:
                found.setdefault(_plain(name), f"school:{_plain(name)}")
        return found | {id_: id_ for id_ in names}

    def _class_grades(self, class_: dict[str, str]) -> str:
        return class_["grades"] or self.tables["courses.csv"][class_["courseSourcedId"]]["grades"]

    def _rows(self, day: date) -> list[Row]:
        rows = []
        classes = self.tables.get("classes.csv", {})
        for user in self.tables.get("users.csv", {}).values():
            id_ = user["sourcedId"]
            if user.get("role") == "parent":  # who has no membership
                said = [(None, [], 2)]
            elif "role" in user:
                said = [(user["role"], _items(user["orgSourcedIds"]), 2)]
            else:
                said = [(None, [], 2)]
                for role in self.tables["roles.csv"].values():
                    if role["userSourcedId"] == id_ and _holds(role, day):
                        primary = role["orgSourcedId"] == user["primaryOrgSourcedId"]
                        rank = 0 if primary else 1 if role["roleType"] == "primary" else 2
                        said.append((role["role"], [role["orgSourcedId"]], rank))
            taught: dict[str, list[list[str]]] = defaultdict(list)
            for enrollment in self.tables["enrollments.csv"].values():
                if enrollment["userSourcedId"] == id_ and _holds(enrollment, day):
                    class_ = classes[enrollment["classSourcedId"]]
                    taught[class_["schoolSourcedId"]].append(_grades(self._class_grades(class_)))
            is_staff = user["role"] in STAFF if "role" in user else id_ in self.ever_staff
            for role, orgs, rank in said:
                rows.append(
                    Row(
                        "oneroster", key(self.district_id, id_), id_, role, is_staff, user["enabledUser"] == "true",
                        user.get("identifier", ""), user.get("email", ""), orgs, _grades(user["grades"]), "role" not in user, rank, taught,
                    )
                )  # fmt: skip
        for kind, template in self.templates.items():
            for row in template:
                natural = row["sis_id"] or self._hash(row["email"])
                role = _role(row) if kind == "educators" else "student"
                rows.append(
                    Row(
                        "template", key(self.district_id, "students" if role == "student" else kind, natural), row["sis_id"], role,
                        role != "student", True,
                        row["sis_id"], row["email"], row["_orgs"], _grades(row.get("grade_level", ""), ",;|\n"),
                    )
                )  # fmt: skip
        for mail, row in self.members.items():
            if day < _end(row):
                # Where they are is known once all schools are: see `_place_members`.
                rows.append(
                    Row(
                        "added", key(self.district_id, "members", self._hash(mail)), "", _role(row), True, True, "", mail,
                        [row.get("school", "")], _grades(row.get("grade_level", ""), ",;|\n"),
                    )
                )  # fmt: skip
        return rows

    def _place_members(self) -> None:
        """Says of each member the schools that their cell names, among all that the district has by now."""
        schools = self._known_schools() if self.has_orgs else self._made(self.taken)
        for row in (row for rows in self.states.values() for row in rows if row.source == "added"):
            row.orgs = [org for org in dict.fromkeys(_named(row.orgs[0], schools or {})) if org]

    def _people(self) -> dict[int, int]:
        """User → person, over all dates."""
        users: dict[int, list[tuple[date, Row]]] = defaultdict(list)
        for day, rows in self.states.items():
            for row in rows:
                users[row.user].append((day, row))
        every = [row for said in users.values() for _, row in said]
        staff = [row for row in every if row.is_staff]
        parent = {user: user for user in users}

        def root(user: int) -> int:
            while parent[user] != user:
                user = parent[user]
            return user

        def join(rows: list[Row]) -> None:
            for row in rows[1:]:
                parent[root(row.user)] = root(rows[0].user)

        for identifier in {row.identifier for row in staff if row.identifier}:
            join([row for row in staff if row.source == "oneroster" and row.identifier == identifier])
        for mail in {row.email for row in staff if row.email}:
            holders = [row for row in staff if row.email == mail]
            shared = any(
                len({row.identifier for row in holders if row.source == source and row.identifier}) > 1
                for source in ("oneroster", "template")
            )
            join([row for row in holders if not shared or not row.identifier])
        pupils = [row for row in every if row.source == "oneroster" and row.role == "student"]
        apart = {
            identifier: self._never_at_once(identifier)
            for identifier in {row.identifier for row in pupils if row.identifier}
        }
        for identifier, is_apart in apart.items():
            if is_apart:
                join([row for row in pupils if row.identifier == identifier])
        for row in (row for row in every if row.source == "template" and row.identifier):
            same = [other for other in every if other.source == "oneroster" and other.is_staff == row.is_staff]
            by_id = [other for other in same if other.natural_id == row.identifier]
            by_identifier = [other for other in same if other.identifier == row.identifier]
            by_identifier = [other for other in by_identifier if row.is_staff or other.role == "student"]
            if by_id:
                join([row, *by_id])
            elif row.is_staff or apart.get(row.identifier):
                join([row, *by_identifier])
        people = {}
        rank = {"oneroster": 1, "template": 2, "added": 3}
        for user in users:
            group = [other for other in users if root(other) == root(user)]
            people[user] = min(
                group,
                key=lambda u: (
                    users[u][0][0], rank[users[u][0][1].source], not users[u][0][1].natural_id, users[u][0][1].natural_id, u,
                ),
            )  # fmt: skip
        return people

    def _never_at_once(self, identifier: str) -> bool:
        """Whether the pupils who have the identifier have it one after the other."""
        spans: dict[int, tuple[date, date]] = {}
        days = [*sorted(self.states), date.max]
        for day, until in itertools.pairwise(days):
            for row in self.states[day]:
                if row.source == "oneroster" and row.role == "student" and row.identifier == identifier:
                    spans[row.user] = (spans.get(row.user, (day,))[0], until)
        ordered = sorted(spans.values())
        return all(earlier[1] <= later[0] for earlier, later in itertools.pairwise(ordered))

    def memberships(self, day: date) -> dict[int, set[tuple[str, str | None, str, str, bool]]]:
        """Person → (org, grade, role, source, is it primary?) on a date of delivery; empty for those without any."""
        when, state = next((when, rows) for when, rows in sorted(self.states.items(), reverse=True) if when <= day)
        served: dict[str, set[str]] = defaultdict(set)
        for org, code in self.class_grades[when]:
            served[org].add(code)
        for row in state:
            if row.role == "student" and row.enabled and (len(row.orgs) == 1 or len(row.grades) == 1):
                for org in row.orgs:
                    served[org] |= set(row.grades)
        found: dict[int, dict[tuple, list]] = defaultdict(dict)
        administrators: dict[int, list[Row]] = defaultdict(list)
        for row in state:
            if not row.enabled:
                continue
            person = self.people[row.user]
            found[person] = found[person]
            if row.user_type == "administrator" and row.source != "added":
                administrators[person].append(row)
            for org, grade, classes, position, rank in self._pairs(row, state, served):
                entry = found[person].setdefault((org, grade, row.role), [set(), 2, 0, []])
                entry[0].add(row.source)
                entry[1] = min(entry[1], rank)
                entry[2] = max(entry[2], classes)
                entry[3] += [position] if position else []
        root = "D" if self.tables.get("orgs.csv") else f"district:{self.district_id}"
        for person, rows in administrators.items():
            if not any(role in ADMINISTRATORS for _, _, role in found[person]):
                source = "oneroster" if any(row.source == "oneroster" for row in rows) else "template"
                found[person][(root, None, min(row.role for row in rows))] = [{source}, 2, 0, [1]]
        answer = {}
        for person, entries in found.items():
            first = min(entries, key=lambda e: _precedence(e, entries[e]), default=None)
            answer[person] = {
                (
                    *entry,
                    next(source for source in ("oneroster", "template", "added") if source in said[0]),
                    entry == first,
                )
                for entry, said in entries.items()
            }
        return answer

    def _pairs(self, row: Row, state: list[Row], served: dict[str, set[str]]):
        """(org, grade, classes there, position in the list, is it primary?) of one row."""
        listed = list(enumerate(row.orgs, 1))
        if row.user_type == "administrator" and not row.is_explicit:
            listed = [(position, org) for position, org in listed if org != "D"]
        if row.source == "oneroster" and row.user_type == "educator" and row.classes:
            siblings = [r for r in state if r.user == row.user and r.user_type == "educator"]
            for org, taught in row.classes.items():
                best = min(siblings, key=lambda r: (org not in r.orgs, r.explicit_rank, r.role != "teacher", r.role))
                if best is row:
                    codes = {code for grades in taught for code in grades}
                    rank = row.explicit_rank if org in row.orgs else 2
                    yield from ((org, code, len(taught), None, rank) for code in codes or {None})
            for position, org in listed:
                if org not in row.classes:
                    yield org, None, 0, position, row.explicit_rank
            return
        positions = {org: position for position, org in listed}
        for org, grade in served_pairs(list(positions), row.grades or [None], served):
            yield org, grade, 0, positions[org], row.explicit_rank


def _precedence(entry: tuple, said: list) -> tuple:
    org, grade, role = entry
    sort = {code: number for number, code in enumerate(schema_grades())}
    user_type = (
        "educator"
        if role in EDUCATORS
        else "administrator"
        if role in ADMINISTRATORS
        else "student"
        if role == "student"
        else "other"
    )
    position = min(said[3]) if said[3] and not said[2] else 99
    return said[1], -said[2], position, org, TYPE_RANK[user_type], role, sort.get(grade, 99)


def schema_grades() -> list[str]:
    return [row["grade_code"] for row in schema._seed("grades")]


def _holds(row: dict[str, str], day: date) -> bool:
    begun = not row["beginDate"] or date.fromisoformat(row["beginDate"]) <= day
    return begun and not (row["endDate"] and date.fromisoformat(row["endDate"]) <= day)
