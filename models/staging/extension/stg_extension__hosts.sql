-- distinct: each delivery adds the hosts that were new when it arrived, and two may have arrived at once.
select distinct
    rows.district_id,
    rows.host,
    rows.path_prefix
from {{ lake_rows("extension/hosts") }} as rows
inner join {{ ref("stg_landing__deliveries") }} as deliveries
    on rows.district_id = deliveries.district_id and rows._delivery_id = deliveries.delivery_id
where deliveries.verdict = 'accepted'
