select
    {{ key(["district_id", "row_key"]) }} as grant_row_key,
    district_id,
    {{ lower_text(clean("email")) }} as email,
    email_hash,
    {{ lower_text(clean("role")) }} as access_role,
    {{ clean("school") }} as school,
    {{ school_cell("school", "school") }} as school_cell,
    _op = 'delete' as is_deleted,
    cast(_effective_at as date) as effective_date,
    _arrived_at as arrived_at,
    _delivery_id as delivery_id,
    _row_number as row_number
from {{ source("templates", "access_list") }}
where {{ in_roster_scope() }}
