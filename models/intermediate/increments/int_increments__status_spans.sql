{{ config(materialized="ephemeral") }}
select district_id, user_key, roster_status, membership_group_key, valid_from, valid_to
from {{ ref("int_people__status_spans") }}
union all
select
    spans.district_id,
    spans.user_key,
    spans.roster_status,
    spans.membership_group_key,
    coalesce(spans.valid_from, {{ beginning_of_time() }}) as valid_from,
    coalesce(spans.valid_to, {{ end_of_time() }}) as valid_to
from {{ published("bridge_user_groups") }} as spans
semi join {{ ref("int_increments__carried_districts") }} as carried_over on spans.district_id = carried_over.district_id
anti join {{ ref("int_increments__people_scope") }} as people on spans.user_key = people.source_user_key
