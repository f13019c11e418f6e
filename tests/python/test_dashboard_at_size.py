"""The dashboard at 40 schools by 14 grades and 2,700 products: random selections, their exports and what is hidden, against plain counting.

`ROLLCALL_SELECTIONS=300` (`make selections`) asks for so many, of a month of 11,000 students; the suite asks for 12, of four days.
"""

from __future__ import annotations

import csv
import io
import itertools
import os
import random
import sys
import zipfile
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from rollcall.dashboard.app import create
from rollcall.dashboard.filters import Filters
from rollcall.dashboard.privacy import Shown
from rollcall.dashboard.queries import Inventory
from rollcall.dashboard.warehouse import Warehouse
from rollcall.paths import PROJECT
from test_dashboard import random_filters

sys.path.insert(0, str(PROJECT / "scripts" / "bench"))
import large

SELECTIONS = int(os.environ.get("ROLLCALL_SELECTIONS", "12"))
DAYS, STUDENTS = (4, 3_000) if SELECTIONS <= 12 else (22, 11_000)
MARKS = ("<10", "*")


class Counted:
    """What the files say, counted with masks over all page loads: nothing of the models or of DuckDB."""

    def __init__(self, folder: Path):
        with zipfile.ZipFile(next(folder.glob("roster_*.zip"))) as archive:
            users = list(csv.DictReader(io.StringIO(archive.read("users.csv").decode())))
        numbers = {row["sourcedId"]: number for number, row in enumerate(users)}
        self.school, self.grade = (np.array([row[name] for row in users]) for name in ("orgSourcedIds", "grades"))
        self.kind = np.array([{"student": "student", "teacher": "educator"}[row["role"]] for row in users])
        cells, self.cell = np.unique([f"{row['orgSourcedIds']} {row['grades']}" for row in users], return_inverse=True)
        self.cells = [tuple(cell.split(" ")) for cell in cells.tolist()]
        with (PROJECT / "seeds" / "product_statuses.csv").open(newline="") as file:
            groups = {
                row["product_status"]: (row["status_group"], row["is_approved"] == "true")
                for row in csv.DictReader(file)
            }
        with next(folder.glob("products_*.csv")).open(newline="") as file:
            catalog = {row["url"].removeprefix("https://"): row for row in csv.DictReader(file)}
        loads, hosts = [], {}
        for path in folder.glob("usage_*.csv"):
            with path.open(newline="") as file:
                for row in csv.DictReader(file):
                    host = row["url"].removeprefix("https://").strip("/")
                    day = date.fromisoformat(row["occurred_at"][:10]).toordinal()
                    loads.append(
                        (day, numbers[row["user_id"]], hosts.setdefault(host, len(hosts)), int(row["duration_seconds"]))
                    )
        self.day, self.person, self.product, self.seconds = np.array(loads).T
        self.days = np.unique(self.day)
        self.names, self.status, self.approved, self.words = [], [], [], []
        for host in hosts:
            row = catalog.get(
                host,
                {"product_name": host, "product_status": None, "provider": "", "sector": "", "essential_function": ""},
            )
            status = row["product_status"]
            group = (
                ("not in the catalog", False)
                if status is None
                else groups[status.lower()]
                if status
                else ("no status", False)
            )
            self.names.append(row["product_name"])
            self.status.append(group[0])
            self.approved.append(group[1])
            self.words.append(
                " ".join([row["product_name"], row["provider"], row["sector"], row["essential_function"], host]).lower()
            )

    def selected(self, filters: Filters) -> Selected:
        people = np.ones(len(self.kind), bool)
        for values, known in (
            (filters.schools, self.school),
            (filters.grades, self.grade),
            (filters.user_types, self.kind),
        ):
            people &= np.isin(known, values) if values else True
        products = np.array(
            [(not filters.statuses or status in filters.statuses) and filters.search.lower() in words for status, words in zip(self.status, self.words, strict=True)],
            bool,
        )  # fmt: skip
        in_days = (self.days >= filters.first.toordinal()) & (self.days <= filters.last.toordinal())
        rows = people[self.person] & products[self.product] & np.isin(self.day, self.days[in_days])
        return Selected(self, people, np.flatnonzero(rows), int(in_days.sum()))


@dataclass
class Selected:
    all: Counted
    people: np.ndarray
    rows: np.ndarray
    days: int

    def distinct(self, *columns: np.ndarray) -> np.ndarray:
        """The rows' distinct values of these columns of numbers, as columns."""
        sizes = [int(column.max()) + 1 for column in columns]
        return np.array(np.unravel_index(np.unique(np.ravel_multi_index([column[self.rows] for column in columns], sizes)), sizes))  # fmt: skip

    def products(self) -> dict[str, dict[str, float]]:
        of = self.all
        n, student = len(of.names), of.kind == "student"
        who, what = self.distinct(of.person, of.product)
        days_who, days_what, _ = self.distinct(of.person, of.product, of.day)
        loads, seconds = (np.bincount(of.product[self.rows], weights, n) for weights in (None, of.seconds[self.rows]))
        by_students = np.bincount(of.product[self.rows], student[of.person[self.rows]], n)
        students, educators = (np.bincount(what, of.kind[who] == kind, n) for kind in ("student", "educator"))
        student_days, rostered = np.bincount(days_what, student[days_who], n), (self.people & student).sum() * self.days
        return {
            of.names[p]: {
                "Students": students[p], "Educators": educators[p], "Page loads": loads[p], "Minutes": seconds[p] / 60,
                "Access": 100 * student_days[p] / rostered if rostered else None,
                "Engagement": 1000 * by_students[p] / rostered if rostered else None,
            }
            for p in np.flatnonzero(loads)
        }  # fmt: skip

    def headline(self) -> dict[str, float | None]:
        of, approved = self.all, np.array(self.all.approved)
        users, loads = len(np.unique(of.person[self.rows])), len(self.rows)
        return {
            "users": users, "page_loads": loads, "products": len(np.unique(of.product[self.rows])),
            "reach": 100 * users / self.people.sum() if loads else None,
            "unapproved": 100 * (~approved[of.product[self.rows]]).mean() if loads else None,
        }  # fmt: skip

    def places(self) -> dict[tuple[str | None, str | None], tuple[int, int, int, int]]:
        """Students with use, on the roster, their days of use and page loads, by school (None: all) and grade (None: all)."""
        of, found = self.all, Counter()
        students = np.flatnonzero(self.people & (of.kind == "student"))
        (active,), (days, _) = self.distinct(of.person), self.distinct(of.person, of.day)
        loads = of.person[self.rows]
        for number, who in enumerate((active, students, days, loads)):
            who = who[(of.kind == "student")[who]]
            counts = np.bincount(of.cell[who], minlength=len(of.cells))
            for (school, grade), count in zip(of.cells, counts.tolist(), strict=True):
                for place in itertools.product((school, None), (grade, None)):
                    found[place, number] += count
        return {place: tuple(found[place, number] for number in range(4)) for place, _ in found}


@pytest.fixture(scope="module")
def district(session_house):
    house = session_house("at_size")
    large.make(house.landing / "largefield", DAYS, STUDENTS)
    counted = Counted(house.landing / "largefield")
    house.refresh()
    return house, counted


def table(client, name: str, filters: Filters, more: str = "") -> tuple[int, list[dict[str, str]]]:
    answer = client.get(f"/export/{name}.csv{filters.as_query()}{more}", headers={"Host": "localhost"})
    text = answer.get_data(as_text=True).replace("\r\n", "\n")
    return answer.status_code, list(csv.DictReader(io.StringIO(text.partition("\n\n")[2])))


@pytest.mark.long
def test_random_selections_their_exports_and_what_is_hidden_are_what_the_files_say(district):
    house, counted = district
    client = create(house.settings).server.test_client()
    figures = Shown(Inventory(Warehouse(house.settings).version()), 10)
    options, rng, seen = figures.options, random.Random(1840), Counter()
    (there,) = options.districts.values()
    assert (len(there.schools), len(there.grades)) == (40, 14)
    while seen["selections"] < SELECTIONS:
        filters = random_filters(options, rng)
        if filters.search:
            filters = Filters(
                **filters.__dict__ | {"search": rng.choice(["provider 1", "p12", "science", "product 7"])}
            )
        seen["selections"] += 1
        selected = counted.selected(filters)
        students = int((selected.people & (counted.kind == "student")).sum())
        if figures.too_few(filters):
            assert table(client, "products", filters)[0] == 403
            seen["refused"] += 1
            continue
        narrow = options.narrows(filters) != ((), ())
        assert not (narrow and 0 < students < 10), filters
        headline = figures.headline(filters)
        hidden = headline.pop("few", False)
        for name, value in selected.headline().items():
            assert headline[name] == pytest.approx(value) or (hidden and headline[name] is None), (filters, name)
        _agrees_on_products(client, filters, selected, seen)
        _agrees_on_places(client, figures, filters, counted, seen)
    assert seen["shown"] > 30 * SELECTIONS and seen["<10"] > 30 * SELECTIONS and seen["*"], seen
    assert seen["refused"] < SELECTIONS / 2 and seen["active"], seen


def _agrees_on_products(client, filters: Filters, selected: Selected, seen: Counter) -> None:
    status, rows = table(client, "products", filters)
    wanted = selected.products()
    assert status == 200 and {row["Product"] for row in rows} == wanted.keys(), filters
    for row in rows:
        one = wanted[row["Product"]]
        assert (float(row["Educators"]), float(row["Page loads"])) == (one["Educators"], one["Page loads"]), (
            filters,
            row,
        )
        assert abs(float(row["Minutes"]) - one["Minutes"]) <= 0.5 + 1e-9, (filters, row)
        mark = row["Students"] if row["Students"] in MARKS else None
        seen[mark or "shown"] += 1
        if 0 < one["Students"] < 10:
            assert mark == "<10", (filters, row)
        assert mark != "<10" or one["Students"] < 10, (filters, row)
        assert mark or float(row["Students"]) == one["Students"], (filters, row)
        for name in ("Access", "Engagement"):
            if mark:
                assert row[name] == mark, (filters, row)
            elif one[name] is not None:
                assert abs(float(row[name]) - one[name]) <= 0.05 + 1e-9, (filters, row)


def _agrees_on_places(client, figures: Shown, filters: Filters, counted: Counted, seen: Counter) -> None:
    of = Filters(**filters.__dict__ | {"user_types": ("student",)})
    selected = counted.selected(of).places()
    for row in figures.places(of):
        place = selected.get((row["school"], row["grade"]), (0, 0, 0, 0))
        if row["few_active"] and not row["few"]:
            # The students active on an average day are few, or would reveal a few; those of the whole time are not.
            seen["active"] += 1
            assert row["student_days"] is None and row["pct_access"] is None and place[2] > 0, (filters, row)
            assert row["users"] == place[0] >= 10 and (row["rostered"], row["page_loads"]) == (place[1], place[3]), (
                filters,
                row,
            )
        elif row["few"]:
            seen[row["few"]] += 1
            assert (row["few"] == "<10") == (place[0] < 10), (filters, row)
            assert all(
                row[name] is None
                for name in ("users", "rostered", "student_days", "pct_access", "page_loads", "minutes")
            )
        else:
            seen["shown"] += 1
            assert tuple(row[name] for name in ("users", "rostered", "student_days", "page_loads")) == place, (
                filters,
                row,
            )
            assert place[0] == 0 or place[0] >= 10, (filters, row)
            assert place[1] == 0 or place[1] >= 10, (filters, row)
    if not (filters.user_types or figures.too_few(of)):
        status, rows = table(client, "heat", of, "&measure=page_loads")
        names = {name: key for key, name in figures.options.districts[of.district_id].schools.items()}
        shown = {row["school"]: row for row in figures.places(of) if row["is_every_grade"]}
        for row in rows:
            one = shown[names.get(row["School"])]
            told = row["All grades"]
            assert told == one["few"] if one["few"] else float(told) == one["page_loads"], (filters, row)
        assert status == 200
