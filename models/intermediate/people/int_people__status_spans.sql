with group_spans as (
    {{ merged_spans(
        ref("int_memberships__groups"), ["user_key", "district_id", "roster_status", "membership_group_key"]
    ) }}
),

numbered as (
    select
        *,
        row_number() over (partition by user_key order by valid_from) as number
    from group_spans
)

-- Rosters arrive late: a person's first span also covers their use before it.
select
    user_key,
    district_id,
    roster_status,
    membership_group_key,
    case when number = 1 then {{ beginning_of_time() }} else valid_from end as valid_from,
    valid_to
from numbered
