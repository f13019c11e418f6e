with member_slices as (
    select user_key, district_id, org_key, grade_code, role, source, pairing_basis, is_primary, valid_from, valid_to
    from {{ ref("int_memberships__slices") }}
    where org_key is not null
)

{{ merged_spans(
    "member_slices", ["user_key", "district_id", "org_key", "grade_code", "role", "source", "pairing_basis", "is_primary"]
) }}
