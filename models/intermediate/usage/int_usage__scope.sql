{#-
    What of the usage this build has to count again. The state is the published marts' own: which files they hold, whose
    each identity was, which product each host was. Without them, everything is counted.
-#}
{%- set days = published("fct_usage_days") -%}
{%- set identities = published("bridge_usage_identities") -%}
{%- set hosts = published("bridge_product_hosts") -%}
{%- set facts = published("fct_product_usage") -%}
{%- if days and identities and hosts and facts -%}
with new_partitions as (
    select
        partitions.district_id,
        partitions.usage_date
    from {{ ref("stg_extension__partitions") }} as partitions
    left join {{ days }} as counted
        on partitions.district_id = counted.district_id
        and partitions.usage_date = counted.usage_date
        and partitions.delivery_ids = counted.delivery_ids
    where counted.usage_date is null
),

-- A host that belongs to another product now: every day with use of the product it was.
moved_hosts as (
    select distinct
        before.district_id,
        before.product_key
    from {{ hosts }} as before
    inner join {{ ref("int_usage__host_products") }} as after
        on before.district_id = after.district_id
        and before.host = after.host
        and before.path_prefix = after.path_prefix
    where before.product_key <> after.product_key
),

rematched_partitions as (
    select distinct
        facts.district_id,
        facts.usage_date
    from {{ facts }} as facts
    inner join moved_hosts on facts.district_id = moved_hosts.district_id and facts.product_key = moved_hosts.product_key
),

before as (
    select
        district_id, identity_key, user_key, user_type, roster_status, membership_group_key,
        coalesce(valid_from, {{ beginning_of_time() }}) as valid_from,
        coalesce(valid_to, {{ end_of_time() }}) as valid_to
    from {{ identities }}
),

after as (
    select district_id, identity_key, user_key, user_type, roster_status, membership_group_key, valid_from, valid_to
    from {{ ref("int_usage__identity_spans") }}
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
    from {{ facts }} as facts
    inner join changed_people
        on facts.district_id = changed_people.district_id
        and facts.user_key is not distinct from changed_people.user_key
        and changed_people.valid_from <= facts.usage_date
        and facts.usage_date < changed_people.valid_to
),

-- Use that was or is nobody's cannot be told apart by person: those days are counted whole.
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
    -- Whoever gains the use that another had is counted again with them.
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

nobodys_days as (
    select distinct district_id, usage_date from person_days where user_key is null
),

all_whole as (
    select district_id, usage_date from whole_partitions
    union
    select district_id, usage_date from nobodys_days
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
{%- else -%}
select
    district_id,
    usage_date,
    cast(null as bigint) as user_key,
    true as is_whole
from {{ ref("stg_extension__partitions") }}
-- The other branch, which goes on from a published version, also reads
-- {{ ref("int_usage__host_products") }} and {{ ref("int_usage__identity_spans") }}
{%- endif %}
