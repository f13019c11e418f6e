select
    {{ key(["district_id", "'product'", "product_id"]) }} as product_key,
    district_id,
    {{ trim_text("product_id") }} as product_id,
    {{ clean("product_name") }} as product_name,
    {{ clean("provider") }} as provider,
    {{ clean("url") }} as urls,
    {{ clean("sector") }} as sector,
    {{ clean("essential_function") }} as essential_function,
    {{ clean("product_status") }} as product_status,
    {{ clean("privacy_status") }} as privacy_status,
    _op = 'delete' as is_deleted,
    cast(_effective_at as date) as effective_date,
    _arrived_at as arrived_at,
    _delivery_id as delivery_id,
    _row_number as row_number
from {{ source("inventory", "products") }}
