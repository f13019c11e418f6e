{#- A school year begins with its academic session, else on the day that the district sets, until the next begins. -#}
with settings as (
    select
        district_id,
        coalesce(school_year_start, '07-01') as school_year_start,
        school_year_start is not null as is_set,
        row_number() over (partition by district_id order by arrived_at desc, delivery_id desc) as recency
    from {{ ref("int_deliveries__accepted") }}
),

versions as (
    {{ versions(ref("stg_oneroster__academic_sessions"), "session_key") }}
),

-- A session that is on the list no longer keeps its dates: the year that it began is not over for that.
ranked_sessions as (
    select
        *,
        row_number() over (partition by session_key order by is_deleted, valid_from desc) as recency
    from versions
),

session_starts as (
    select
        district_id,
        coalesce(
            min(case when session_type = 'schoolYear' then start_date end),
            min(start_date)
        ) as first_day
    from ranked_sessions
    where recency = 1 and not is_deleted and start_date is not null
    group by district_id, coalesce(school_year, cast(year(coalesce(end_date, start_date)) as string))
),

days as (
    -- distinct: a day has many files.
    select distinct district_id, usage_date as day from {{ ref("stg_extension__page_load_files") }}
    where usage_date > {{ beginning_of_time() }}
    union
    select district_id, first_day as day from session_starts
    union
    select district_id, max(delivery_date) as day from {{ ref("int_deliveries__accepted") }} group by district_id
),

calendar_years as (
    -- distinct: a year has many days. With the years beside it, so that each begins and ends.
    select distinct
        days.district_id,
        cast(year(days.day) + steps.step as integer) as calendar_year
    from days
    cross join (select -1 as step union all select 0 as step union all select 1 as step) as steps
),

planned as (
    select
        calendar_years.district_id,
        settings.is_set,
        make_date(
            calendar_years.calendar_year,
            cast(substring(settings.school_year_start, 1, 2) as integer),
            cast(substring(settings.school_year_start, 4, 2) as integer)
        ) as planned_day
    from calendar_years
    inner join settings on calendar_years.district_id = settings.district_id and settings.recency = 1
),

begun as (
    select
        planned.district_id,
        coalesce(min(session_starts.first_day), planned.planned_day) as first_day,
        case
            when min(session_starts.first_day) is not null then 'academic_session'
            when planned.is_set then 'district_setting'
            else 'default'
        end as basis
    from planned
    -- The start that is nearest to a session's is the one that it replaces.
    left join session_starts
        on planned.district_id = session_starts.district_id
        and planned.planned_day - interval 6 month <= session_starts.first_day
        and session_starts.first_day < planned.planned_day + interval 6 month
    group by planned.district_id, planned.planned_day, planned.is_set
)

select
    district_id,
    first_day,
    cast(
        lead(first_day, 1, cast(first_day + interval 1 year as date)) over (partition by district_id order by first_day)
        - interval 1 day as date
    ) as last_day,
    basis
from begun
