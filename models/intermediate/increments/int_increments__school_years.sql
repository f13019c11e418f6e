{#- Read from the candidate before this build replaces it there, which is why fct_usage_days depends on this model. -#}
with before as (
    select district_id, usage_date, school_year_start
    from {{ published("fct_usage_days") }} as days_before
),

now as (
    select district_id, usage_date, school_year_start
    from {{ ref("int_usage__partitions") }}
)

select
    district_id,
    usage_date,
    1 as sign,
    school_year_start
from now
union all
select
    district_id,
    usage_date,
    -1 as sign,
    school_year_start
from before
union all
-- Facts of the last version whose days it has lost: as far as anyone can know, they counted in the year of now.
select
    now.district_id,
    now.usage_date,
    -1 as sign,
    now.school_year_start
from now
anti join before on now.district_id = before.district_id and now.usage_date = before.usage_date
