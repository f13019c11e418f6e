select
    district_id,
    template,
    nullif(school_id, '') as school_id,
    nullif(school_name, '') as school_name,
    {{ school_cell("school_id", "school_name") }} as school_cell,
    row_count,
    _delivery_id as delivery_id
from {{ source("templates", "schools") }}
where {{ in_roster_scope() }}
