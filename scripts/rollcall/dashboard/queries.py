"""Every figure of the page, as SQL over the published marts: counted once here, whichever view shows it.

What the metrics mean is in docs/metrics.md; `macros/metrics.sql` defines them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date

from rollcall.dashboard.filters import District, Filters, Options
from rollcall.dashboard.tables import IN_DAYS, IS_ROSTERED, KEPT, ROLLED_UP, Scope, Tables, count_people
from rollcall.dashboard.warehouse import Version
from rollcall.dbt_macros import rendered

_IS_ROSTERED_STUDENT = rendered("is_rostered_student")
_WARM_ROWS = 20_000_000  # somewhat more than a gigabyte
# The row over all places of a selection that nobody is in.
_NOWHERE: dict[str, object] = {
    "is_every_grade": True, "is_every_school": True, "school": None, "school_name": None, "grade": None,
    "users": 0, "rostered": 0, "student_days": 0, "pct_access": None, "page_loads": 0, "minutes": 0,
}  # fmt: skip


def options(version: Version) -> Options:
    """What there is to choose from."""
    districts = {}
    days = {
        row["district_id"]: (row["first_day"], row["last_day"])
        for row in version.rows(
            "select district_id, min(usage_date) as first_day, max(usage_date) as last_day from fct_usage_days group by district_id"
        )
    }
    schools: dict[str, dict[str, str]] = {}
    for row in version.rows(
        """select district_id, org_sourced_id, coalesce(org_name, org_sourced_id) as org_name from dim_orgs
        where org_type = 'school' and (is_active or org_key in (select org_key from bridge_membership_groups))
        order by org_name, org_sourced_id"""
    ):
        schools.setdefault(row["district_id"], {})[row["org_sourced_id"]] = row["org_name"]
    grades: dict[str, dict[str, str]] = {}
    grades_of: dict[str, dict[str, tuple[str, ...]]] = {}
    for row in version.rows(
        """select district_id, org_sourced_id, grade_code, grade_name
        from (
            select distinct o.district_id, o.org_sourced_id, b.grade_code
            from bridge_membership_groups as b inner join dim_orgs as o using (org_key)
        )
        inner join dim_grades using (grade_code) order by sort_order"""
    ):
        district_id, code = row["district_id"], row["grade_code"]
        grades.setdefault(district_id, {})[code] = row["grade_name"]
        of_school = grades_of.setdefault(district_id, {})
        of_school[row["org_sourced_id"]] = (*of_school.get(row["org_sourced_id"], ()), code)
    statuses = version.rows(
        """select status_group, list(distinct district_id) as districts from dim_products group by status_group
        order by count(*) filter (is_approved) desc, status_group"""
    )
    years: dict[str, list[tuple[date, date]]] = {}
    for row in version.rows("select district_id, first_day, last_day from dim_school_years order by first_day"):
        years.setdefault(row["district_id"], []).append((row["first_day"], row["last_day"]))
    for row in version.rows(
        "select district_id, district_name, time_zone, freshness_days from dim_districts order by district_name, district_id"
    ):
        district_id = row["district_id"]
        districts[district_id] = District(
            district_id, row["district_name"], schools.get(district_id, {}), grades.get(district_id, {}),
            *days.get(district_id, (None, None)), row["time_zone"], tuple(years.get(district_id, ())),
            json.loads(row["freshness_days"] or "{}"), grades_of.get(district_id, {}),
            tuple(each["status_group"] for each in statuses if district_id in each["districts"]),
        )  # fmt: skip
    return Options(districts, tuple(row["status_group"] for row in statuses))


def grants(version: Version, email: str) -> list[dict[str, object]]:
    """What a person may see and do, as `people.granted` reads it."""
    return version.rows(
        """select a.district_id, a.access_role, o.org_sourced_id as school
        from bridge_user_access as a left join dim_orgs as o using (org_key) where a.email = $email""",
        {"email": email},
    )


class Inventory:
    """The answers of one published version. Every method gives plain rows or numbers; NULL is None."""

    def __init__(self, version: Version):
        self.version = version
        self.options = options(version)
        self.tables = Tables(version, self.options)

    def newest(self) -> Iterator[Filters]:
        """Everybody, in the periods that are looked at most: the newest of each kind and district, then those before."""
        wanted = [
            (number, Filters(district_id, period, *district.period_of(period, first)))
            for district_id, district in self.options.districts.items()
            for period in ("month", "school_year", "week", "day")
            for number, first in enumerate(self.periods(district_id, period)[: KEPT.get(period)])
        ]
        for number, filters in sorted(wanted, key=lambda each: each[0]):
            if self.tables.rows_kept > _WARM_ROWS:
                return
            yield filters
            if number == 0 and (then := self.before(filters)[0]):
                yield then

    # The inventory

    def products(self, filters: Filters, product_key: str | None = None) -> list[dict[str, object]]:
        """One row per product used in the selection, the most used first; or that of one product alone."""
        scope = self.tables.scope(filters)
        where = scope.where + (" and product_key = $product" if product_key else "")
        rolled, several = self.tables.by_group(filters)
        sums = f"""sum(page_loads) as page_loads, sum(active_seconds) as active_seconds,
                    sum(active_days) filter (roster_status <> 'unidentified') as active_days,
                    sum(active_days) filter ({_IS_ROSTERED_STUDENT}) as student_days,
                    sum(page_loads) filter ({_IS_ROSTERED_STUDENT}) as student_loads"""
        sql = f"""
            with counted as (
                select product_key, user_type, sum(users) as users, {sums}
                from {rolled} where true{where} group by product_key, user_type
                union all
                select product_key, user_type, count(distinct user_key) as users, {sums}
                from {several} where true{where} group by product_key, user_type
            ),
            by_product as (
                select
                    product_key,
                    sum(users) as users,
                    coalesce(sum(users) filter (user_type = 'student'), 0) as students,
                    coalesce(sum(users) filter (user_type = 'educator'), 0) as educators,
                    sum(page_loads) as page_loads,
                    sum(active_seconds) as active_seconds,
                    sum(active_days) as active_days,
                    sum(student_days) as student_days,
                    sum(student_loads) as student_loads
                from counted
                group by product_key
            )
            select
                p.product_key::varchar as product_key, p.product_name, p.provider, p.sector, p.essential_function,
                p.product_status, p.status_group, p.is_approved, p.privacy_status, p.is_catalogued,
                u.users::bigint as users, u.students::bigint as students, u.educators::bigint as educators,
                u.page_loads::bigint as page_loads, round(u.active_seconds / 60)::bigint as active_minutes,
                coalesce(u.active_days, 0)::bigint as active_days,
                {rendered("pct_access", "coalesce(u.student_days, 0)", "$rostered_student_days::bigint")} as pct_access,
                {rendered("engagement_index", "coalesce(u.student_loads, 0)", "$rostered_student_days::bigint")} as engagement_index
            from by_product as u inner join dim_products as p using (product_key)
            order by u.page_loads desc, p.product_name, p.product_key"""
        more = {"product": int(product_key)} if product_key else {}
        return self.tables.ask(sql, scope, rostered_student_days=self.rostered_student_days(filters), **more)

    def rostered_student_days(self, filters: Filters) -> int | None:
        """Rostered students, added up over the days of use: what `pct_access` and `engagement_index` divide by."""
        if filters.user_types and "student" not in filters.user_types:
            return None
        scope = self.tables.scope(filters)
        sql = f"""select sum(rostered_users)::bigint as days from fct_roster_counts
            where district_id = $district and usage_date between $first and $last and user_type = 'student'{scope.groups}"""
        return self.tables.ask(sql, scope)[0]["days"]

    def headline(
        self, filters: Filters, products: list[dict[str, object]] | None = None
    ) -> dict[str, float | int | None]:
        """The figures above all others; quicker when the selection's `products` are known already."""
        scope = self.tables.scope(filters)
        sql = f"""select {count_people("true")} as users, {rendered("reach", count_people(IS_ROSTERED), "$rostered::bigint")} as reach
            from {self.tables.people_counted(filters, scope)}"""
        counted = self.tables.ask(sql, scope, rostered=self.rostered_users(filters))[0]
        if products is None:
            products = self._loads(filters)
        loads = sum(row["page_loads"] for row in products)
        unapproved = sum(row["page_loads"] for row in products if not row["is_approved"])
        return {
            "users": counted["users"],
            # Without any use there is nothing to set a later share against: no use is no usage file, most often.
            "reach": counted["reach"] if loads else None,
            "page_loads": loads,
            "products": len(products),
            "unapproved": 100 * unapproved / loads if loads else None,
        }

    def _loads(self, filters: Filters) -> list[dict[str, object]]:
        """Page loads by product alone."""
        scope = self.tables.scope(filters)
        if not (scope.groups or scope.people):
            # Everybody: a day and product is one row.
            rows = f"agg_product_days where district_id = $district and usage_date between $first and $last{scope.products}"
        else:
            columns = "product_key, user_type, membership_group_key, page_loads"
            both = " union all ".join(f"select {columns} from {table}" for table in self.tables.by_group(filters))
            rows = f"({both}) where true{scope.where}"
        sql = f"""select is_approved, page_loads
            from (select product_key, sum(page_loads)::bigint as page_loads from {rows} group by product_key)
            inner join dim_products using (product_key)"""
        return self.tables.ask(sql, scope)

    def school_days(self, district_id: str) -> frozenset[date]:
        """The days on which the district's products were used."""
        rows = self.version.rows(
            "select usage_date from fct_usage_days where district_id = $district", {"district": district_id}
        )
        return frozenset(row["usage_date"] for row in rows)

    def before(self, filters: Filters) -> tuple[Filters | None, str]:
        """What a selection is compared with; or None, and why with nothing."""
        return self.options.earlier(filters, self.school_days(filters.district_id))

    def rostered_users(self, filters: Filters) -> int:
        """People who were rostered, under the selection, on at least one of its days up to the last day of use."""
        scope = self.tables.scope(filters)
        sql = f"""select {count_people("true")} as users from {self.tables.roster(filters)} where true{scope.groups}{scope.people}"""
        return self.tables.ask(sql, scope)[0]["users"]

    def trend(self, filters: Filters) -> list[dict[str, object]]:
        """Page loads a day and, where no product is left out, people a day."""
        scope = self.tables.scope(filters)
        days = "district_id = $district and usage_date between $first and $last"
        if not scope.products:
            sql = f"""select usage_date, sum(users)::bigint as users, sum(page_loads)::bigint as page_loads
                from agg_inventory_days where {days}{scope.groups}{scope.people} group by usage_date order by usage_date"""
        else:
            if not (scope.groups or scope.people):
                rows = f"agg_product_days where {days}{scope.products}"
            elif scope.statuses:
                rows = f"{self.tables.by_day(filters)} where usage_date between $first and $last{scope.groups}{scope.people}{scope.statuses}"
            else:
                rows = f"fct_product_usage where {days}{scope.where}"
            sql = f"""select usage_date, null as users, sum(page_loads)::bigint as page_loads
                from {rows} group by usage_date order by usage_date"""
        return self.tables.ask(sql, scope)

    def by_school_and_grade(self, filters: Filters, product_key: str | None = None) -> list[dict[str, object]]:
        """`places`, without the row over all of them."""
        rows = self.places(filters, product_key)
        return [row for row in rows if not (row["is_every_school"] and row["is_every_grade"])]

    def places(self, filters: Filters, product_key: str | None = None) -> list[dict[str, object]]:
        """People with use, rostered people, `pct_access`, page loads and minutes by school and grade, by school alone, by grade alone,
        and over all of the selection, which comes last.

        A person counts in every cell in which they have a membership: cells may add up to more than their school.
        """
        scope = self.tables.scope(filters)
        schools, grades = self.options.narrows(filters)
        used = self._used_by_group(filters, scope, product_key)
        # Someone of a picked group is in its other schools too: only the cells that were asked for are shown.
        names = {
            name: [f"${name}_{n}" for n in range(len(there))]
            for name, there in (("school", schools), ("grade", grades))
        }
        cells = f" and o.org_sourced_id in ({', '.join(names['school'])})" if schools else ""
        cells += f" and b.grade_code in ({', '.join(names['grade'])})" if grades else ""
        picked = scope.groups + scope.people
        products = " and product_key = $product" if product_key else scope.products
        rolled, several = self.tables.by_group(filters)
        sql = f"""
            with place as (
                select b.membership_group_key, o.org_sourced_id as school, o.org_name as school_name, b.grade_code as grade
                from bridge_membership_groups as b inner join dim_orgs as o using (org_key)
                where o.district_id = $district and o.org_type = 'school'{cells}
            ),
            -- A group once in each place that it has, whatever its roles there.
            cell as (
                select distinct *, false as is_every_school, false as is_every_grade from place
                union all
                select distinct membership_group_key, school, school_name, null, false, true from place
                union all
                select distinct membership_group_key, null, null, grade, true, false from place
            ),
            -- By group first: few rows meet the places.
            counted as (
                select is_roster, user_key, membership_group_key, sum(users) as users, sum(student_days) as student_days,
                    sum(page_loads) as page_loads, sum(active_seconds) as active_seconds
                from (
                    select false as is_roster, user_key, membership_group_key, users, student_days, 0 as page_loads, 0 as active_seconds
                    from ({used})
                    union all
                    select true, user_key, membership_group_key, users, 0, 0, 0 from {self.tables.roster(filters)} where true{picked}
                    union all
                    select true, null, membership_group_key, 0, rostered_users, 0, 0 from fct_roster_counts
                    where district_id = $district and usage_date between $first and $last and user_type = 'student'{picked}
                    union all
                    select false, null, membership_group_key, 0, 0, page_loads, active_seconds from {rolled} where true{picked}{products}
                    union all
                    select false, null, membership_group_key, 0, 0, page_loads, active_seconds from {several} where true{picked}{products}
                )
                group by is_roster, user_key, membership_group_key
            ),
            located as (
                select counted.*, cell.* exclude (membership_group_key) from counted inner join cell using (membership_group_key)
                union all by name
                select *, null as school, null as school_name, null as grade, true as is_every_school, true as is_every_grade from counted
            )
            select
                is_every_grade, is_every_school, school, school_name, grade,
                {count_people("not is_roster")} as users,
                {count_people("is_roster")} as rostered,
                coalesce(sum(student_days) filter (not is_roster), 0)::bigint as student_days,
                {rendered("pct_access", "coalesce(sum(student_days) filter (not is_roster), 0)", "sum(student_days) filter (is_roster)")} as pct_access,
                coalesce(sum(page_loads), 0)::bigint as page_loads,
                coalesce(round(sum(active_seconds) / 60), 0)::bigint as minutes
            from located
            group by is_every_grade, is_every_school, school, school_name, grade
            order by is_every_school and is_every_grade, school_name nulls last, school, grade nulls last, is_every_grade"""
        more = {"product": int(product_key)} if product_key else {}
        rows = self.tables.ask(sql, scope, **more)
        if not (rows and rows[-1]["is_every_school"] and rows[-1]["is_every_grade"]):
            rows.append(_NOWHERE.copy())
        return rows

    def _used_by_group(self, filters: Filters, scope: Scope, product_key: str | None) -> str:
        """People with use, and the days of rostered students, by membership group: as a SELECT of

        `user_key` (null for people who stayed in one group, who are counted in `users`), `membership_group_key`, `users`,
        `student_days`.
        """
        is_student = _IS_ROSTERED_STUDENT
        if product_key:
            rolled, several = self.tables.by_group(filters)
            where = f"where product_key = $product{scope.groups}{scope.people}"
            days = f"case when {is_student} then active_days else 0 end"
            return f"""select null as user_key, membership_group_key, users, {days} as student_days from {rolled} {where}
                union all
                select user_key, membership_group_key, 0, {days} from {several} {where}"""
        if filters.search:
            # Of several products, a person's day is to be counted once.
            return f"""select user_key, membership_group_key, 0 as users, count(distinct usage_date) filter ({is_student}) as student_days
                from fct_product_usage where district_id = $district and usage_date between $first and $last{scope.where}
                group by user_key, membership_group_key"""
        used, statuses = scope.groups + scope.people, self.tables.status_bits(filters)
        if statuses or filters.period not in ROLLED_UP:
            days = f"select null, membership_group_key, 0, person_days from {self.tables.person_days(filters)} where {is_student}{used}{statuses}"
        else:
            days = f"select null, membership_group_key, 0, active_days from {self.tables.people(filters)}{used} and {is_student}"
        return f"""select user_key, membership_group_key, users, 0 as student_days from {self.tables.reach(filters)} where true{used}{statuses}
            union all {days}"""

    def product(self, filters: Filters, product_key: str) -> dict[str, object] | None:
        """What is known of a product, used in the selection or not; None where the district has no such product.

        To those who see some schools, a product that is in no catalog is there once one of these has used it.
        """
        scope = self._of_schools(filters)
        used = (
            f"fct_product_usage as d where d.district_id = $district{scope.groups} and"
            if scope.groups
            else "agg_product_days as d where"
        )
        found = self.tables.ask(
            f"""select product_key::varchar as product_key, product_name, provider, sector, essential_function, product_status,
                status_group, is_approved, privacy_status, is_catalogued,
                (select min(usage_date) from {used} d.product_key = p.product_key) as first_used
            from dim_products as p where product_key = $product and district_id = $district""",
            scope, product=int(product_key),
        )  # fmt: skip
        is_there = found and (found[0]["first_used"] or found[0]["is_catalogued"] or not scope.groups)
        return found[0] if is_there else None

    def _of_schools(self, filters: Filters) -> Scope:
        """All that there is for those who see some schools; and for others, without what they have chosen."""
        chosen = {"schools": filters.schools, "is_within": True} if filters.is_within else {}
        return self.tables.scope(Filters(filters.district_id, filters.period, filters.first, filters.last, **chosen))

    def hosts(self, product_key: str) -> list[str]:
        """Where a product was seen, in the order of the addresses."""
        rows = self.version.rows(
            "select host || path_prefix as host from bridge_product_hosts where product_key = $product order by host",
            {"product": int(product_key)},
        )
        return [row["host"] for row in rows]

    def product_trend(self, filters: Filters, product_key: str) -> list[dict[str, object]]:
        """People and page loads a day of one product."""
        scope = self.tables.scope(filters)
        days = "district_id = $district and usage_date between $first and $last and product_key = $product"
        narrowed = scope.groups + scope.people
        counts = "count(user_key) as users" if narrowed else "sum(users)::bigint as users"
        sql = f"""select usage_date, {counts}, sum(page_loads)::bigint as page_loads
            from {"fct_product_usage" if narrowed else "agg_product_days"} where {days}{narrowed}
            group by usage_date order by usage_date"""
        return self.tables.ask(sql, scope, product=int(product_key))

    def educators(
        self, filters: Filters, product_keys: Sequence[str], count: int = 25
    ) -> dict[str, list[dict[str, object]]]:
        """The educators who use each of some products most, to be asked about it. Never students."""
        scope = self.tables.scope(filters)
        # Where else somebody works is not for those who see some schools.
        names = [name for name in scope.parameters if name.startswith("school_")] if filters.is_within else []
        of_schools = f" and o.org_sourced_id in ({', '.join(f'${name}' for name in names)})" if names else ""
        sql = f"""
            with most as (
                select product_key, user_key, sum(active_days)::bigint as active_days, sum(page_loads)::bigint as page_loads
                from {self.tables.educators(filters)} where product_key in (select unnest($products)){scope.groups}{scope.people}
                group by product_key, user_key
                qualify row_number() over (partition by product_key order by sum(page_loads) desc, user_key) <= {count}
            ),
            schools as (
                select m.user_key, string_agg(distinct o.org_name, ', ' order by o.org_name) as names
                from fct_memberships as m inner join dim_orgs as o using (org_key)
                where m.is_current and m.user_key in (select user_key from most){of_schools} group by m.user_key
            )
            select most.product_key::varchar as product_key, coalesce(u.display_name, u.email, 'no name') as name, u.email,
                most.active_days, most.page_loads, schools.names as schools
            from most inner join dim_users as u using (user_key) left join schools using (user_key)
            order by most.page_loads desc, name, u.user_key"""
        found: dict[str, list[dict[str, object]]] = {key: [] for key in product_keys}
        for row in self.tables.ask(sql, scope, products=[int(key) for key in product_keys]):
            found[row.pop("product_key")].append(row)
        return found

    def new_products(self, filters: Filters) -> dict[str, date]:
        """Products whose first use by anybody in the district, or in the schools that somebody sees, lies in the selected days, with that day.

        Where the district's usage itself begins in these days, nothing can be called new.
        """
        first_day = self.options.districts[filters.district_id].first_day
        if first_day is None or first_day >= filters.first:
            return {}
        scope = self._of_schools(filters)
        rows = self.tables.ask(
            f"""select product_key::varchar as product_key, min(usage_date) as first_used
            from {"fct_product_usage" if scope.groups else "agg_product_days"} where district_id = $district{scope.groups}
            group by product_key having min(usage_date) between $first and $last""",
            scope,
        )
        return {row["product_key"]: row["first_used"] for row in rows}

    # Coverage and quality

    def coverage(self, filters: Filters) -> list[dict[str, object]]:
        """People and page loads by roster status, the most page loads first."""
        scope = self.tables.scope(filters)
        columns = "product_key, user_type, roster_status, membership_group_key, page_loads"
        loads = " union all ".join(f"select {columns} from {table}" for table in self.tables.by_group(filters))
        sql = f"""
            with people as (
                select roster_status, {count_people("true")} as users
                from {self.tables.people_counted(filters, scope)} group by roster_status
            ),
            loads as (
                select roster_status, sum(page_loads)::bigint as page_loads from ({loads}) where true{scope.where} group by roster_status
            )
            select roster_status, coalesce(users, 0) as users, page_loads
            from loads left join people using (roster_status) order by page_loads desc, roster_status"""
        return self.tables.ask(sql, scope)

    def match_rate(self, filters: Filters) -> float | None:
        """`roster_match_rate`: rostered users among users."""
        scope = self.tables.scope(filters)
        rate = rendered("roster_match_rate", count_people(IS_ROSTERED), count_people("true"))
        sql = f"select {rate} as rate from {self.tables.people_counted(filters, scope)}"
        return self.tables.ask(sql, scope)[0]["rate"]

    def without_place(self, filters: Filters) -> list[dict[str, object]]:
        """People rostered on the last of the selected days who have no school, or no grade, by user type."""
        scope = self.tables.scope(filters)
        sql = f"""
            with now as (
                select user_key, user_type, membership_group_key from bridge_user_groups
                where district_id = $district and {IS_ROSTERED} and {IN_DAYS}{scope.people}
            )
            select user_type, count(*) as people,
                count(*) filter (not coalesce(has_school, false)) as without_school,
                count(*) filter (not coalesce(has_grade, false)) as without_grade
            from now left join dim_membership_groups using (membership_group_key)
            group by user_type order by people desc, user_type"""
        last = self.options.last_day(filters)
        return self.tables.ask(sql, scope, first=last, last=last)

    def unrostered_domains(self, filters: Filters) -> list[dict[str, object]]:
        """Where the unrostered people's addresses are, as no more of them is kept."""
        scope = self.tables.scope(filters)
        sql = f"""select coalesce(u.email_domain, 'no email') as email_domain, count(distinct r.user_key) as users, sum(r.page_loads)::bigint as page_loads
            from (select user_key, page_loads from {self.tables.people(filters)}{scope.groups}{scope.people} and roster_status = 'unrostered') as r
            inner join dim_users as u using (user_key) group by 1 order by users desc, 1 limit 20"""
        return self.tables.ask(sql, scope)

    def deliveries(self, district_id: str, count: int = 50) -> list[dict[str, object]]:
        """The newest deliveries of a district."""
        return self.version.rows(
            f"""select delivery_id, delivery_kind, file_name, delivery_date, arrived_at, verdict, rows_delivered, rows_added, rows_changed,
                rows_removed, rows_set_aside
            from fct_deliveries where district_id = $district order by arrived_at desc, delivery_id desc limit {count}""",
            {"district": district_id},
        )

    def verdicts(self, district_id: str) -> dict[str, int]:
        """How many of a district's deliveries were accepted, held and rejected."""
        rows = self.version.rows(
            "select verdict, count(*) as deliveries from fct_deliveries where district_id = $district group by verdict",
            {"district": district_id},
        )
        return {row["verdict"]: row["deliveries"] for row in rows}

    def findings(self, district_id: str) -> list[dict[str, object]]:
        """What the rules found in a district's deliveries, by rule: in how many of them, when last, and what that was."""
        return self.version.rows(
            """select rule_id, severity, count(distinct delivery_id) as deliveries, sum(finding_count)::bigint as findings,
                max(delivery_date) as last_date, max_by(message, (delivery_date, finding_count, message)) as message,
                max_by(fix, (delivery_date, finding_count, message)) as fix
            from fct_rule_results where district_id = $district
            group by rule_id, severity order by last_date desc, findings desc, rule_id""",
            {"district": district_id},
        )

    def reported(self, delivery_id: str) -> list[tuple[str, str]]:
        """(district, delivery) of the deliveries of that name that have a report: those that were not accepted."""
        rows = self.version.rows(
            """select distinct district_id, delivery_id from fct_deliveries
            where delivery_id = $delivery and verdict <> 'accepted' order by district_id""",
            {"delivery": delivery_id},
        )
        return [(row["district_id"], row["delivery_id"]) for row in rows]

    def freshness(self, district_id: str) -> list[dict[str, object]]:
        """When each kind of delivery was last accepted."""
        return self.version.rows(
            """select delivery_kind, max(delivery_date) as last_date, max(arrived_at) as last_arrived from fct_deliveries
            where district_id = $district and verdict = 'accepted' group by delivery_kind order by delivery_kind""",
            {"district": district_id},
        )

    def school_names(self, district_id: str) -> list[dict[str, object]]:
        """What the newest templates call the district's schools, and the orgs that they were taken for; what matches none comes first."""
        return self.version.rows(
            """select template, school_id, school_name, match_type, org_name, closest_org_name, delivery_date
            from school_name_check where district_id = $district
            order by org_name is not null, match_type <> 'made', coalesce(org_name, school_name, school_id), template, school_id, school_name""",
            {"district": district_id},
        )

    def periods(self, district_id: str, period: str) -> list[date]:
        """The first days of the periods with use, the newest first."""
        district = self.options.districts[district_id]
        return sorted({district.period_of(period, day)[0] for day in self.school_days(district_id)}, reverse=True)

    def open_problems(self, district_id: str) -> list[dict[str, object]]:
        """Deliveries that need someone now, with the finding that weighs most. `rollcall status` goes by the same rule."""
        return self.version.rows(
            """select d.delivery_id, d.delivery_kind, d.file_name, d.verdict, d.arrived_at, r.rule_id, r.message, r.fix
            from fct_deliveries as d
            left join (
                select delivery_id, min_by(rule_id, rank) as rule_id, min_by(message, rank) as message, min_by(fix, rank) as fix
                from (
                    select delivery_id, rule_id, message, fix,
                        (case severity when 'reject' then 0 when 'hold' then 0 else 1 end, -finding_count, message) as rank
                    from fct_rule_results where district_id = $district
                )
                group by delivery_id
            ) as r using (delivery_id)
            where d.district_id = $district and d.is_open
            order by d.arrived_at desc, d.delivery_id""",
            {"district": district_id},
        )

    def set_aside(self, district_id: str) -> list[dict[str, object]]:
        """The newest accepted delivery of each kind, where rows of it were set aside; with the finding about the most of them."""
        return self.version.rows(
            """select d.delivery_id, d.delivery_kind, d.file_name, d.delivery_date, d.rows_delivered, d.rows_set_aside, r.message, r.fix
            from (
                select * from fct_deliveries where district_id = $district and verdict = 'accepted'
                qualify row_number() over (partition by delivery_kind order by delivery_date desc, arrived_at desc, delivery_id) = 1
            ) as d
            left join (
                select delivery_id, max_by(message, (finding_count, message)) as message, max_by(fix, (finding_count, message)) as fix
                from fct_rule_results where district_id = $district and severity = 'error' group by delivery_id
            ) as r using (delivery_id)
            where d.rows_set_aside > 0
            order by d.rows_set_aside desc, d.delivery_id""",
            {"district": district_id},
        )

    def weekly_students(self, filters: Filters, weeks: int = 13) -> list[dict[str, object]]:
        """Students with use in each of the last weeks of the district, or of the schools that somebody sees."""
        scope = self._of_schools(filters)
        return self.tables.ask(
            f"""select period_start as usage_date, count(distinct user_key) filter (user_type = 'student') as users,
                sum(page_loads)::bigint as page_loads
            from agg_inventory_users where district_id = $district and period = 'week' and period_start <= $last{scope.groups}
            group by period_start order by period_start desc limit $weeks""",
            scope, weeks=weeks,
        )[::-1]  # fmt: skip
