-- distinct: one row per way in which rows of templates say where they belong.
select distinct
    district_id,
    school_cell as cell,
    school_id,
    school_name
from (
    select district_id, school_cell, school_id, school_name, delivery_id from {{ ref("stg_templates__educators") }}
    union all
    select district_id, school_cell, school_id, school_name, delivery_id from {{ ref("stg_templates__students") }}
    union all
    select district_id, school_cell, school_id, school_name, delivery_id from {{ ref("stg_templates__schools") }}
) as named
semi join {{ ref("int_deliveries__accepted") }} as accepted
    on named.district_id = accepted.district_id and named.delivery_id = accepted.delivery_id
where school_cell <> ''
