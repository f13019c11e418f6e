-- distinct: two rosters of one date are one state of the roster.
select distinct
    district_id,
    delivery_date
from {{ ref("int_deliveries__accepted") }}
where delivery_kind = 'oneroster'
