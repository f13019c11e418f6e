-- Built after the facts, since it records for the next build what they were counted with.
-- depends_on: {{ ref("fct_product_usage") }}
select
    district_id,
    host,
    path_prefix,
    product_key,
    domain
from {{ ref("int_usage__host_products") }}
