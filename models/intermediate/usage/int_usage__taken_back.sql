{#- Read from the candidate before this build replaces it there, which is why fct_product_usage depends on this model. -#}
{%- set facts = published("fct_product_usage") -%}
{%- if facts -%}
with facts_before as (
    {{ facts_in_scope(facts) }}
)

select
    district_id,
    usage_date,
    user_key,
    user_type,
    roster_status,
    product_key,
    membership_group_key,
    page_loads,
    active_seconds
from facts_before
{%- else -%}
select
    cast(null as varchar) as district_id,
    cast(null as date) as usage_date,
    cast(null as bigint) as user_key,
    cast(null as varchar) as user_type,
    cast(null as varchar) as roster_status,
    cast(null as bigint) as product_key,
    cast(null as bigint) as membership_group_key,
    cast(null as bigint) as page_loads,
    cast(null as double) as active_seconds
from {{ ref("int_usage__scope") }}
where false
{%- endif %}
