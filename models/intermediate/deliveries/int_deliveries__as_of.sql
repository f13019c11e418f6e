-- What a district knows reaches to its newest delivery of any kind: a date after that has not come to pass.
with newest as (
    select
        district_id,
        district_name,
        time_zone,
        freshness_days,
        coalesce(roster_grants_access, false) as roster_grants_access,
        max(delivery_date) over (partition by district_id) as as_of_date,
        row_number() over (partition by district_id order by arrived_at desc, delivery_id desc) as recency
    from {{ ref("int_deliveries__accepted") }}
)

select
    district_id,
    district_name,
    time_zone,
    freshness_days,
    roster_grants_access,
    as_of_date
from newest
where recency = 1
