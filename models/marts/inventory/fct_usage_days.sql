{{
    config(
        materialized="incremental",
        incremental_strategy="replace_scope",
        on_schema_change="fail",
        scope="int_increments__scope",
        replaces=[{"keys": ["district_id", "usage_date"], "where": "is_whole"}],
    )
}}
-- Built after the facts, since it says to the next build which files they were counted from.
-- depends_on: {{ ref("fct_product_usage") }}
-- depends_on: {{ ref("int_increments__school_years") }}
with scope as (
    select district_id, usage_date
    from {{ ref("int_increments__scope") }}
    where is_whole
),

delivered as (
    select
        district_id,
        usage_date,
        count(*) as events_delivered
    from {{ ref("int_usage__page_loads") }}
    group by district_id, usage_date
),

counted as (
    select
        district_id,
        usage_date,
        cast(sum(page_loads) as bigint) as page_loads
    from {{ ref("int_usage__daily") }}
    group by district_id, usage_date
)

select
    scope.district_id,
    scope.usage_date,
    partitions.delivery_count,
    partitions.delivery_ids,
    partitions.school_year_start,
    delivered.events_delivered,
    counted.page_loads
from scope
inner join {{ ref("int_usage__partitions") }} as partitions
    on scope.district_id = partitions.district_id and scope.usage_date = partitions.usage_date
inner join delivered on scope.district_id = delivered.district_id and scope.usage_date = delivered.usage_date
inner join counted on scope.district_id = counted.district_id and scope.usage_date = counted.usage_date
