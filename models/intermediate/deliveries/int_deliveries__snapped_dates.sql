with boundary_dates as (
    select district_id, begin_date as boundary_date from {{ ref("stg_oneroster__enrollments") }} where role <> 'student'
    union
    select district_id, end_date from {{ ref("stg_oneroster__enrollments") }} where role <> 'student'
    union
    select district_id, begin_date from {{ ref("stg_oneroster__roles") }}
    union
    select district_id, end_date from {{ ref("stg_oneroster__roles") }}
)

-- A roster is known on the dates of its deliveries: a term that ends between two of them ends with the second.
select
    boundary_dates.district_id,
    boundary_dates.boundary_date,
    coalesce(min(roster_dates.delivery_date), {{ end_of_time() }}) as delivery_date
from boundary_dates
left join {{ ref("int_deliveries__roster_dates") }} as roster_dates
    on boundary_dates.district_id = roster_dates.district_id
    and boundary_dates.boundary_date <= roster_dates.delivery_date
where boundary_dates.boundary_date is not null
group by boundary_dates.district_id, boundary_dates.boundary_date
