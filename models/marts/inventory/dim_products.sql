with catalogue as (
    select *
    from (
        {{ versions(ref("stg_inventory__products"), "product_key") }}
    ) as versions
    where valid_to = {{ end_of_time() }} and not is_deleted
),

uncatalogued as (
    -- distinct: a domain has many hosts.
    select distinct
        product_key,
        district_id,
        domain
    from {{ ref("int_usage__host_products") }}
    where not is_catalogued
)

select
    product_key,
    district_id,
    product_id,
    coalesce(product_name, product_id) as product_name,
    provider,
    sector,
    essential_function,
    product_status,
    privacy_status,
    true as is_catalogued
from catalogue
union all
select
    product_key,
    district_id,
    cast(null as varchar) as product_id,
    domain as product_name,
    cast(null as varchar) as provider,
    cast(null as varchar) as sector,
    cast(null as varchar) as essential_function,
    cast(null as varchar) as product_status,
    cast(null as varchar) as privacy_status,
    false as is_catalogued
from uncatalogued
