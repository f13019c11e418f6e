-- What: the spans of a person leave a gap, overlap, or do not reach from the first to the last day.
-- When it matters: use on a day in the gap would be lost, or counted twice.
-- How to resolve: look at the person in int_people__status_spans and, before it, in int_memberships__groups.
with ordered as (
    select
        user_key,
        valid_from,
        valid_to,
        lag(valid_to, 1, {{ beginning_of_time() }}) over (partition by user_key order by valid_from) as expected_from,
        lead(valid_from) over (partition by user_key order by valid_from) is null as is_last
    from {{ ref("int_people__status_spans") }}
)

select *
from ordered
where valid_from <> expected_from or (is_last and valid_to <> {{ end_of_time() }})
