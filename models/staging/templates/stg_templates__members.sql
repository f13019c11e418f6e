select
    {{ key(["district_id", "'added'", "row_key"]) }} as member_key,
    district_id,
    {{ clean("first_name") }} as given_name,
    {{ clean("last_name") }} as family_name,
    {{ lower_text(clean("email")) }} as email,
    {{ lower_text(clean("role")) }} as role,
    {{ clean("school") }} as school,
    {{ school_cell("school", "school") }} as school_cell,
    {{ clean("grade_level") }} as grade_level,
    {{ date_or_null("end_date") }} as end_date,
    row_key as email_hash,
    email_domain,
    extensions,
    _op = 'delete' as is_deleted,
    cast(_effective_at as date) as effective_date,
    _arrived_at as arrived_at,
    _delivery_id as delivery_id,
    _row_number as row_number
from {{ source("templates", "members") }}
where {{ in_roster_scope() }}
