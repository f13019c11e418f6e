-- What: a row of the fact has no page load, or was seen last before it was seen first, or not on its day (any time zone).
-- When it matters: trends by day would be shifted.
-- How to resolve: look at the times of the delivery; usage_date is in the district's time zone at the intake.
select *
from {{ ref("fct_product_usage") }}
where (district_id, usage_date) in (select district_id, usage_date from {{ ref("int_increments__scope") }})
    and {{ on_days_of(ref("int_increments__scope")) }}
    and (
        page_loads < 1
        or active_seconds < 0
        or last_seen_at < first_seen_at
        or first_seen_at < usage_date - interval 15 hour
        or last_seen_at > usage_date + interval 39 hour
    )
