with page_loads as (
    select event_key, district_id, usage_date, identity_key, host, path_prefix, occurred_at, duration_seconds
    from {{ ref("int_usage__page_loads") }}
),

-- Few events come twice: they are found by their key alone, so that the rest need not be sorted to be counted once.
repeated as (
    select district_id, usage_date, event_key
    from page_loads
    group by district_id, usage_date, event_key
    having count(*) > 1
),

counted as (
    select
        page_loads.district_id,
        page_loads.usage_date,
        page_loads.identity_key,
        page_loads.host,
        page_loads.path_prefix,
        page_loads.occurred_at,
        page_loads.duration_seconds
    from page_loads
    anti join repeated
        on page_loads.district_id = repeated.district_id
        and page_loads.usage_date = repeated.usage_date
        and page_loads.event_key = repeated.event_key
    union all
    select district_id, usage_date, identity_key, host, path_prefix, occurred_at, duration_seconds
    from (
        select
            page_loads.*,
            row_number() over (
                partition by page_loads.district_id, page_loads.usage_date, page_loads.event_key
                order by
                    page_loads.occurred_at, page_loads.identity_key, page_loads.host, page_loads.path_prefix,
                    page_loads.duration_seconds nulls last
            ) as number
        from page_loads
        inner join repeated
            on page_loads.district_id = repeated.district_id
            and page_loads.usage_date = repeated.usage_date
            and page_loads.event_key = repeated.event_key
    ) as numbered
    where number = 1
)

select
    counted.district_id,
    counted.usage_date,
    counted.identity_key,
    host_products.product_key,
    count(*) as page_loads,
    sum(coalesce(counted.duration_seconds, 0)) as active_seconds,
    min(counted.occurred_at) as first_seen_at,
    max(counted.occurred_at) as last_seen_at
from counted
inner join {{ ref("int_usage__host_products") }} as host_products
    on counted.district_id = host_products.district_id
    and counted.host = host_products.host
    and counted.path_prefix = host_products.path_prefix
group by counted.district_id, counted.usage_date, counted.identity_key, host_products.product_key
