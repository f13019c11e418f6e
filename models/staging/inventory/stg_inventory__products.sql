select
    {{ key(["district_id", "'product'", "product_id"]) }} as product_key,
    district_id,
    trim(product_id) as product_id,
    nullif(trim(product_name), '') as product_name,
    nullif(trim(provider), '') as provider,
    nullif(trim(url), '') as urls,
    nullif(trim(sector), '') as sector,
    nullif(trim(essential_function), '') as essential_function,
    nullif(trim(product_status), '') as product_status,
    nullif(trim(privacy_status), '') as privacy_status,
    _op = 'delete' as is_deleted,
    effective_date,
    arrived_at,
    delivery_id,
    row_number
from {{ accepted_rows("inventory/products") }}
