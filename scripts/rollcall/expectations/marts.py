"""What a reader of the published marts relies on, as a Great Expectations suite.

dbt tests keys, grain and logic while it builds. This suite looks at the finished candidate as a reader would: are all
districts there, do the totals hold, are the vocabularies the documented ones, is nobody named who must not be?
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import great_expectations.expectations as gxe
import yaml

from rollcall.dbt_macros import rendered
from rollcall.paths import PROJECT
from rollcall.rules import schema


class ExpectNoRows(gxe.UnexpectedRowsExpectation):
    """A query finds nothing. Its rows are counted, and not fetched as well, which Great Expectations does with a second query."""

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.row_count",)

    def _validate(self, metrics: dict, runtime_configuration=None, execution_engine=None):
        return super()._validate(metrics | {"unexpected_rows_query.table": []}, runtime_configuration, execution_engine)


class ExpectNoStudentIsNamed(ExpectNoRows):
    """No student, and nobody whom no roster knows, has a name or an email in the warehouse."""

    unexpected_rows_query: str = """
        select user_key from {batch}
        where (user_type = 'student' or user_key not in (select user_key from marts.bridge_user_sources))
            and (display_name is not null or email is not null)"""


class ExpectUsageAddsUp(ExpectNoRows):
    """Page loads per person and product add up to the page loads that were accepted, for every district and day."""

    unexpected_rows_query: str = """
        select district_id, usage_date
        from (
            select district_id, usage_date, page_loads, 0 as counted from {batch}
            union all
            select district_id, usage_date, 0, page_loads from marts.fct_product_usage
        )
        group by district_id, usage_date
        having sum(page_loads) <> sum(counted)"""


class ExpectOnePrimaryMembership(ExpectNoRows):
    """Everybody with a current membership has exactly one that is primary."""

    unexpected_rows_query: str = """
        select user_key from {batch} where is_current group by user_key
        having count(*) filter (is_primary) <> 1"""


class ExpectDistrictsToResolve(ExpectNoRows):
    """Every district that delivered is among the districts."""

    unexpected_rows_query: str = """
        select distinct district_id from {batch}
        where verdict = 'accepted' and district_id not in (select district_id from marts.dim_districts)"""


class ExpectNoMartToShrink(ExpectNoRows):
    """No mart has lost more than a fifth of its people, memberships, schools or page loads since the last version."""

    unexpected_rows_query: str = """
        select format('{{}} fell from {{:,}} to {{:,}} (−{{:.0f}}%)', what, was::bigint, coalesce(now, 0)::bigint, 100 - 100 * coalesce(now, 0) / was)
        from (
            select 'people' as what, count(*) filter (is_active) as now,
                (select count(*) filter (is_active) from before.marts.dim_users) as was from {batch}
            union all
            select 'memberships', count(*) filter (is_current),
                (select count(*) filter (is_current) from before.marts.fct_memberships) from marts.fct_memberships
            union all
            select 'schools', count(*) filter (is_active and org_type = 'school'),
                (select count(*) filter (is_active and org_type = 'school') from before.marts.dim_orgs) from marts.dim_orgs
            union all
            select 'page loads', sum(page_loads), (select sum(page_loads) from before.marts.fct_usage_days) from marts.fct_usage_days
        )
        where coalesce(now, 0) < 0.8 * was"""


class ExpectMatchRateToHold(ExpectNoRows):
    """In no district has the share of users who are on the roster fallen by more than ten points since the last version."""

    unexpected_rows_query: str = """
        select format(
            'the share of users on the roster fell from {{:.1f}}% to {{:.1f}}% in {{}}', 100 * was.rate, 100 * now.rate, district_id
        )
        from (
            -- The people of the school years are the people of the days, and few rows.
            select district_id, <rate> as rate
            from {batch} where period = 'school_year' and user_key is not null group by district_id
        ) as now
        inner join (
            select district_id, <rate> as rate
            from before.marts.agg_inventory_users where period = 'school_year' and user_key is not null group by district_id
        ) as was using (district_id)
        where now.rate < was.rate - 10""".replace("<rate>", rendered("roster_match_rate"))


class ExpectCatalogueToHold(ExpectNoRows):
    """In no district has the share of page loads outside the catalog risen by more than ten points since the last version."""

    unexpected_rows_query: str = """
        select format(
            'the share of page loads outside the catalog rose from {{:.1f}}% to {{:.1f}}% in {{}}',
            100 * coalesce(was.share, 0), 100 * coalesce(now.share, 0), district_id
        )
        from (
            select usage.district_id, sum(page_loads) filter (not is_catalogued) / sum(page_loads) as share
            from {batch} as usage inner join marts.dim_products using (product_key) group by usage.district_id
        ) as now
        inner join (
            select usage.district_id, sum(page_loads) filter (not is_catalogued) / sum(page_loads) as share
            from before.marts.agg_product_days as usage inner join before.marts.dim_products using (product_key)
            group by usage.district_id
        ) as was using (district_id)
        where coalesce(now.share, 0) > coalesce(was.share, 0) + 0.1"""


class ExpectGradesToStay(ExpectNoRows):
    """No grade of a district has lost all its people since the last version."""

    unexpected_rows_query: str = """
        select format('grade {{}} of {{}} lost all its people ({{:,}})', grade_code, district_id, count(distinct user_key))
        from before.marts.fct_memberships
        where is_current and grade_code is not null
            and (district_id, grade_code) not in (
                select (district_id, grade_code) from {batch} where is_current and grade_code is not null
            )
        group by district_id, grade_code
        order by district_id, grade_code"""


class ExpectSchoolsToStay(ExpectNoRows):
    """No school has lost all its people since the last version."""

    unexpected_rows_query: str = """
        select format('{{}} lost all its people ({{:,}})', any_value(org_name), count(distinct user_key))
        from before.marts.fct_memberships inner join before.marts.dim_orgs using (org_key)
        where fct_memberships.is_current and org_key not in (select org_key from {batch} where is_current)
        group by org_key
        order by org_key"""


# What a reader should hear of, and what is no reason to keep them from the new version: rosters may change so.
DRIFT = {
    "dim_users": [ExpectNoMartToShrink],
    "fct_memberships": [ExpectGradesToStay, ExpectSchoolsToStay],
    "agg_inventory_users": [ExpectMatchRateToHold],
    "agg_product_days": [ExpectCatalogueToHold],
}


def drift() -> dict[str, list[gxe.Expectation]]:
    """Expectations by mart that compare the candidate with the last version; warnings all. Each row found is a sentence."""
    return {
        mart: [kind(description=inspect.getdoc(kind), severity="warning") for kind in kinds]
        for mart, kinds in DRIFT.items()
    }


@dataclass(frozen=True)
class Key:
    """A key of a fact, and the mart that has to have it."""

    fact: str
    column: str
    mart: str
    field: str

    def expectation(self) -> gxe.Expectation:
        return ExpectNoRows(
            description=f"Every {self.column} of {self.fact} is in {self.mart}.",
            unexpected_rows_query=f"""
                select distinct fact.{self.column} from {{batch}} as fact
                anti join marts.{self.mart} as dimension on fact.{self.column} = dimension.{self.field}
                where fact.{self.column} is not null""",
        )


def fact_keys() -> Iterator[Key]:
    """The keys of the facts, as the `relationships` tests of the models say where each leads.

    dbt asks them of what it has built, of usage the days that it has counted. The audit asks them of the whole file.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where it was compiled: a tenth of the time
    folder = PROJECT / "models" / "marts"
    marts = {file.stem for file in folder.rglob("*.sql")}
    for file in sorted(folder.rglob("fct_*.yml")):
        for model in yaml.load(file.read_text("utf-8"), loader)["models"]:
            for column in model["columns"]:
                for test in column.get("data_tests", []):
                    found = isinstance(test, dict) and (test.get("relationships") or test.get("relationships_in_scope"))
                    if found:
                        to = found["arguments"]["to"].removeprefix("ref('").removesuffix("')")
                        if to in marts:  # seeds are not published
                            yield Key(model["name"], column["name"], to, found["arguments"]["field"])


def suites(is_compared: bool) -> dict[str, list[gxe.Expectation]]:
    """All that is asked of each mart; what compares it with the version before only where there is one."""
    made = expectations()
    for key in fact_keys():
        made.setdefault(key.fact, []).append(key.expectation())
    if is_compared:
        for mart, compared in drift().items():
            made.setdefault(mart, []).extend(compared)
    return made


def _told(expectation: type[ExpectNoRows]) -> gxe.Expectation:
    """The expectation, described in reports and Data Docs by its own first line."""
    return expectation(description=inspect.getdoc(expectation))


def expectations() -> dict[str, list[gxe.Expectation]]:
    """Expectations by mart."""
    return {
        "dim_districts": [
            gxe.ExpectTableRowCountToBeBetween(min_value=1),
            gxe.ExpectColumnValuesToNotBeNull(column="district_name"),
        ],
        "dim_grades": [gxe.ExpectTableRowCountToEqual(value=21)],
        "dim_orgs": [gxe.ExpectColumnValuesToBeInSet(column="org_type", value_set=list(schema.org_types()))],
        "dim_users": [
            gxe.ExpectColumnValuesToBeInSet(column="user_type", value_set=list(schema.all_user_types())),
            _told(ExpectNoStudentIsNamed),
        ],
        "fct_memberships": [
            gxe.ExpectColumnValuesToBeInSet(column="pairing_basis", value_set=list(schema.pairing_bases())),
            _told(ExpectOnePrimaryMembership),
        ],
        "fct_product_usage": [
            gxe.ExpectColumnValuesToBeInSet(
                column="roster_status", value_set=["rostered", "member", "unrostered", "unidentified"]
            ),
        ],
        "fct_usage_days": [_told(ExpectUsageAddsUp)],
        "fct_deliveries": [gxe.ExpectTableRowCountToBeBetween(min_value=1), _told(ExpectDistrictsToResolve)],
    }
