-- What a district knows reaches to its newest delivery of any kind: a date after that has not come to pass.
with newest as (
    select
        district_id,
        district_name,
        time_zone,
        freshness_days,
        max(delivery_date) over (partition by district_id) as as_of_date,
        row_number() over (partition by district_id order by arrived_at desc, delivery_id desc) as recency
    from {{ ref("int_deliveries__accepted") }}
)

select
    district_id,
    district_name,
    time_zone,
    freshness_days,
    as_of_date
from newest
where recency = 1
