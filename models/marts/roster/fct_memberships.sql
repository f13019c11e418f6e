select
    {{ key(["user_key", "org_key", "coalesce(grade_code, '')", "role", "valid_from"]) }} as membership_key,
    district_id,
    user_key,
    org_key,
    grade_code,
    role,
    source,
    pairing_basis,
    is_primary,
    valid_from,
    {{ open_end("valid_to") }} as valid_to,
    valid_to = {{ end_of_time() }} as is_current
from {{ ref("int_memberships__spans") }}
