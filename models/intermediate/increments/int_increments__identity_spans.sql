{{ config(materialized="ephemeral") }}
select district_id, identity_key, user_key, user_type, roster_status, membership_group_key, valid_from, valid_to
from {{ ref("int_usage__identity_spans") }}
union all
select
    spans.district_id,
    spans.identity_key,
    spans.user_key,
    spans.user_type,
    spans.roster_status,
    spans.membership_group_key,
    coalesce(spans.valid_from, {{ beginning_of_time() }}) as valid_from,
    coalesce(spans.valid_to, {{ end_of_time() }}) as valid_to
from {{ published("bridge_usage_identities") }} as spans
semi join {{ ref("int_increments__carried_districts") }} as carried_over on spans.district_id = carried_over.district_id
-- Those that were found out anew are among the first, also once this build has added them to the mart.
anti join {{ ref("int_increments__identities") }} as resolved_now
    on spans.district_id = resolved_now.district_id and spans.identity_key = resolved_now.identity_key
