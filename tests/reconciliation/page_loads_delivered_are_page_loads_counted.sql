-- What: the page loads of a day in the fact are not those in the lake, each counted once.
-- When it matters: always; the dashboard's totals are these sums.
-- How to resolve: more in the fact is a fan-out (two spans of one identity on one day, two products of one host); fewer is
-- a join that loses rows (a host without a product).
with delivered as (
    select
        district_id,
        usage_date,
        count(distinct event_key) as page_loads
    from {{ ref("int_usage__page_loads") }}
    group by district_id, usage_date
),

counted as (
    select
        district_id,
        usage_date,
        sum(page_loads) as page_loads
    from {{ ref("fct_product_usage") }}
    where (district_id, usage_date) in (select district_id, usage_date from {{ ref("int_increments__scope") }})
        and {{ on_days_of(ref("int_increments__scope")) }}
    group by district_id, usage_date
)

select
    delivered.district_id,
    delivered.usage_date,
    delivered.page_loads as delivered_page_loads,
    counted.page_loads as counted_page_loads
from delivered
left join counted on delivered.district_id = counted.district_id and delivered.usage_date = counted.usage_date
where delivered.page_loads <> coalesce(counted.page_loads, 0)
