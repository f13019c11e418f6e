with catalogue as (
    select *
    from {{ ref("int_usage__catalogue") }}
),

statuses as (
    select product_status, status_group, is_approved
    from {{ ref("product_statuses") }}
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
    catalogue.product_key,
    catalogue.district_id,
    catalogue.product_id,
    coalesce(catalogue.product_name, catalogue.product_id) as product_name,
    catalogue.provider,
    catalogue.sector,
    catalogue.essential_function,
    catalogue.product_status,
    case
        when catalogue.product_status is null then 'no status'
        else coalesce(statuses.status_group, 'other status')
    end as status_group,
    coalesce(statuses.is_approved, false) as is_approved,
    catalogue.privacy_status,
    true as is_catalogued
from catalogue
left join statuses on lower(catalogue.product_status) = statuses.product_status
union all
select
    product_key,
    district_id,
    cast(null as string) as product_id,
    domain as product_name,
    cast(null as string) as provider,
    cast(null as string) as sector,
    cast(null as string) as essential_function,
    cast(null as string) as product_status,
    'not in the catalog' as status_group,
    false as is_approved,
    cast(null as string) as privacy_status,
    false as is_catalogued
from uncatalogued
