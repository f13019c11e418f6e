select _row_number as row_number, 'product_status' as column_name, product_status as value,
    (select string_agg(product_status, ', ' order by product_status) from seed_product_statuses) as detail
from products
where trim(product_status) <> '' and lower(trim(product_status)) not in (select product_status from seed_product_statuses)
