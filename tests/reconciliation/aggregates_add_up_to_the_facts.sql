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
    select
        facts.district_id,
        facts.usage_date,
        sum(facts.page_loads) as page_loads
    from {{ ref("fct_product_usage") }} as facts
    inner join scope on facts.district_id = scope.district_id and facts.usage_date = scope.usage_date
    where {{ on_days_of(ref("int_increments__scope"), "facts.usage_date") }}
    group by facts.district_id, facts.usage_date
),

product_days as (
    select district_id, usage_date, sum(page_loads) as page_loads
    from {{ ref("agg_product_days") }}
    group by district_id, usage_date
),

group_days as (
    select district_id, usage_date, sum(page_loads) as page_loads
    from {{ ref("agg_inventory_days") }}
    group by district_id, usage_date
),

expected as (
    {%- for period in ["week", "month"] %}
    select
        product_days.district_id,
        '{{ period }}' as period,
        {{ period_start(period, "product_days.usage_date") }} as period_start,
        sum(product_days.page_loads) as page_loads
    from product_days
    group by product_days.district_id, {{ period_start(period, "product_days.usage_date") }}
    union all
    {%- endfor %}
    select
        product_days.district_id,
        'school_year' as period,
        days.school_year_start as period_start,
        sum(product_days.page_loads) as page_loads
    from product_days
    left join {{ ref("fct_usage_days") }} as days
        on product_days.district_id = days.district_id and product_days.usage_date = days.usage_date
    group by product_days.district_id, days.school_year_start
),

by_product as (
    select district_id, period, period_start, sum(page_loads) as page_loads
    from {{ ref("agg_inventory_usage") }}
    group by district_id, period, period_start
),

by_user as (
    select district_id, period, period_start, sum(page_loads) as page_loads
    from {{ ref("agg_inventory_users") }}
    group by district_id, period, period_start
)

select
    facts.district_id,
    'day' as period,
    facts.usage_date as period_start,
    facts.page_loads as expected_page_loads,
    product_days.page_loads as product_page_loads,
    group_days.page_loads as other_page_loads
from facts
left join product_days on facts.district_id = product_days.district_id and facts.usage_date = product_days.usage_date
left join group_days on facts.district_id = group_days.district_id and facts.usage_date = group_days.usage_date
where facts.page_loads is distinct from product_days.page_loads
    or facts.page_loads is distinct from group_days.page_loads
union all
select
    coalesce(expected.district_id, by_product.district_id) as district_id,
    coalesce(expected.period, by_product.period) as period,
    coalesce(expected.period_start, by_product.period_start) as period_start,
    expected.page_loads as expected_page_loads,
    by_product.page_loads as product_page_loads,
    by_user.page_loads as other_page_loads
from expected
full join by_product
    on expected.district_id = by_product.district_id
    and expected.period = by_product.period
    and expected.period_start = by_product.period_start
left join by_user
    on expected.district_id = by_user.district_id
    and expected.period = by_user.period
    and expected.period_start = by_user.period_start
where expected.page_loads is distinct from by_product.page_loads
    or expected.page_loads is distinct from by_user.page_loads
