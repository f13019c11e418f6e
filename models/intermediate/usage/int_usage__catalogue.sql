select
    product_key,
    district_id,
    product_id,
    product_name,
    provider,
    urls,
    sector,
    essential_function,
    product_status,
    privacy_status
from (
    {{ versions(ref("stg_inventory__products"), "product_key") }}
) as versions
where valid_to = {{ end_of_time() }} and not is_deleted
