"""The inventory as the pages may show it: without the counts of a few students, and without what gives them away.

`suppression` says which counts those are; here are the families that the pages show, and what else goes with a hidden count.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from rollcall.dashboard.filters import Filters, piece_of
from rollcall.dashboard.queries import Inventory
from rollcall.dashboard.suppression import Cells, Hidden, hide, hide_days, parted
from rollcall.settings import Settings

HIDDEN = "*"  # a count that is not small, and would give away one that is
_OF_PLACES = ("is_every_grade", "is_every_school", "school", "school_name", "grade")
_KEPT_CELLS = 12_000_000  # of the families that were looked at last: some 200 megabytes
_KEPT_ANSWERS = 24  # of each kind, of the selections that were looked at last


class Shown:
    """The answers of an inventory under the threshold. A hidden count is None, and `few` says what stands in its place."""

    def __init__(self, inventory: Inventory, threshold: int, settings: Settings | None = None):
        self.inventory, self.threshold, self.settings = inventory, threshold, settings or Settings()
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple, tuple[Hidden, dict]] = OrderedDict()
        self._cells = 0
        # A version never changes, so neither do its answers; the pages share them. Nobody changes a row that was given.
        for name in ("products", "places", "headline_alone"):
            setattr(self, name, lru_cache(_KEPT_ANSWERS)(getattr(self, name)))
        self._places_counted = lru_cache(_KEPT_ANSWERS)(inventory.places)

    def warm_up(self, ready: Callable[[], None]) -> None:
        """Makes what the first pages need and says so; then what the newest periods need, and older ones' until much memory is taken."""
        try:
            for district_id in self.options.districts:
                newest = self.options.default(district_id)
                self._prepare(newest)
                if then := self.before(newest)[0]:
                    self.headline_alone(then)
        finally:
            ready()
        for filters in self.inventory.newest():
            self._prepare(filters)

    def _prepare(self, filters: Filters) -> None:
        self.tables.by_group(filters)
        self.tables.educators(filters)
        students = replace(filters, user_types=("student",))
        self.headline(filters)
        self.trend(filters)
        self.places(students)
        if self.threshold:
            self._of_products(filters)
        if filters.period == "month":
            self.tables.by_day(filters)

    def __getattr__(self, name: str):
        # Deliveries, addresses, educators, first days: no counts of students.
        if name in ("options", "version", "product", "hosts", "educators", "new_products", "deliveries", "verdicts", "findings", "reported",
                    "freshness", "school_names", "periods", "before", "school_days", "open_problems", "set_aside", "unrostered_domains", "tables"):  # fmt: skip
            return getattr(self.inventory, name)
        raise AttributeError(name)

    @property
    def few(self) -> str:
        return f"<{self.threshold}"

    # The pages' answers

    def too_few(self, filters: Filters) -> bool:
        """Whether the selection picks a few students, on the roster or with use, or all of a place but a few: then nothing of it is
        shown, since what it lists is what these few used."""
        schools, grades = self.options.narrows(filters)
        if not self._counts_students(filters) or not (schools or grades):
            return False
        everything = replace(filters, statuses=(), search="")
        return any(self._sums(self._placed(everything, measure), filters).any() for measure in ("rostered", "users"))

    def products(self, filters: Filters, product_key: str | None = None) -> list[dict[str, object]]:
        rows = self.inventory.products(filters, product_key)
        if not self._counts_students(filters):
            return [row | {"few": None} for row in rows]
        mask, families = None, {}
        if self.options.narrows(filters) != ((), ()):
            hidden, families = self._of_products(filters)
            mask = self._sums(hidden, filters)
        parted_, found = self._parted_products(filters), []
        for row in rows:
            few = None
            if row["students"] and (self._is_hidden(row, mask, families) or int(row["product_key"]) in parted_):
                few = self._word(row["students"])
                row |= {
                    "students": None,
                    "pct_access": None,
                    "engagement_index": None,
                    "active_days": None,
                    "users": None,
                }
            found.append(row | {"few": few})
        return found

    def _is_hidden(self, row: dict[str, object], mask: np.ndarray | None, families: dict[object, int]) -> bool:
        if mask is None:
            # The total of a product is hidden where it is small, and for no other reason.
            return row["students"] < self.threshold
        family = families.get(int(row["product_key"]))
        return family is None or bool(mask[family])

    def headline_alone(self, filters: Filters) -> dict[str, object]:
        """`headline`, where the products are not asked for."""
        return self.headline(filters)

    def headline(self, filters: Filters, products: list[dict[str, object]] | None = None) -> dict[str, object]:
        found = self.inventory.headline(filters, products)
        if found["users"] and (self._hides_people(filters) or self._is_hidden_day(filters)):
            found |= {"users": None, "reach": None, "few": True}
        return found

    def trend(self, filters: Filters) -> list[dict[str, object]]:
        rows = self.inventory.trend(filters)
        if not self._counts_students(filters) or filters.statuses or filters.search:
            return rows
        return self._days(
            filters, rows, self._hidden_days(filters, self.inventory.trend), ("days",),
            lambda: """select usage_date as family, null as user_key, membership_group_key, users from agg_inventory_days
            where district_id = $district and usage_date between $first and $last and user_type = 'student'""",
        )  # fmt: skip

    def product_trend(self, filters: Filters, product_key: str) -> list[dict[str, object]]:
        rows = self.inventory.product_trend(filters, product_key)
        if not self._counts_students(filters):
            return rows
        hidden = self._hidden_days(filters, lambda of: self.inventory.product_trend(of, product_key))
        return self._days(
            filters, rows, hidden, ("product days", product_key),
            lambda: """select usage_date as family, user_key, membership_group_key, 0 as users from fct_product_usage
            where district_id = $district and usage_date between $first and $last and product_key = $product and user_type = 'student'""",
            product=int(product_key),
        )  # fmt: skip

    def weekly_students(self, filters: Filters) -> list[dict[str, object]]:
        rows = self.inventory.weekly_students(filters)
        if filters.is_within and self.threshold:
            # Of some schools, a week is shown where their figures of that week are.
            return [
                row | {"users": None} if row["users"] and self._hides_week(filters, row["usage_date"]) else row
                for row in rows
            ]
        return [row | {"users": None} if 0 < row["users"] < self.threshold else row for row in rows]

    def _hides_week(self, filters: Filters, first: date) -> bool:
        week = Filters(filters.district_id, "week", first, first + timedelta(days=6), filters.schools, is_within=True)
        return self._hides_people(week)

    def places(self, filters: Filters, product_key: str | None = None) -> list[dict[str, object]]:
        rows = self._places_counted(filters, product_key)
        if not self._counts_students(filters):
            return [row | {"few": None, "few_active": None} for row in rows]
        used, rostered, active = (
            self._places(self._placed(filters, measure, product_key), filters)
            for measure in ("users", "rostered", "active")
        )
        days, found = self._school_days(filters), []
        for row in rows:
            place = (None if row["is_every_school"] else row["school"], ... if row["is_every_grade"] else row["grade"])
            few = few_active = None
            if (row["users"] or row["rostered"]) and (used(*place) or rostered(*place)):
                few = few_active = self._word(row["users"])
                row = row | {name: None for name in row if name not in _OF_PLACES}
            elif row["student_days"] and active(*place):
                few_active = self._word(row["student_days"] // days)
                row = row | {"student_days": None, "pct_access": None}
            found.append(row | {"few": few, "few_active": few_active})
        return found

    def coverage(self, filters: Filters) -> list[dict[str, object]]:
        rows = self.inventory.coverage(filters)
        if self._hides_people(filters):
            rows = [row | ({"users": None} if row["roster_status"] == "rostered" else {}) for row in rows]
        return rows

    def match_rate(self, filters: Filters) -> float | None:
        return None if self._hides_people(filters) else self.inventory.match_rate(filters)

    def without_place(self, filters: Filters) -> list[dict[str, object]]:
        rows = self.inventory.without_place(filters)
        names = ("people", "without_school", "without_grade")
        return [
            row | {name: None for name in names if row["user_type"] == "student" and 0 < row[name] < self.threshold}
            for row in rows
        ]

    # What is hidden

    def _counts_students(self, filters: Filters) -> bool:
        return self.threshold > 0 and (not filters.user_types or "student" in filters.user_types)

    def _word(self, count: int) -> str:
        return self.few if count < self.threshold else HIDDEN

    def _hides_people(self, filters: Filters) -> bool:
        if not self._counts_students(filters):
            return False
        return bool(self._sums(self._placed(filters, "users"), filters).any())

    def _school_days(self, filters: Filters) -> int:
        return max(1, sum(filters.first <= day <= filters.last for day in self.school_days(filters.district_id)))

    def _numbers(self, filters: Filters) -> tuple[dict[str, int], dict[str | None, int]]:
        there = self.options.districts[filters.district_id]
        return (
            {name: number for number, name in enumerate(there.schools)},
            {name: number for number, name in enumerate([*there.grades, None])},
        )

    def _sums(self, hidden: Hidden, filters: Filters) -> np.ndarray:
        schools, grades = self.options.narrows(filters)
        school_of, grade_of = self._numbers(filters)
        return hidden.sums([school_of[name] for name in schools], [grade_of[name] for name in grades])

    def _places(self, hidden: Hidden, filters: Filters) -> Callable[[str | None, object], bool]:
        """Whether a cell, or a margin over the selection, of the one family is hidden; None is every school, and ... every grade."""
        school_of, grade_of = self._numbers(filters)
        cells, (schools, grades) = hidden.cells, self.options.narrows(filters)
        some, few = [school_of[name] for name in schools], [grade_of[name] for name in grades]
        at = set(zip(cells.school[hidden.cell].tolist(), cells.grade[hidden.cell].tolist(), strict=True))

        def is_hidden(school: str | None, grade: object) -> bool:
            if not len(cells.total):
                return False
            if school is not None and grade is not ...:
                return (school_of[school], grade_of[grade]) in at
            # All grades of a school are those that are selected.
            in_schools = some if school is None else [school_of[school]]
            return bool(hidden.sums(in_schools, few if grade is ... else [grade_of[grade]])[0])

        return is_hidden

    # The families

    def _placed(self, filters: Filters, measure: str, product_key: str | None = None) -> Hidden:
        """Students by school and grade: with use ("users"), on the roster ("rostered"), or active on an average school day ("active")."""
        everywhere = replace(filters, schools=(), grades=(), user_types=("student",))
        if measure == "rostered":
            everywhere, product_key = replace(everywhere, statuses=(), search=""), None
        key = ("places", measure, product_key, everywhere.statuses, everywhere.search)
        if (known := self._known(filters, key)) is not None:
            return known[0]
        days = self._school_days(filters)
        school_of, grade_of = self._numbers(filters)
        parted_ = self._parted_places(everywhere, product_key) if measure != "rostered" else set()
        found: list[tuple[int, int, int]] = []
        for row in self._places_counted(everywhere, product_key):
            school = -1 if row["is_every_school"] else school_of[row["school"]]
            grade = -1 if row["is_every_grade"] else grade_of[row["grade"]]
            count = (
                row[measure] if measure != "active" else min(row["student_days"], max(1, row["student_days"] // days))
            )
            if count:
                # What single days would follow from counts as few.
                found.append((school, grade, 1 if (school, grade) in parted_ else count))
        columns = zip(("school", "grade", "students"), np.array(found, np.int64).reshape(-1, 3).T, strict=True)
        return self._hide(filters, key, {"family": np.zeros(len(found), np.int64), **dict(columns)}, False)[0]

    def _of_products(self, filters: Filters) -> tuple[Hidden, dict]:
        """Students with use, by product."""
        if (known := self._known(filters, ("products",))) is not None:
            return known
        rolled, several = self.tables.by_group(filters)
        found = self._count(
            filters,
            f"""select product_key as family, null as user_key, membership_group_key, users from {rolled} where user_type = 'student'
            union all
            select product_key, user_key, membership_group_key, 0 from {several} where user_type = 'student'""",
        )
        self._mark_parted(filters, found)
        return self._hide(filters, ("products",), found, True)

    # Days that are sums' parts

    def _around(self, filters: Filters) -> Filters:
        """The selection, with the whole pieces of weeks at its ends; of custom dates with the next ones, too."""
        more = timedelta(filters.period == "custom" and filters.first < filters.last)
        first, last = piece_of(filters.first - more)[0], piece_of(filters.last + more)[1]
        return replace(filters, period="custom", first=first, last=last)

    def _hidden_days(self, filters: Filters, ask: Callable[[Filters], list[dict[str, object]]]) -> set[date]:
        """The days on which the selection's students are not shown, so that no day is the period less its other days."""
        rows = [row for row in ask(replace(self._around(filters), user_types=("student",))) if row["users"]]
        days = np.array([row["usage_date"] for row in rows], "datetime64[D]")
        counts = np.array([row["users"] for row in rows], np.int64)
        hidden = hide_days(np.zeros(len(rows), np.int64), days, counts, self.threshold)
        return {row["usage_date"] for row, is_hidden in zip(rows, hidden, strict=True) if is_hidden}

    def _is_hidden_day(self, filters: Filters) -> bool:
        is_day = filters.first == filters.last and not (filters.statuses or filters.search)
        return (
            is_day
            and self._counts_students(filters)
            and filters.first in self._hidden_days(filters, self.inventory.trend)
        )

    def _parted_products(self, filters: Filters) -> set[int]:
        """The products of whose hidden days the selected dates have some."""
        around = self._around(filters)
        if (around.first, around.last) == (filters.first, filters.last):
            return set()
        scope = self.tables.scope(around)
        sql = f"""select product_key as family, usage_date, count(distinct user_key)::bigint as students from fct_product_usage
            where district_id = $district and usage_date between $first and $last and user_type = 'student'{scope.groups}{scope.products}
                and (usage_date <= $head or usage_date >= $tail)
            group by product_key, usage_date"""
        ends = {"head": piece_of(filters.first)[1], "tail": piece_of(filters.last)[0]}
        found = self.version.arrays(sql, replace(scope, parameters=scope.parameters | ends).given(sql))
        return set(self._parted(filters, found["family"], found["usage_date"], found["students"]).tolist())

    def _mark_parted(self, filters: Filters, found: dict[str, np.ndarray]) -> None:
        """Makes few of the counts of products and places whose hidden days the selected dates have some of."""
        around = self._around(replace(filters, schools=(), grades=(), user_types=(), statuses=(), search=""))
        if (around.first, around.last) == (filters.first, filters.last) or not len(found["family"]):
            return
        products = np.unique(found["family"])
        by_day = self._count(
            around,
            """select number * 100_000 + (usage_date - date '1970-01-01') as family, user_key, membership_group_key, 0 as users
            from fct_product_usage
            inner join (select unnest($products) as product_key, unnest(range(len($products))) as number) using (product_key)
            where district_id = $district and usage_date between $first and $last and user_type = 'student'
                and (usage_date <= $head or usage_date >= $tail)""",
            products=products.tolist(), head=piece_of(filters.first)[1], tail=piece_of(filters.last)[0],
        )  # fmt: skip

        def table(product: np.ndarray, of: dict[str, np.ndarray]) -> np.ndarray:
            return product * 1_000_000 + _place(of)

        days = (by_day["family"] % 100_000).astype("datetime64[D]")
        tables = self._parted(filters, table(by_day["family"] // 100_000, by_day), days, by_day["students"])
        if len(tables):
            asked = table(np.searchsorted(products, found["family"]), found)
            found["students"][tables[np.searchsorted(tables[:-1], asked)] == asked] = 1

    def _parted_places(self, filters: Filters, product_key: str | None) -> set[tuple[int, int]]:
        """As above, of schools and grades, by number (-1: all)."""
        around = self._around(replace(filters, schools=(), grades=(), user_types=()))
        if (around.first, around.last) == (filters.first, filters.last):
            return set()
        scope = self.tables.scope(around)
        of = " and product_key = $product" if product_key else scope.products
        found = self._count(
            around,
            f"""select usage_date as family, user_key, membership_group_key, 0 as users from fct_product_usage
            where district_id = $district and usage_date between $first and $last and user_type = 'student'{of}""",
            **({"product": int(product_key)} if product_key else {}),
        )
        tables = self._parted(filters, _place(found), found["family"], found["students"])
        return {(table // 1_000 - 1, table % 1_000 - 1) for table in tables.tolist()}

    def _parted(self, filters: Filters, table: np.ndarray, days: np.ndarray, counts: np.ndarray) -> np.ndarray:
        first, last = np.datetime64(filters.first), np.datetime64(filters.last)
        return parted(table, days.astype("datetime64[D]"), counts.astype(np.int64), first, last, self.threshold)

    def _days(
        self, filters: Filters, rows: list[dict[str, object]], hidden_days: set[date], key: tuple, source, **more
    ) -> list[dict[str, object]]:
        around = self._around(filters)
        if (known := self._known(around, key)) is None:
            found = self._count(around, source(), **more)
            # Days that go with those of a few count as few.
            days = found["family"].astype("datetime64[D]")
            found["students"][hide_days(_place(found), days, found["students"], self.threshold)] = 1
            known = self._hide(around, key, found, True)
        hidden, families = known
        mask = self._sums(hidden, filters)
        return [
            row | {"users": None, "few": True}
            if row["usage_date"] in hidden_days or (row["usage_date"] in families and mask[families[row["usage_date"]]])
            else row
            for row in rows
        ]

    def _known(self, filters: Filters, key: tuple) -> tuple[Hidden, dict[object, int]] | None:
        wanted = (filters.district_id, filters.period, filters.first, filters.last, *key)
        with self._lock:
            if wanted in self._kept:
                self._kept.move_to_end(wanted)
            return self._kept.get(wanted)

    def _hide(
        self, filters: Filters, key: tuple, found: dict[str, np.ndarray], coarse: bool
    ) -> tuple[Hidden, dict[object, int]]:
        school_of, grade_of = self._numbers(filters)
        names, family = (
            np.unique(found["family"], return_inverse=True)
            if len(found["family"])
            else (np.array([]), np.array([], int))
        )
        shape = (len(names), len(school_of), len(grade_of))
        school, grade, count = (
            found["school"].astype(int),
            found["grade"].astype(int),
            found["students"].astype(np.int64),
        )
        by_school, by_grade, total = (
            np.zeros(shape[:2], np.int64),
            np.zeros((shape[0], shape[2]), np.int64),
            np.zeros(shape[0], np.int64),
        )
        rows, columns, whole = (school >= 0) & (grade < 0), (school < 0) & (grade >= 0), (school < 0) & (grade < 0)
        by_school[family[rows], school[rows]] = count[rows]
        by_grade[family[columns], grade[columns]] = count[columns]
        total[family[whole]] = count[whole]
        cell = (school >= 0) & (grade >= 0)
        cells = Cells(family[cell], school[cell], grade[cell], count[cell], by_school, by_grade, total)
        result = hide(cells, self.threshold, coarse), {_plain(name): number for number, name in enumerate(names)}
        with self._lock:
            wanted = (filters.district_id, filters.period, filters.first, filters.last, *key)
            self._cells += 0 if wanted in self._kept else len(cells.count)
            self._kept[wanted] = result
            while self._cells > _KEPT_CELLS and len(self._kept) > 1:
                _, (gone, _) = self._kept.popitem(last=False)
                self._cells -= len(gone.cells.count)
        return result

    def _count(self, filters: Filters, source: str, **more) -> dict[str, np.ndarray]:
        """Students by family, school and grade, and over each of the latter (-1)."""
        there, scope = self.options.districts[filters.district_id], self.tables.scope(filters)
        sql = f"""
            with cell as (
                -- A group once in each place that it has, whatever its roles there.
                select distinct b.membership_group_key, list_position($every_school, o.org_sourced_id) - 1 as school,
                    coalesce(list_position($every_grade, b.grade_code), len($every_grade) + 1) - 1 as grade
                from bridge_membership_groups as b inner join dim_orgs as o using (org_key)
                where o.district_id = $district and o.org_type = 'school'
            ),
            place as (
                select * from cell where school is not null
                union all
                select distinct membership_group_key, school, -1 from cell where school is not null
                union all
                select distinct membership_group_key, -1, grade from cell where school is not null
            ),
            counted as (
                select family, user_key, membership_group_key, sum(users) as users from ({source}) group by family, user_key, membership_group_key
            )
            select family, school, grade, (sum(users) + count(distinct user_key))::bigint as students
            from counted inner join place using (membership_group_key) group by family, school, grade
            union all
            select family, -1, -1, (sum(users) + count(distinct user_key))::bigint from counted group by family"""
        given = scope.parameters | more | {"every_school": list(there.schools), "every_grade": list(there.grades)}
        arrays = self.version.arrays(sql, replace(scope, parameters=given).given(sql))
        return {name: values[arrays["students"] > 0] for name, values in arrays.items()}


def _place(found: dict[str, np.ndarray]) -> np.ndarray:
    """School and grade (-1: all) as one number."""
    return (found["school"].astype(np.int64) + 1) * 1_000 + found["grade"].astype(np.int64) + 1


def _plain(name: object) -> object:
    """A member of a family as the other answers name it."""
    if isinstance(name, np.datetime64):
        return date.fromisoformat(str(name)[:10])
    return int(name)
