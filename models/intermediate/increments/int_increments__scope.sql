{#- All of what the last version was counted with, or nothing of it: a part would leave the rest as it is, unseen. -#}
{%- set state = ["fct_usage_days", "bridge_usage_identities", "bridge_product_hosts", "fct_product_usage"] -%}
with days as (
    select district_id, usage_date, delivery_ids, school_year_start
    from {{ published("fct_usage_days", state) }} as days_before
),

hosts as (
    select district_id, host, path_prefix, product_key
    from {{ published("bridge_product_hosts", state) }} as hosts_before
),

facts as (
    select district_id, usage_date, user_key, product_key
    from {{ published("fct_product_usage", state) }} as facts_before
),

before as (
    select
        district_id, identity_key, user_key, user_type, roster_status, membership_group_key,
        coalesce(valid_from, {{ beginning_of_time() }}) as valid_from,
        coalesce(valid_to, {{ end_of_time() }}) as valid_to
    from {{ published("bridge_usage_identities", state) }} as identities_before
    -- Of the others nothing is new that their person depends on.
    where
        district_id in (
            select district_id
            from {{ ref("int_increments__roster_scope") }}
            where is_in_scope and district_id not in (select district_id from {{ ref("int_increments__roster_parts") }})
        )
        or (district_id, identity_key) in (
            select district_id, identity_key from {{ ref("int_increments__identities") }}
        )
),

after as (
    select district_id, identity_key, user_key, user_type, roster_status, membership_group_key, valid_from, valid_to
    from {{ ref("int_usage__identity_spans") }}
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
    -- distinct: a product has many hosts.
    select distinct
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
    -- distinct: a product has many users on a day.
    select distinct
        facts.district_id,
        facts.usage_date
    from facts
    inner join moved_hosts
        on facts.district_id = moved_hosts.district_id and facts.product_key = moved_hosts.product_key
),

changed as (
    select * from (select * from before except select * from after) as gone
    union all
    select * from (select * from after except select * from before) as come
),

-- Identities never seen before have use in new partitions only, which are counted whole.
changed_people as (
    select
        changed.district_id,
        changed.user_key,
        changed.valid_from,
        changed.valid_to
    from changed
    semi join before on changed.district_id = before.district_id and changed.identity_key = before.identity_key
),

changed_days as (
    -- distinct: a person has a row a product on each day.
    select distinct
        facts.district_id,
        facts.usage_date,
        facts.user_key
    from facts
    inner join changed_people
        on facts.district_id = changed_people.district_id
        and facts.user_key is not distinct from changed_people.user_key
        and changed_people.valid_from <= facts.usage_date
        and facts.usage_date < changed_people.valid_to
),

-- Use that was or is nobody's cannot be assigned to a person: those days are counted whole.
whole_partitions as (
    select district_id, usage_date from new_partitions
    union
    select district_id, usage_date from rematched_partitions
    union
    select district_id, usage_date from changed_days where user_key is null
),

before_or_after as (
    select * from before
    union all
    select * from after
),

person_days as (
    -- Anyone who gains the use that another had is counted again with them. distinct: they may share several identities.
    select distinct
        changed_days.district_id,
        changed_days.usage_date,
        owners.user_key
    from changed_days
    inner join before_or_after as shared
        on changed_days.district_id = shared.district_id
        and changed_days.user_key = shared.user_key
        and shared.valid_from <= changed_days.usage_date
        and changed_days.usage_date < shared.valid_to
    inner join before_or_after as owners
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
