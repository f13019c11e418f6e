select _row_number as row_number, 'url' as column_name, coalesce(product_name, product_id) as value, null as detail
from products
where not regexp_matches(
    coalesce(url, ''), '(^|;)[[:space:]]*([a-z]+://)?[a-z0-9-]+([.][a-z0-9-]+)+', 'i'
)
