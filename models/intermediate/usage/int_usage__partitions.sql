-- distinct: one delivery may fill several files of a partition.
with files as (
    select distinct
        files.district_id,
        files.usage_date,
        files.delivery_id
    from {{ ref("stg_extension__page_load_files") }} as files
    semi join {{ ref("int_deliveries__accepted") }} as accepted
        on files.district_id = accepted.district_id and files.delivery_id = accepted.delivery_id
),

days as (
    select
        district_id,
        usage_date,
        cast(count(*) as integer) as delivery_count,
        {{ sorted_text("delivery_id", ",") }} as delivery_ids
    from files
    group by district_id, usage_date
)

select
    days.district_id,
    days.usage_date,
    days.delivery_count,
    days.delivery_ids,
    school_years.first_day as school_year_start
from days
inner join {{ ref("int_calendar__school_years") }} as school_years
    on days.district_id = school_years.district_id
    and school_years.first_day <= days.usage_date
    and days.usage_date <= school_years.last_day
