with member_rows as (
    select
        user_key,
        district_id,
        valid_from,
        valid_to,
        roster_status,
        org_key,
        grade_code,
        role,
        case when org_key is not null then concat_ws(':', org_key, coalesce(grade_code, ''), role) end as member_row
    from {{ ref("int_memberships__slices") }}
)

select
    user_key,
    district_id,
    valid_from,
    valid_to,
    roster_status,
    {{ key([sorted_text("member_row")]) }} as membership_group_key
from member_rows
group by user_key, district_id, valid_from, valid_to, roster_status
