select
    schools.district_id,
    schools.template,
    nullif(schools.school_id, '') as school_id,
    nullif(schools.school_name, '') as school_name,
    {{ school_cell("schools.school_id", "schools.school_name") }} as school_cell,
    schools.row_count,
    deliveries.delivery_date,
    schools._delivery_id as delivery_id
from {{ lake_rows("templates/schools") }} as schools
inner join {{ ref("stg_landing__deliveries") }} as deliveries
    on schools.district_id = deliveries.district_id and schools._delivery_id = deliveries.delivery_id
where deliveries.verdict = 'accepted'
