{{ config(materialized="incremental", incremental_strategy="replace_districts", on_schema_change="fail") }}
-- Days that were counted before, in districts whose rosters are carried over, have their rows.
with scope as (
    -- distinct: a day is in scope once for each person that is counted again.
    select distinct
        district_id,
        usage_date
    from {{ ref("int_increments__scope") }}
),

days as (
    select
        days.district_id,
        days.usage_date
    from {{ ref("fct_usage_days") }} as days
    left join {{ ref("int_increments__roster_scope") }} as rosters
        on days.district_id = rosters.district_id and rosters.is_in_scope
    left join scope on days.district_id = scope.district_id and days.usage_date = scope.usage_date
    where rosters.district_id is not null or scope.usage_date is not null
),

spans as (
    select
        district_id,
        user_type,
        membership_group_key,
        coalesce(valid_from, {{ beginning_of_time() }}) as valid_from,
        coalesce(valid_to, {{ end_of_time() }}) as valid_to
    from {{ ref("bridge_user_groups") }}
    where {{ is_rostered() }} and district_id in (select district_id from days)
),

-- Who comes and who goes, by day: their running sum is who is there. People are not joined with days.
movements as (
    select
        district_id,
        user_type,
        membership_group_key,
        day,
        sum(change) as change
    from (
        select district_id, user_type, membership_group_key, valid_from as day, 1 as change from spans
        union all
        select district_id, user_type, membership_group_key, valid_to as day, -1 as change from spans
    ) as moves
    group by district_id, user_type, membership_group_key, day
),

stretches as (
    select
        district_id,
        user_type,
        membership_group_key,
        day as first_day,
        lead(day, 1, {{ end_of_time() }}) over (
            partition by district_id, user_type, membership_group_key order by day
        ) as end_day,
        sum(change) over (
            partition by district_id, user_type, membership_group_key order by day rows unbounded preceding
        ) as rostered_users
    from movements
)

select
    days.district_id,
    days.usage_date,
    stretches.user_type,
    stretches.membership_group_key,
    cast(stretches.rostered_users as bigint) as rostered_users
from days
inner join stretches
    on days.district_id = stretches.district_id
    and stretches.first_day <= days.usage_date
    and days.usage_date < stretches.end_day
where stretches.rostered_users > 0
