select
    district_id,
    delivery_id,
    delivery_kind,
    delivery_date,
    arrived_at,
    district_name,
    time_zone,
    school_year_start,
    freshness_days,
    roster_grants_access
from {{ ref("stg_lake__deliveries") }}
where verdict = 'accepted'
