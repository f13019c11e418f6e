{{ config(materialized="ephemeral") }}
with signed as (
    {%- for relation, sign in [(ref("int_increments__counted"), 1), (ref("int_increments__taken_back"), -1)] %}
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
