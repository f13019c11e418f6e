select
    {{ key(["district_id", "'added'", "row_key"]) }} as member_key,
    district_id,
    nullif(trim(first_name), '') as given_name,
    nullif(trim(last_name), '') as family_name,
    nullif(lower(trim(email)), '') as email,
    nullif(lower(trim(role)), '') as role,
    row_key as email_hash,
    email_domain,
    _op = 'delete' as is_deleted,
    effective_date,
    arrived_at,
    delivery_id,
    row_number
from {{ accepted_rows("templates/members") }}
