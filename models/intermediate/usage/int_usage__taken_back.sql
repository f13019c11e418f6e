{#- Read from the candidate before this build replaces it there, which is why fct_product_usage depends on this model. -#}
{%- set facts = published("fct_product_usage") -%}
{%- set columns = "district_id, usage_date, user_key, user_type, roster_status, product_key, membership_group_key, page_loads, active_seconds" -%}
{%- if facts -%}
with whole_days as (
    select facts.*
    from {{ facts }} as facts
    semi join (select * from {{ ref("int_usage__scope") }} where is_whole) as scope
        on facts.district_id = scope.district_id and facts.usage_date = scope.usage_date
),

person_days as (
    select facts.*
    from {{ facts }} as facts
    semi join (select * from {{ ref("int_usage__scope") }} where not is_whole) as scope
        on facts.district_id = scope.district_id
        and facts.usage_date = scope.usage_date
        and facts.user_key = scope.user_key
)

select {{ columns }}
from whole_days
union all
select {{ columns }}
from person_days
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
