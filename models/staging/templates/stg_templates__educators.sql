select
    {{ key(["district_id", "'educators'", "row_key"]) }} as template_row_key,
    district_id,
    {{ clean("sis_id") }} as sis_id,
    {{ clean("first_name") }} as given_name,
    {{ clean("last_name") }} as family_name,
    {{ lower_text(clean("email")) }} as email,
    {{ lower_text(clean("role")) }} as role,
    {{ clean("school_id") }} as school_id,
    {{ clean("school_name") }} as school_name,
    {{ school_cell("school_id", "school_name") }} as school_cell,
    {{ clean("grade_level") }} as grade_level,
    sis_id_hash,
    email_hash,
    email_domain,
    extensions,
    _op = 'delete' as is_deleted,
    cast(_effective_at as date) as effective_date,
    _arrived_at as arrived_at,
    _delivery_id as delivery_id,
    _row_number as row_number
from {{ source("templates", "educators") }}
where {{ in_roster_scope() }}
