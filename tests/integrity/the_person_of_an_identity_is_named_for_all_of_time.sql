-- What: the spans of a usage identity leave a gap, overlap, or do not reach from the first to the last day.
-- When it matters: use on a day in the gap would be lost, or counted twice.
-- How to resolve: look at the identity in int_usage__identity_spans, then at its claims and at its person in int_people__status_spans.
with ordered as (
    select
        district_id,
        identity_key,
        valid_from,
        valid_to,
        lag(valid_to, 1, {{ beginning_of_time() }}) over (
            partition by district_id, identity_key order by valid_from
        ) as expected_from,
        lead(valid_from) over (partition by district_id, identity_key order by valid_from) is null as is_last
    from {{ ref("int_usage__identity_spans") }}
)

select *
from ordered
where valid_from <> expected_from or (is_last and valid_to <> {{ end_of_time() }})
