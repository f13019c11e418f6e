-- What: the people who used a product in a week are not those of its days.
-- When it matters: always; weeks, months and school years are made alike, and a week's days are few enough to count again.
-- How to resolve: a person-day was added twice or taken back twice by int_increments__changes; build with --full-refresh.
with weeks as (
    -- The last of each district: one that was counted before shows more than many counted at once.
    select district_id, max({{ period_start("week", "usage_date") }}) as period_start
    from {{ ref("int_increments__scope") }}
    group by district_id
),

counted_days as (
    select
        facts.district_id,
        weeks.period_start,
        facts.product_key,
        count(distinct facts.user_key) as users,
        count(*) as active_days
    from {{ ref("fct_product_usage") }} as facts
    inner join weeks
        on facts.district_id = weeks.district_id
        and weeks.period_start <= facts.usage_date
        and facts.usage_date < weeks.period_start + interval 7 day
    where {{ on_days_of(ref("int_increments__scope"), "facts.usage_date", days_of_week("usage_date")) }}
    group by facts.district_id, weeks.period_start, facts.product_key
),

aggregated as (
    select
        usage.district_id,
        usage.period_start,
        usage.product_key,
        count(distinct usage.user_key) as users,
        sum(usage.active_days) as active_days
    from {{ ref("agg_inventory_usage") }} as usage
    inner join weeks on usage.district_id = weeks.district_id and usage.period_start = weeks.period_start
    where usage.period = 'week'
        and {{ on_days_of(ref("int_increments__scope"), "usage.period_start", [period_start("week", "usage_date")]) }}
    group by usage.district_id, usage.period_start, usage.product_key
)

select
    counted_days.*,
    aggregated.users as aggregated_users,
    aggregated.active_days as aggregated_active_days
from counted_days
left join aggregated
    on counted_days.district_id = aggregated.district_id
    and counted_days.period_start = aggregated.period_start
    and counted_days.product_key = aggregated.product_key
where counted_days.users is distinct from aggregated.users
    or counted_days.active_days is distinct from aggregated.active_days
