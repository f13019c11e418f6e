with refused as (
    {{ refused_deliveries(ref("stg_lake__deliveries")) }}
)

select
    deliveries.delivery_key,
    deliveries.district_id,
    deliveries.delivery_id,
    deliveries.delivery_kind,
    deliveries.file_name,
    deliveries.delivery_date,
    deliveries.arrived_at,
    deliveries.verdict,
    refused.delivery_id is not null and refused.covered_by is null as is_open,
    refused.covered_by,
    deliveries.rows_delivered,
    deliveries.rows_set_aside,
    deliveries.rows_added,
    deliveries.rows_changed,
    deliveries.rows_removed,
    deliveries.finding_count,
    deliveries.decided_by,
    deliveries.decided_why
from {{ ref("stg_lake__deliveries") }} as deliveries
left join refused
    on deliveries.district_id = refused.district_id
    and deliveries.delivery_id = refused.delivery_id
    and deliveries.verdict = refused.verdict
