-- distinct: two rosters of one date are one state of the roster.
select distinct
    district_id,
    delivery_date
from {{ ref("stg_landing__deliveries") }}
where verdict = 'accepted' and delivery_kind = 'oneroster'
