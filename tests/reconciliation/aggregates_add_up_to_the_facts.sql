-- What: an aggregate of a day or period has other page loads than the facts it was made of.
-- When it matters: always; the dashboard shows the aggregates.
-- How to resolve: int_increments__changes missed rows that fct_product_usage replaced (or took back rows that it kept): build with
-- --full-refresh, and compare int_increments__taken_back with the replaced days.
with scope as (
    -- distinct: a day is in scope once for each person that is counted again.
    select distinct district_id, usage_date
    from {{ ref("int_increments__scope") }}
),

facts as (
    select district_id, usage_date, sum(page_loads) as page_loads
    from {{ ref("fct_product_usage") }}
    where {{ on_days_of(ref("int_increments__scope")) }}
    group by district_id, usage_date
),

product_days as (
    select district_id, usage_date, sum(page_loads) as page_loads
    from {{ ref("agg_product_days") }}
    where {{ on_days_of(ref("int_increments__scope")) }}
    group by district_id, usage_date
),

group_days as (
    select district_id, usage_date, sum(page_loads) as page_loads
    from {{ ref("agg_inventory_days") }}
    where {{ on_days_of(ref("int_increments__scope")) }}
    group by district_id, usage_date
),

-- The first days of the periods that a day is in: those of others stay as they were, and were tested then.
starts as (
    {%- for period in ["week", "month"] %}
    select distinct district_id, '{{ period }}' as period, {{ period_start(period, "usage_date") }} as period_start
    from scope
    union all
    {%- endfor %}
    -- A day whose school year begins on another day now is taken from the one and added to the other.
    select distinct scope.district_id, 'school_year' as period, school_years.school_year_start as period_start
    from scope
    inner join {{ ref("int_increments__school_years") }} as school_years
        on scope.district_id = school_years.district_id and scope.usage_date = school_years.usage_date
),

days as (
    select district_id, usage_date, school_year_start, page_loads
    from {{ ref("fct_usage_days") }}
),

expected as (
    {%- for period in ["week", "month", "school_year"] %}
    {%- set start = "school_year_start" if period == "school_year" else period_start(period, "usage_date") %}
    select district_id, '{{ period }}' as period, {{ start }} as period_start, sum(page_loads) as page_loads
    from days
    group by district_id, {{ start }}
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

by_product as (
    select district_id, period, period_start, sum(page_loads) as page_loads
    from {{ ref("agg_inventory_usage") }}
    where {{ in_periods_in_scope() }}
    group by district_id, period, period_start
),

by_user as (
    select district_id, period, period_start, sum(page_loads) as page_loads
    from {{ ref("agg_inventory_users") }}
    where {{ in_periods_in_scope() }}
    group by district_id, period, period_start
)

select
    scope.district_id,
    'day' as period,
    scope.usage_date as period_start,
    days.page_loads as expected_page_loads,
    facts.page_loads as fact_page_loads,
    product_days.page_loads as product_page_loads,
    group_days.page_loads as other_page_loads
from scope
left join days on scope.district_id = days.district_id and scope.usage_date = days.usage_date
left join facts on scope.district_id = facts.district_id and scope.usage_date = facts.usage_date
left join product_days on scope.district_id = product_days.district_id and scope.usage_date = product_days.usage_date
left join group_days on scope.district_id = group_days.district_id and scope.usage_date = group_days.usage_date
where facts.page_loads is distinct from days.page_loads
    or facts.page_loads is distinct from product_days.page_loads
    or facts.page_loads is distinct from group_days.page_loads
union all
select
    starts.district_id,
    starts.period,
    starts.period_start,
    expected.page_loads as expected_page_loads,
    cast(null as bigint) as fact_page_loads,
    by_product.page_loads as product_page_loads,
    by_user.page_loads as other_page_loads
from starts
left join expected
    on starts.district_id = expected.district_id
    and starts.period = expected.period
    and starts.period_start = expected.period_start
left join by_product
    on starts.district_id = by_product.district_id
    and starts.period = by_product.period
    and starts.period_start = by_product.period_start
left join by_user
    on starts.district_id = by_user.district_id
    and starts.period = by_user.period
    and starts.period_start = by_user.period_start
where expected.page_loads is distinct from by_product.page_loads
    or expected.page_loads is distinct from by_user.page_loads
