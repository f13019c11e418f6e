{{ config(materialized="ephemeral") }}
-- The same before and after this build has replaced those in scope: those of the other people stay.
select district_id, user_key, identifier_type, identifier_key, valid_from, valid_to
from {{ ref("int_people__identifiers") }}
union all
select
    identifiers.district_id,
    identifiers.user_key,
    identifiers.identifier_type,
    identifiers.identifier_key,
    identifiers.valid_from,
    coalesce(identifiers.valid_to, {{ end_of_time() }}) as valid_to
from {{ published("bridge_user_identifiers") }} as identifiers
semi join {{ ref("int_increments__carried_districts") }} as carried_over
    on identifiers.district_id = carried_over.district_id
anti join {{ ref("int_increments__people_scope") }} as people on identifiers.user_key = people.source_user_key
