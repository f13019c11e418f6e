select
    {{ key(["rows.district_id", "'product'", "rows.product_id"]) }} as product_key,
    rows.district_id,
    trim(rows.product_id) as product_id,
    nullif(trim(rows.product_name), '') as product_name,
    nullif(trim(rows.provider), '') as provider,
    nullif(trim(rows.url), '') as urls,
    nullif(trim(rows.sector), '') as sector,
    nullif(trim(rows.essential_function), '') as essential_function,
    nullif(trim(rows.product_status), '') as product_status,
    nullif(trim(rows.privacy_status), '') as privacy_status,
    rows._op = 'delete' as is_deleted,
    cast(rows._effective_at as date) as effective_date,
    rows._arrived_at as arrived_at,
    rows._delivery_id as delivery_id
from {{ lake_rows("inventory/products") }} as rows
inner join {{ ref("stg_landing__deliveries") }} as deliveries
    on rows.district_id = deliveries.district_id and rows._delivery_id = deliveries.delivery_id
where deliveries.verdict = 'accepted'
