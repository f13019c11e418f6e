select
    {{ key(["district_id", "'students'", "row_key"]) }} as template_row_key,
    district_id,
    nullif(trim(sis_id), '') as sis_id,
    nullif(trim(school_id), '') as school_id,
    nullif(trim(school_name), '') as school_name,
    {{ school_cell("school_id", "school_name") }} as school_cell,
    nullif(trim(grade_level), '') as grade_level,
    sis_id_hash,
    email_hash,
    email_domain,
    _op = 'delete' as is_deleted,
    effective_date,
    arrived_at,
    delivery_id,
    row_number
from {{ accepted_rows("templates/students") }}
