"""The same answers by brute force, in plain Python over the raw files: for checking, not for learning speed from.

It reads what a district delivered and says, for every day, which (school, grade, role) rows each person has and whose
each page load is. It knows nothing of the lake, of DuckDB or of the models.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

STAFF = {"teacher", "aide", "administrator", "proctor"}
EVERY = "every"  # a margin of the heat map


def _items(text: str) -> list[str]:
    return list(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))


@dataclass(frozen=True)
class PageLoad:
    """One page load, each event once: local day, person (None: nobody or several), host and path, seconds."""

    day: date
    person: str | None
    host: str
    path: str
    seconds: float


class Roster:
    """The state of one district's roster on the date of one delivery."""

    def __init__(self, path: Path, grades: dict[str, str]):
        self.date = date.fromisoformat(re.search(r"\d{4}-\d{2}-\d{2}", path.name)[0])
        with zipfile.ZipFile(path) as archive:
            self.files = {
                name: list(csv.DictReader(io.StringIO(archive.read(name).decode())))
                for name in archive.namelist()
                if name != "manifest.csv"
            }
        self.grades = grades
        self.orgs = {row["sourcedId"]: row for row in self.files["orgs.csv"]}
        self.courses = {row["sourcedId"]: row for row in self.files["courses.csv"]}

    def _grade_codes(self, text: str) -> list[str]:
        return list(dict.fromkeys(self.grades[g.lower()] for g in _items(text) if g.lower() in self.grades))

    def _class_grades(self, class_: dict[str, str]) -> list[str]:
        return self._grade_codes(class_["grades"] or self.courses[class_["courseSourcedId"]]["grades"])

    @cached_property
    def boundaries(self) -> set[date]:
        """The days on which an enrollment of anybody but a student begins or ends."""
        rows = [row for row in self.files["enrollments.csv"] if row["role"] != "student"]
        return {date.fromisoformat(row[end]) for row in rows for end in ("beginDate", "endDate") if row[end]}

    @cached_property
    def served(self) -> dict[str, set[str]]:
        """The grades that each org serves: those of its classes, and of its students where it is clear which are there."""
        served = defaultdict(set)
        for class_ in self.files["classes.csv"]:
            served[class_["schoolSourcedId"]] |= set(self._class_grades(class_))
        for user in self.files["users.csv"]:
            orgs, codes = _items(user["orgSourcedIds"]), self._grade_codes(user["grades"])
            is_clear = len(orgs) == 1 or len(codes) == 1
            if user["role"] == "student" and user["enabledUser"].lower() == "true" and is_clear:
                for org in orgs:
                    served[org] |= set(codes)
        return served

    def rows(self, people: dict[str, str], day: date) -> dict[str, set[tuple[str, str | None, str]]]:
        """(org, grade, role) by person on a day, for all students and staff who are enabled; an empty set for those without a membership."""
        classes = {row["sourcedId"]: row for row in self.files["classes.csv"]}
        taught = defaultdict(list)
        for row in self.files["enrollments.csv"]:
            begun = not row["beginDate"] or date.fromisoformat(row["beginDate"]) <= day
            ended = row["endDate"] and date.fromisoformat(row["endDate"]) <= day
            if row["role"] != "student" and begun and not ended:
                taught[row["userSourcedId"]].append(classes[row["classSourcedId"]])
        found: dict[str, set] = defaultdict(set)
        administrators = set()
        for user in self.files["users.csv"]:
            if user["enabledUser"].lower() != "true" or user["role"] not in {*STAFF, "student"}:
                continue
            person, role = people[user["sourcedId"]], user["role"]
            found[person] |= set()
            listed = _items(user["orgSourcedIds"])
            if role in ("teacher", "aide") and taught[user["sourcedId"]]:
                by_org = defaultdict(set)
                for class_ in taught[user["sourcedId"]]:
                    by_org[class_["schoolSourcedId"]] |= set(self._class_grades(class_))
                for org in listed:
                    by_org.setdefault(org, set())
                found[person] |= {(org, grade, role) for org, codes in by_org.items() for grade in codes or {None}}
                continue
            if role == "administrator":
                administrators.add(person)
                listed = [org for org in listed if self.orgs[org]["type"] != "district"]
            codes = self._grade_codes(user["grades"]) or [None]
            found[person] |= {(org, grade, role) for org, grade in served_pairs(listed, codes, self.served)}
        root = next(org for org, row in self.orgs.items() if row["type"] == "district")
        for person in administrators:
            if not any(role == "administrator" for _, _, role in found[person]):
                found[person].add((root, None, "administrator"))
        return found


def served_pairs(orgs: list[str], grades: list, served: dict[str, set[str]]) -> set[tuple[str, str | None]]:
    """Each org with each grade, but for those that only others of the orgs serve; an org that has none left, with no grade."""
    pairs = set()
    for org in orgs:
        left_out = {
            grade
            for grade in grades
            if len(orgs) > 1 and len(grades) > 1 and served.get(org) and grade not in served[org]
            and any(grade in served.get(other, ()) for other in orgs)
        }  # fmt: skip
        pairs |= {(org, grade) for grade in set(grades) - left_out or {None}}
    return pairs


class Oracle:
    """One district: all that it delivered."""

    def __init__(self, folder: Path, grades: dict[str, str], zone: str):
        self.rosters = sorted((Roster(path, grades) for path in folder.glob("*.zip")), key=lambda roster: roster.date)
        self.zone = ZoneInfo(zone)
        self.people = self._people()
        self.states = [
            (day, roster.rows(self.people, day))
            for roster, after in zip(self.rosters, [*self.rosters[1:], None], strict=True)
            for day in sorted(
                {roster.date, *(d for d in roster.boundaries if d > roster.date and (after is None or d < after.date))}
            )
        ]
        self.usage = self._usage(folder)

    def _people(self) -> dict[str, str]:
        """sourcedId → person: staff who share an identifier or an e-mail are merged (the sample has no shared mailbox)."""
        parent: dict[str, str] = {}

        def root(key: str) -> str:
            while parent.setdefault(key, key) != key:
                key = parent[key]
            return key

        for roster in self.rosters:
            for user in roster.files["users.csv"]:
                row = "row:" + user["sourcedId"]
                root(row)
                if user["role"] in STAFF:
                    for kind in ("identifier", "email"):
                        if value := user[kind].strip().lower():
                            parent[root(f"{kind}:{value}")] = root(row)
        return {key.removeprefix("row:"): root(key) for key in list(parent) if key.startswith("row:")}

    def rows_on(self, person: str, day: date) -> set[tuple[str, str | None, str]] | None:
        """Membership rows of a person on a day; None when they are not rostered then."""
        dates = [when for when, state in self.states if person in state]
        if not dates:
            return None
        if day < dates[0]:
            return self.states[[when for when, _ in self.states].index(dates[0])][1][person]
        state = [state for when, state in self.states if when <= day][-1]
        return state.get(person)

    def _usage(self, folder: Path) -> list[PageLoad]:
        by_id, by_email = {}, defaultdict(set)
        for roster in self.rosters:
            for user in roster.files["users.csv"]:
                person = self.people[user["sourcedId"]]
                by_id[user["sourcedId"]] = person
                if user["identifier"]:
                    by_id[user["identifier"]] = person
                if user["email"]:
                    by_email[user["email"].lower()].add(person)
        seen, loads = set(), []
        for path in sorted(folder.glob("usage_*.csv")):
            with path.open(newline="") as file:
                for row in csv.DictReader(file):
                    if row["event_id"] in seen:
                        continue
                    seen.add(row["event_id"])
                    email = row["user_email"].strip().lower()
                    if row["user_id"] in by_id:
                        person = by_id[row["user_id"]]
                    elif holders := by_email.get(email):
                        person = next(iter(holders)) if len(holders) == 1 else None
                    else:
                        person = f"stranger:{email or row['user_id']}" if email or row["user_id"] else None
                    day = datetime.fromisoformat(row["occurred_at"]).astimezone(self.zone).date()
                    host, _, path_ = row["url"].removeprefix("https://").split("?")[0].partition("/")
                    seconds = float(row["duration_seconds"] or 0)
                    loads.append(PageLoad(day, person, host, "/" + path_, seconds))
        return loads

    def answer(self, orgs: set[str], grades: set[str]) -> tuple[int, int]:
        """(page loads, distinct people) of those with a membership row that matches both the orgs and the grades."""
        count, people = 0, set()
        for load in self.usage:
            rows = self.rows_on(load.person, load.day) if load.person else None
            if rows and any(org in orgs and grade in grades for org, grade, _ in rows):
                count += 1
                people.add(load.person)
        return count, len(people)


@dataclass(frozen=True)
class Product:
    """A product of the catalogue, or a domain in none."""

    name: str
    status: str
    is_approved: bool


class Inventory:
    """What the dashboard should say, counted person by person over the raw files."""

    def __init__(self, folder: Path, seeds: Path, zone: str):
        def seed(name: str) -> list[dict[str, str]]:
            with (seeds / f"{name}.csv").open(newline="") as file:
                return list(csv.DictReader(file))

        self.district = Oracle(folder, {row["grade_alias"]: row["grade_code"] for row in seed("grade_aliases")}, zone)
        self.statuses = {
            row["product_status"]: (row["status_group"], row["is_approved"] == "true")
            for row in seed("product_statuses")
        }
        roles = {row["role"]: (int(row["user_type_rank"]), row["user_type"]) for row in seed("roles")}
        self.user_types = self._user_types(roles)
        self.addresses = self._addresses(folder)
        self.products: dict[tuple[str, str], Product] = {}
        self.use: dict[tuple[date, str | None, Product], list[float]] = defaultdict(lambda: [0, 0.0])
        for load in self.district.usage:
            cell = self.use[load.day, load.person, self._product(load.host, load.path)]
            cell[0] += 1
            cell[1] += load.seconds
        self.days = sorted({day for day, _, _ in self.use})
        self._rows: dict[tuple[str, date], set | None] = {}

    def _user_types(self, roles: dict[str, tuple[int, str]]) -> dict[str, str]:
        """What people are now: of those who are gone, what they ever were."""
        ever, now = defaultdict(list), defaultdict(list)
        for roster in self.district.rosters:
            for user in roster.files["users.csv"]:
                ever[self.district.people[user["sourcedId"]]].append(roles[user["role"]])
                if roster is self.district.rosters[-1]:
                    now[self.district.people[user["sourcedId"]]].append(roles[user["role"]])
        return {person: min(now.get(person) or were)[1] for person, were in ever.items()}

    def _addresses(self, folder: Path) -> list[tuple[str, str, Product]]:
        """(host, path prefix, product), what is matched first, first."""
        found = []
        (catalogue,) = folder.glob("products_*.csv")
        with catalogue.open(newline="") as file:
            for row in csv.DictReader(file):
                status = row["product_status"].strip().lower()
                group, approved = self.statuses.get(status, ("other status", False)) if status else ("no status", False)
                for url in row["url"].split(";"):
                    host, _, path = url.strip().removeprefix("https://").partition("/")
                    product = Product(row["product_name"], group, approved)
                    found.append((host, "/" + path if path else "", row["product_id"], product))
        found.sort(key=lambda a: (-len(a[0].split(".")), -len(a[1]), a[2]))
        return [(host, path, product) for host, path, _, product in found]

    def _product(self, host: str, path: str) -> Product:
        key = (host, "/".join(path.split("/")[:3]))
        if key not in self.products:
            self.products[key] = next(
                (
                    product
                    for address, prefix, product in self.addresses
                    if (host == address or host.endswith("." + address))
                    and (path + "/").startswith(prefix.rstrip("/") + "/")
                ),
                Product(".".join(host.split(".")[-2:]), "not in the catalog", False),
            )
        return self.products[key]

    @cached_property
    def _sites(self) -> dict[Product, str]:
        """The sites on which each product was seen."""
        sites: dict[Product, str] = {}
        for (host, _), product in self.products.items():
            sites[product] = f"{sites.get(product, '')} {host}"
        return sites

    def _is_found(self, product: Product, words: str) -> bool:
        """Whether a search finds a product: by its name, or by a site on which it was seen."""
        return words in product.name.lower() or words in self._sites[product]

    def rows(self, person: str | None, day: date) -> set | None:
        if person is None or person.startswith("stranger:"):
            return None
        if (person, day) not in self._rows:
            self._rows[person, day] = self.district.rows_on(person, day)
        return self._rows[person, day]

    def _picks(self, filters, everyone: bool, person: str | None, day: date) -> bool:
        kind = self.user_types.get(person, "other")
        if filters.user_types and kind not in filters.user_types:
            return False
        return everyone or any(
            (not filters.schools or org in filters.schools) and (not filters.grades or grade in filters.grades)
            for org, grade, _ in self.rows(person, day) or ()
        )

    def _used(self, filters, everyone: bool) -> Iterator[tuple[date, str | None, Product, int, float]]:
        """(day, person, product, page loads, seconds) of the selection."""
        for (day, person, product), (loads, seconds) in self.use.items():
            if (
                filters.first <= day <= filters.last
                and (not filters.statuses or product.status in filters.statuses)
                and (not filters.search or self._is_found(product, filters.search.lower()))
                and self._picks(filters, everyone, person, day)
            ):
                yield day, person, product, loads, seconds

    def _rostered(self, filters, everyone: bool) -> Iterator[tuple[str, date]]:
        """Everybody of the selection who is on the roster, on each of its days up to the last day of use."""
        for number in range((min(filters.last, self.days[-1]) - filters.first).days + 1):
            day = filters.first + timedelta(number)
            for person in self.user_types:
                if self.rows(person, day) is not None and self._picks(filters, everyone, person, day):
                    yield person, day

    def is_rostered(self, person: str | None, day: date) -> bool:
        return self.rows(person, day) is not None

    def answer(self, filters, everyone: bool) -> dict[str, object]:
        """Every figure of the inventory page under `filters`; `everyone` where no school or grade narrows it."""
        inside, rostered, students = set(self.days), set(), 0
        for person, day in self._rostered(filters, everyone):
            rostered.add(person)
            students += self.user_types[person] == "student" and day in inside
        products: dict[Product, dict] = {}
        users, reached = set(), set()
        trend: dict[date, tuple[set, int]] = {}
        for day, person, product, loads, seconds in self._used(filters, everyone):
            found = products.setdefault(
                product, {"people": set(), "page_loads": 0, "seconds": 0.0, "student_days": set(), "student_loads": 0}
            )
            found["page_loads"] += loads
            found["seconds"] += seconds
            people, before = trend.get(day, (set(), 0))
            trend[day] = (people | ({person} - {None}), before + loads)
            if person is not None:
                found["people"].add(person)
                users.add(person)
                reached |= {person} if self.is_rostered(person, day) else set()
            if self.is_rostered(person, day) and self.user_types[person] == "student":
                found["student_days"].add((person, day))
                found["student_loads"] += loads
        page_loads = sum(found["page_loads"] for found in products.values())
        unapproved = sum(found["page_loads"] for product, found in products.items() if not product.is_approved)
        kinds = {person: self.user_types.get(person, "other") for person in users}
        return {
            "headline": {
                "users": len(users),
                "reach": 100 * len(reached) / len(rostered) if rostered and page_loads else None,
                "page_loads": page_loads,
                "products": len(products),
                "unapproved": 100 * unapproved / page_loads if page_loads else None,
            },
            "trend": {day: (len(people), loads) for day, (people, loads) in trend.items()},
            "products": {
                product.name: {
                    "students": sum(kinds[p] == "student" for p in found["people"]),
                    "educators": sum(kinds[p] == "educator" for p in found["people"]),
                    "page_loads": found["page_loads"],
                    "active_minutes": found["seconds"] / 60,
                    "pct_access": 100 * len(found["student_days"]) / students if students else None,
                    "engagement_index": 1000 * found["student_loads"] / students if students else None,
                }
                for product, found in products.items()
            },
        }

    def places(self, filters, everyone: bool, product: str | None = None) -> dict[tuple, tuple[int, int, float | None]]:
        """The heat map: (school or EVERY, grade or EVERY) → people with use, rostered people, `pct_access`.

        Of one product alone where it is given, whatever its status.
        """
        counted = defaultdict(lambda: (set(), set(), set(), set()))

        def cells(person: str | None, day: date) -> set[tuple]:
            found = {
                (org, grade)
                for org, grade, _ in self.rows(person, day) or ()
                if self.district.rosters[-1].orgs[org]["type"] == "school"
                and (not filters.schools or org in filters.schools)
                and (not filters.grades or grade in filters.grades)
            }
            return found | {(org, EVERY) for org, _ in found} | {(EVERY, grade) for _, grade in found}

        if product:
            filters = replace(filters, statuses=(), search="")
        for day, person, used, _, _ in self._used(filters, everyone):
            if product in (None, used.name):
                for cell in cells(person, day):
                    counted[cell][0].add(person)
                    counted[cell][2].update({(person, day)} if self.user_types[person] == "student" else ())
        for person, day in self._rostered(filters, everyone):
            for cell in cells(person, day):
                counted[cell][1].add(person)
                if self.user_types[person] == "student" and day in self.days:
                    counted[cell][3].add((person, day))
        return {
            cell: (len(users), len(rostered), 100 * len(access) / len(days) if days else None)
            for cell, (users, rostered, access, days) in counted.items()
        }

    def coverage(self, filters, everyone: bool) -> dict[str, object]:
        """The page on roster coverage."""
        people, loads, domains, domain_loads = defaultdict(set), Counter(), defaultdict(set), Counter()
        for day, person, _, count, _ in self._used(filters, everyone):
            status = "unidentified" if person is None else "rostered" if self.is_rostered(person, day) else "unrostered"
            people[status] |= {person} - {None}
            loads[status] += count
        for day, person, _, count, _ in self._used(replace(filters, statuses=(), search=""), everyone):
            if person is not None and not self.is_rostered(person, day):
                domains[self._domain(person)].add(person)
                domain_loads[self._domain(person)] += count
        users = set().union(*people.values())
        last = max(filters.first, min(filters.last, self.days[-1]))
        without = defaultdict(lambda: [0, 0, 0])
        for person, kind in self.user_types.items():
            rows = self.rows(person, last)
            if rows is not None and (not filters.user_types or kind in filters.user_types):
                schools = [org for org, _, _ in rows if self.district.rosters[-1].orgs[org]["type"] == "school"]
                without[kind][0] += 1
                without[kind][1] += not schools
                without[kind][2] += not any(grade for _, grade, _ in rows)
        return {
            "match_rate": 100 * len(people["rostered"]) / len(users) if users else None,
            "by_status": {status: (len(people[status]), count) for status, count in loads.items()},
            "without": {kind: tuple(counts) for kind, counts in without.items()},
            "domains": {domain: (len(found), domain_loads[domain]) for domain, found in domains.items()},
        }

    def _domain(self, person: str) -> str:
        """Where an account's address is: a stranger's own, or that of someone who has left the roster."""
        if not person.startswith("stranger:"):
            (address,) = {
                user["email"].partition("@")[2]
                for roster in self.district.rosters
                for user in roster.files["users.csv"]
                if self.district.people[user["sourcedId"]] == person
            }
            return address
        return person.partition("@")[2] or "no email"

    def of_product(self, filters, everyone: bool, product: str) -> dict[str, object]:
        """A product's page: people and page loads by day, and what each educator did (person days, page loads)."""
        filters = replace(filters, statuses=(), search="")
        trend, days, loads = {}, defaultdict(set), Counter()
        for day, person, used, count, _ in self._used(filters, everyone):
            if used.name == product:
                people, before = trend.get(day, (set(), 0))
                trend[day] = (people | ({person} - {None}), before + count)
                if self.user_types.get(person) == "educator":
                    days[person].add(day)
                    loads[person] += count
        return {
            "trend": {day: (len(people), count) for day, (people, count) in trend.items()},
            "educators": sorted(((len(days[person]), count) for person, count in loads.items()), reverse=True),
        }

    def new_products(self, filters) -> dict[str, date]:
        """Products whose first use by anybody lies in the selected days; none where use itself begins there."""
        first: dict[str, date] = {}
        for day, _, product in self.use:
            first[product.name] = min(day, first.get(product.name, day))
        return {
            name: day
            for name, day in first.items()
            if filters.first <= day <= filters.last and self.days[0] < filters.first
        }
