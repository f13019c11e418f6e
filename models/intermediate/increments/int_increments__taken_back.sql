{#- Read from the candidate before this build replaces it there, which is why fct_product_usage depends on this model. -#}
with facts as (
    select
        district_id, usage_date, user_key, user_type, roster_status, product_key, membership_group_key, page_loads,
        active_seconds
    from {{ published("fct_product_usage") }} as facts_before
    where {{ on_days_of(ref("int_increments__scope")) }}
),

scope as (
    select district_id, usage_date, user_key, is_whole
    from {{ ref("int_increments__scope") }}
)

select facts.*
from facts
semi join (select district_id, usage_date from scope where is_whole) as whole
    on facts.district_id = whole.district_id and facts.usage_date = whole.usage_date
union all
select facts.*
from facts
semi join (select district_id, usage_date, user_key from scope where not is_whole) as people
    on facts.district_id = people.district_id
    and facts.usage_date = people.usage_date
    and facts.user_key = people.user_key
