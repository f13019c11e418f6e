-- What: two spans of one person, org, grade and role overlap.
-- When it matters: a count on a date would see the membership twice.
-- How to resolve: look at the person in int_memberships__slices; merged_spans() must have put touching slices together.
with spans as (
    select
        user_key,
        org_key,
        grade_code,
        role,
        valid_from,
        valid_to,
        lead(valid_from) over (partition by user_key, org_key, grade_code, role order by valid_from) as next_from
    from {{ ref("fct_memberships") }}
    -- Those of the others were tested when they were derived.
    where district_id in (select district_id from {{ ref("int_increments__roster_scope") }} where is_in_scope)
        and {{ in_people_scope("user_key") }}
)

select *
from spans
where next_from is not null and (valid_to is null or next_from < valid_to)
