{%- set state = counted_marts() -%}
{%- set changed_days -%}
    (
        select days.usage_date
        from {{ published("fct_usage_days", state) }} as days
        inner join (
            select district_id, min(valid_from) as valid_from, max(valid_to) as valid_to
            from {{ ref("int_increments__identity_changes") }}
            where is_changed
            group by district_id
        ) as changed
            on days.district_id = changed.district_id
            and changed.valid_from <= days.usage_date
            and days.usage_date < changed.valid_to
    )
{%- endset -%}
with days as (
    select district_id, usage_date, delivery_ids, school_year_start
    from {{ published("fct_usage_days", state) }} as days_before
),

hosts as (
    select district_id, host, path_prefix, product_key
    from {{ published("bridge_product_hosts", state) }} as hosts_before
),

product_days as (
    select district_id, usage_date, product_key
    from {{ published("agg_product_days", state) }} as product_days_before
),

identity_spans as (
    select district_id, identity_key, user_key, valid_from, valid_to, is_changed
    from {{ ref("int_increments__identity_changes") }}
),

facts as (
    select district_id, usage_date, user_key
    from {{ published("fct_product_usage", state) }} as facts_before
    where {{ on_days_of(changed_days) }}
),

new_partitions as (
    select
        partitions.district_id,
        partitions.usage_date
    from {{ ref("int_usage__partitions") }} as partitions
    left join days
        on partitions.district_id = days.district_id
        and partitions.usage_date = days.usage_date
        and partitions.delivery_ids = days.delivery_ids
        and partitions.school_year_start = days.school_year_start
    where days.usage_date is null
),

-- A host that belongs to another product now: every day with use of the product it was.
moved_hosts as (
    select
        hosts.district_id,
        hosts.product_key
    from hosts
    inner join {{ ref("int_usage__host_products") }} as hosts_now
        on hosts.district_id = hosts_now.district_id
        and hosts.host = hosts_now.host
        and hosts.path_prefix = hosts_now.path_prefix
    where hosts.product_key <> hosts_now.product_key
),

rematched_partitions as (
    select
        product_days.district_id,
        product_days.usage_date
    from product_days
    semi join moved_hosts
        on product_days.district_id = moved_hosts.district_id and product_days.product_key = moved_hosts.product_key
),

changed_days as (
    -- distinct: a person has a row a product on each day.
    select distinct
        facts.district_id,
        facts.usage_date,
        facts.user_key
    from facts
    inner join identity_spans as changed
        on facts.district_id = changed.district_id
        and facts.user_key is not distinct from changed.user_key
        and changed.valid_from <= facts.usage_date
        and facts.usage_date < changed.valid_to
    where changed.is_changed
),

-- Use that was or is nobody's cannot be assigned to a person: those days are counted whole.
whole_partitions as (
    select district_id, usage_date from new_partitions
    union
    select district_id, usage_date from rematched_partitions
    union
    select district_id, usage_date from changed_days where user_key is null
),

person_days as (
    -- Anyone who gains the use that another had is counted again with them. distinct: they may share several identities.
    select distinct
        changed_days.district_id,
        changed_days.usage_date,
        owners.user_key
    from changed_days
    inner join identity_spans as shared
        on changed_days.district_id = shared.district_id
        and changed_days.user_key = shared.user_key
        and shared.valid_from <= changed_days.usage_date
        and changed_days.usage_date < shared.valid_to
    inner join identity_spans as owners
        on shared.district_id = owners.district_id
        and shared.identity_key = owners.identity_key
        and owners.valid_from <= changed_days.usage_date
        and changed_days.usage_date < owners.valid_to
    where changed_days.user_key is not null
),

all_whole as (
    select district_id, usage_date from whole_partitions
    union
    select district_id, usage_date from person_days where user_key is null
)

select
    district_id,
    usage_date,
    cast(null as bigint) as user_key,
    true as is_whole
from all_whole
union all
select
    person_days.district_id,
    person_days.usage_date,
    person_days.user_key,
    false as is_whole
from person_days
left join all_whole
    on person_days.district_id = all_whole.district_id and person_days.usage_date = all_whole.usage_date
where all_whole.usage_date is null
