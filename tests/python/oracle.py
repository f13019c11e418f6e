"""The same answers by brute force, in plain Python over the raw files: for checking, not for learning speed from.

It reads what a district delivered and says, for every day, which (school, grade, role) rows each person has and whose
each page load is. It knows nothing of the lake, of DuckDB or of the models.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

STAFF = {"teacher", "aide", "administrator", "proctor"}


def _items(text: str) -> list[str]:
    return list(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))


@dataclass(frozen=True)
class PageLoad:
    """One page load, each event once: local day, person (None: nobody or several), host and path."""

    day: date
    person: str | None
    host: str
    path: str


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

    def _grade_codes(self, text: str) -> list[str]:
        return list(dict.fromkeys(self.grades[g.lower()] for g in _items(text) if g.lower() in self.grades))

    def rows(self, people: dict[str, str]) -> dict[str, set[tuple[str, str | None, str]]]:
        """(org, grade, role) by person, for everybody who is enabled; an empty set for those without a membership."""
        classes = {row["sourcedId"]: row for row in self.files["classes.csv"]}
        courses = {row["sourcedId"]: row for row in self.files["courses.csv"]}
        taught = defaultdict(list)
        for row in self.files["enrollments.csv"]:
            begun = not row["beginDate"] or date.fromisoformat(row["beginDate"]) <= self.date
            ended = row["endDate"] and date.fromisoformat(row["endDate"]) <= self.date
            if row["role"] != "student" and begun and not ended:
                taught[row["userSourcedId"]].append(classes[row["classSourcedId"]])
        found: dict[str, set] = defaultdict(set)
        administrators = set()
        for user in self.files["users.csv"]:
            if user["enabledUser"].lower() != "true":
                continue
            person, role = people[user["sourcedId"]], user["role"]
            found[person] |= set()
            listed = _items(user["orgSourcedIds"])
            if role in ("teacher", "aide") and taught[user["sourcedId"]]:
                by_org = defaultdict(set)
                for class_ in taught[user["sourcedId"]]:
                    text = class_["grades"] or courses[class_["courseSourcedId"]]["grades"]
                    by_org[class_["schoolSourcedId"]] |= set(self._grade_codes(text))
                for org in listed:
                    by_org.setdefault(org, set())
                found[person] |= {(org, grade, role) for org, codes in by_org.items() for grade in codes or {None}}
                continue
            if role == "administrator":
                administrators.add(person)
                listed = [org for org in listed if self.orgs[org]["type"] != "district"]
            codes = self._grade_codes(user["grades"]) or [None]
            found[person] |= {(org, grade, role) for org in listed for grade in codes}
        root = next(org for org, row in self.orgs.items() if row["type"] == "district")
        for person in administrators:
            if not any(role == "administrator" for _, _, role in found[person]):
                found[person].add((root, None, "administrator"))
        return found


class Oracle:
    """One district: all that it delivered."""

    def __init__(self, folder: Path, grades: dict[str, str], zone: str):
        self.rosters = sorted((Roster(path, grades) for path in folder.glob("*.zip")), key=lambda roster: roster.date)
        self.zone = ZoneInfo(zone)
        self.people = self._people()
        self.states = [(roster.date, roster.rows(self.people)) for roster in self.rosters]
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
                    loads.append(PageLoad(day, person, host, "/" + path_))
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
