{{ config(materialized="ephemeral") }}
with counted_days as (
    select facts.*
    from {{ ref("fct_product_usage") }} as facts
    semi join (select * from {{ ref("int_usage__scope") }} where is_whole) as scope
        on facts.district_id = scope.district_id and facts.usage_date = scope.usage_date
),

counted_people as (
    select facts.*
    from {{ ref("fct_product_usage") }} as facts
    semi join (select * from {{ ref("int_usage__scope") }} where not is_whole) as scope
        on facts.district_id = scope.district_id
        and facts.usage_date = scope.usage_date
        and facts.user_key = scope.user_key
),

signed as (
    {%- for relation, sign in [
        ("counted_days", 1), ("counted_people", 1), (ref("int_usage__taken_back"), -1),
    ] %}
    select
        district_id,
        usage_date,
        user_key,
        user_type,
        roster_status,
        product_key,
        membership_group_key,
        {{ sign }} as sign,
        {{ sign }} * page_loads as page_loads,
        -- Exact sums: what is taken back later is what was added.
        {{ sign }} * cast(active_seconds as decimal(18, 3)) as active_seconds
    from {{ relation }}
    {{ "union all" if not loop.last }}
    {%- endfor %}
)

select * from signed
