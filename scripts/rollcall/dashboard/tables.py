"""What a selection means in SQL, and the small tables in memory that the figures are counted from.

Two forms of the usage answer a selection. Weeks, months and school years come from the period aggregates, whose rows are few and
mostly one a person; days and custom dates are added up from the facts. Of either, sums by membership group are kept in
memory for each period that is looked at; docs/decisions.md says why. These sums define nothing: what a figure means is in
`macros/metrics.sql` and in the marts.
"""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from rollcall.dashboard.filters import Filters, Options, period_of
from rollcall.dashboard.warehouse import Version
from rollcall.dbt_macros import rendered

ROLLED_UP = ("week", "month", "school_year")
KEPT = {"day": 24, "custom": 8}  # of each kind of table and district
_IN_USE = 60.0  # seconds for which a table may still be read by the request that asked for it
# The statuses of products as bits, in the order of the options.
_STATUSES = "(select product_key, 1 << (list_position($every_status, status_group) - 1) as status from dim_products) as of_product"


def count_people(condition: str) -> str:
    """How many people tables such as `reach` hold: those who are summed up there, and each who moved once."""
    return f"(coalesce(sum(users) filter ({condition}), 0)::bigint + count(distinct user_key) filter ({condition}))"


IS_ROSTERED = rendered("is_rostered")
IN_DAYS = rendered("holds_between", "$first", "$last")


@dataclass(frozen=True)
class Scope:
    """A selection as SQL: `groups` and `people` restrict rows of usage, `products` the products.

    `statuses` says the same as `products` of rows by status group; None where the selection is finer than that.
    """

    groups: str
    people: str
    products: str
    statuses: str | None
    parameters: dict[str, object]

    @property
    def where(self) -> str:
        return self.groups + self.people + self.products

    def given(self, sql: str) -> dict[str, object]:
        named = set(re.findall(r"\$(\w+)", sql))
        return {name: value for name, value in self.parameters.items() if name in named}


@dataclass
class _Table:
    """One of them: its name once it is made, and when it was last asked for."""

    name: str | None = None
    used_at: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Tables:
    """The tables of one published version. A method that gives SQL gives a FROM, with a WHERE where it says so."""

    def __init__(self, version: Version, options: Options):
        self.version, self.options = version, options
        self._lock = threading.Lock()
        self._made = self.rows_kept = 0
        self._tables: dict[tuple[str, str, str, date, date], _Table] = {}

    # What a selection restricts

    def scope(self, filters: Filters) -> Scope:
        """What restricts rows that have a `membership_group_key`, a `user_type` and a `product_key` to a selection."""
        schools, grades = self.options.narrows(filters)
        parameters: dict[str, object] = {
            "district": filters.district_id, "period": filters.period, "first": filters.first, "last": filters.last,
        }  # fmt: skip
        groups = people = products = statuses = ""

        def given(name: str, values: tuple[str, ...]) -> str:
            # One parameter a value: a list of constants is pushed into the scan, a list that is a value is not.
            names = [f"{name}_{number}" for number in range(len(values))]
            parameters.update(zip(names, values, strict=True))
            return ", ".join(f"${each}" for each in names)

        if schools or grades:
            rows = []
            if schools:
                rows.append(
                    f"org_key in (select org_key from dim_orgs where district_id = $district and org_sourced_id in ({given('school', schools)}))"
                )
            if grades:
                rows.append(f"grade_code in ({given('grade', grades)})")
            # The same row matches both: a teacher of grade 3 at A and grade 5 at B does not answer to (A, grade 5).
            groups = f" and membership_group_key in (select membership_group_key from bridge_membership_groups where {' and '.join(rows)})"
        if filters.user_types:
            people = f" and user_type in ({given('type', filters.user_types)})"
        if filters.statuses or filters.search:
            rows = ["district_id = $district"]
            if filters.statuses:
                rows.append(f"status_group in ({given('status', filters.statuses)})")
                statuses = f" and {rows[-1]}"
            if filters.search:
                parameters["search"] = filters.search.lower()
                named = "contains(lower(concat_ws(' ', product_name, provider, sector, essential_function)), $search)"
                seen_on = "product_key in (select product_key from bridge_product_hosts where contains(lower(host || path_prefix), $search))"
                # Which school a host was seen in, nobody knows: what it is found by must not say so to those who see some.
                rows.append(named if filters.is_within else f"({named} or {seen_on})")
            products = f" and product_key in (select product_key from dim_products where {' and '.join(rows)})"
        return Scope(groups, people, products, None if filters.search else statuses, parameters)

    def usage(self, filters: Filters) -> str:
        """Rows of one person, product and membership group in the selected days, as a FROM with its WHERE."""
        if filters.period in ROLLED_UP:
            return "agg_inventory_usage where district_id = $district and period = $period and period_start = $first"
        if filters.period == "day":
            return (
                "(select *, 1 as active_days from fct_product_usage where district_id = $district and usage_date = $first) "
                "as day where true"
            )
        return f"{self._range(filters)} where true"

    def people(self, filters: Filters) -> str:
        """As `usage`, over all products."""
        if filters.period in ROLLED_UP:
            return "agg_inventory_users where district_id = $district and period = $period and period_start = $first"
        return self.usage(filters)

    # What is kept in memory

    def _range(self, filters: Filters) -> str:
        """Custom dates, added up once for the questions that follow."""
        return self._table(
            "range", filters,
            """select user_key, product_key, user_type, roster_status, membership_group_key, count(*) as active_days,
                sum(page_loads) as page_loads, sum(active_seconds) as active_seconds
            from fct_product_usage
            where district_id = $district and usage_date between $first and $last
            group by user_key, product_key, user_type, roster_status, membership_group_key""",
        )  # fmt: skip

    def _moved(self, filters: Filters) -> str:
        """Who was in more than one membership group, or of more than one type or status, in these days: few."""
        # On one day everybody is in one group.
        people = "agg_inventory_users where false" if filters.period == "day" else self.people(filters)
        return self._table(
            "moved", filters,
            f"""select user_key from {people} and user_key is not null group by user_key
            having min(coalesce(membership_group_key, 0)) <> max(coalesce(membership_group_key, 0))
                or min(roster_status) <> max(roster_status) or min(user_type) <> max(user_type)""",
        )  # fmt: skip

    def by_group(self, filters: Filters) -> tuple[str, str]:
        """Two tables that answer any filter within these days.

        `rolled` has a row for each product and membership group with the number of its people: those who were in one group
        all the time, which are nearly all, so that their counts add up. `several` has the rows of the others one by one.
        """
        usage, moved = self.usage(filters), self._moved(filters)
        several = self._table(
            "several", filters,
            f"""select user_key, product_key, user_type, roster_status, membership_group_key, active_days, page_loads, active_seconds
            from {usage} and user_key in (select user_key from {moved})""",
        )  # fmt: skip
        rolled = self._table(
            "rolled", filters,
            f"""select product_key, user_type, roster_status, membership_group_key, count(u.user_key) as users,
                sum(active_days) filter (u.user_key is not null) as active_days, sum(page_loads) as page_loads,
                sum(active_seconds) as active_seconds
            from (select * from {usage}) as u anti join {moved} as m on u.user_key = m.user_key
            group by product_key, user_type, roster_status, membership_group_key""",
        )  # fmt: skip
        return rolled, several

    def reach(self, filters: Filters) -> str:
        """A table that counts people, each once, under any filter but a search.

        A row for each membership group and set of product statuses used (bits, in the order of the options) with the number
        of `users`, whose `user_key` is null; and the rows of those who moved, one by one. `count_people` counts both.
        """
        return self._table(
            "reach", filters,
            f"""with person as (
                select user_key, user_type, roster_status, membership_group_key, bit_or(status) as statuses
                from (select * from {self.usage(filters)} and user_key is not null)
                inner join {_STATUSES} using (product_key)
                group by user_key, user_type, roster_status, membership_group_key
            )
            select m.user_key, user_type, roster_status, membership_group_key, statuses, count(*) filter (m.user_key is null) as users
            from person left join {self._moved(filters)} as m on person.user_key = m.user_key
            group by m.user_key, user_type, roster_status, membership_group_key, statuses""",
        )  # fmt: skip

    def status_bits(self, filters: Filters) -> str:
        """The chosen product statuses as a condition on such sets of bits."""
        chosen = sum(1 << self.options.statuses.index(status) for status in filters.statuses)
        return f" and statuses & {chosen} <> 0" if chosen else ""

    def person_days(self, filters: Filters) -> str:
        """The days of people by membership group and set of product statuses used on the day; they add up."""
        return self._table(
            "person_days", filters,
            f"""select user_type, roster_status, membership_group_key, statuses, count(*) as person_days
            from (
                select user_type, roster_status, membership_group_key, bit_or(status) as statuses
                from fct_product_usage inner join {_STATUSES} using (product_key)
                where district_id = $district and usage_date between $first and $last and user_key is not null
                group by usage_date, user_key, user_type, roster_status, membership_group_key
            )
            group by user_type, roster_status, membership_group_key, statuses""",
        )  # fmt: skip

    def roster(self, filters: Filters) -> str:
        """Who was rostered on any of these days up to the last day of use, by membership group, as in `reach`."""
        return self._table(
            "roster", replace(filters, last=self.options.last_day(filters)),
            f"""with there as (
                select user_key, user_type, membership_group_key from bridge_user_groups
                where district_id = $district and {IS_ROSTERED} and {IN_DAYS}
            )
            select m.user_key, user_type, membership_group_key, count(*) filter (m.user_key is null) as users
            from there
            left join (select user_key from there group by user_key having count(*) > 1) as m on there.user_key = m.user_key
            group by m.user_key, user_type, membership_group_key""",
        )  # fmt: skip

    def educators(self, filters: Filters) -> str:
        """The rows of educators alone, who are few."""
        return self._table(
            "educators", filters,
            f"""select user_key, product_key, user_type, membership_group_key, active_days, page_loads
            from {self.usage(filters)} and user_type = 'educator' and user_key is not null""",
        )  # fmt: skip

    def people_counted(self, filters: Filters, scope: Scope) -> str:
        """The selection's people as a FROM with its WHERE, for `count_people`."""
        if filters.search:
            return f"(select *, 0 as users from {self.usage(filters)}{scope.where} and user_key is not null) as found"
        return f"{self.reach(filters)} where true{scope.groups}{scope.people}{self.status_bits(filters)}"

    def by_day(self, filters: Filters) -> str:
        """Page loads by day, membership group and the status group of the products, in a table a month."""
        district, tables, day = self.options.districts[filters.district_id], [], filters.first
        while day <= min(filters.last, district.last_day or filters.last):
            month = Filters(filters.district_id, "month", *period_of("month", day))
            if district.first_day and month.last >= district.first_day:
                tables.append(
                    self._table(
                        "by_day", month,
                        """select usage_date, user_type, membership_group_key, status_group, sum(f.page_loads) as page_loads
                        from fct_product_usage as f inner join dim_products using (product_key)
                        where f.district_id = $district and usage_date between $first and $last group by all""",
                    )
                )  # fmt: skip
            day = month.last + timedelta(days=1)
        if not tables:
            return "(select * exclude (product_key), '' as status_group from fct_product_usage where false) as nothing"
        return f"({' union all '.join(f'select * from {table}' for table in tables)}) as by_day"

    def _table(self, kind: str, filters: Filters, query: str) -> str:
        """The table of that kind for these days, whoever is selected: made once, for the first request."""
        wanted = (kind, filters.district_id, filters.period, filters.first, filters.last)
        with self._lock:
            # The one that was used last is at the end.
            table = self._tables[wanted] = self._tables.pop(wanted, None) or _Table()
            table.used_at = time.monotonic()
        with table.lock:
            if not table.name:
                with self._lock:
                    self._made += 1
                    name = f"memory.main.{kind}_{self._made}"
                scope = self.scope(Filters(filters.district_id, filters.period, filters.first, filters.last))
                more = {"every_status": list(self.options.statuses)} if "$every_status" in query else {}
                self.rows_kept += self.ask(f"create table {name} as {query}", scope, **more)[0]["Count"]
                table.name = name
                if filters.period in KEPT:
                    self._forget(kind, filters)
        return table.name

    def _forget(self, kind: str, filters: Filters) -> None:
        """Of days and custom dates, which are without number, those used last are kept, and whatever is in use."""
        with self._lock:
            alike = [
                wanted
                for wanted, table in self._tables.items()
                if table.name and wanted[:3] == (kind, filters.district_id, filters.period)
            ]
            for wanted in alike[: -KEPT[filters.period]]:
                if time.monotonic() - self._tables[wanted].used_at > _IN_USE:
                    self.version.rows(f"drop table {self._tables.pop(wanted).name}")

    def ask(self, sql: str, scope: Scope, **more: object) -> list[dict[str, object]]:
        """The rows of a query that names parameters of the selection, or `more` of its own."""
        return self.version.rows(sql, scope.given(sql) | more)
