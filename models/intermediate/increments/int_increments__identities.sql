-- Of a district whose rosters are carried over, whose an identity is was found out when it was first seen.
with identities as (
    select
        district_id,
        identity_key,
        {{ key_of_hash("user_id_hash") }} as user_id_key,
        {{ key_of_hash("email_hash") }} as email_key,
        {{ key_of_hash("local_part_hash") }} as local_part_key,
        coalesce(email_hash, user_id_hash) as natural_key
    from {{ ref("int_usage__identities") }}
)

select identities.*
from identities
anti join (
    select
        known.district_id,
        known.identity_key
    from {{ published("bridge_usage_identities") }} as known
    semi join {{ ref("int_increments__roster_scope") }} as carried_over
        on known.district_id = carried_over.district_id and not carried_over.is_in_scope
) as resolved
    on identities.district_id = resolved.district_id and identities.identity_key = resolved.identity_key
