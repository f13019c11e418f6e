select
    delivery_key,
    district_id,
    delivery_id,
    delivery_kind,
    file_name,
    delivery_date,
    arrived_at,
    verdict,
    rows_delivered,
    rows_set_aside,
    rows_added,
    rows_changed,
    rows_removed,
    finding_count,
    decided_by,
    decided_why
from {{ ref("stg_lake__deliveries") }}
