{#- Read from the candidate before this build replaces it there, which is why bridge_user_identifiers depends on this model. -#}
-- Of people who are carried over, whose an identity is was found out when it was first seen.
with identities as (
    select district_id, identity_key, user_id_hash, email_hash, local_part_hash
    from {{ ref("int_usage__identities") }}
),

known as (
    select
        known.district_id,
        known.identity_key
    from {{ published("bridge_usage_identities") }} as known
    semi join {{ ref("int_increments__carried_districts") }} as carried_over
        on known.district_id = carried_over.district_id
),

-- What people in scope are known by, or were.
held as (
    select
        identifiers.district_id,
        identifiers.identifier_key
    from {{ ref("int_people__identifiers") }} as identifiers
    semi join {{ ref("int_increments__roster_parts") }} as parts on identifiers.district_id = parts.district_id
    union
    select
        identifiers.district_id,
        identifiers.identifier_key
    from {{ published("bridge_user_identifiers") }} as identifiers
    semi join {{ ref("int_increments__roster_parts") }} as parts on identifiers.district_id = parts.district_id
    semi join {{ ref("int_increments__people_scope") }} as people on identifiers.user_key = people.source_user_key
),

-- Districts of which no part is in scope have nobody who is held: their identities, nearly all, need no keys.
of_parts as (
    select identities.*
    from identities
    semi join {{ ref("int_increments__roster_parts") }} as parts on identities.district_id = parts.district_id
),

found_out as (
    select identities.*
    from identities
    anti join known on identities.district_id = known.district_id and identities.identity_key = known.identity_key
    {%- for column in ["user_id_hash", "email_hash", "local_part_hash"] %}
    union
    select of_parts.*
    from of_parts
    semi join held
        on of_parts.district_id = held.district_id and {{ key_of_hash("of_parts." ~ column) }} = held.identifier_key
    {%- endfor %}
)

select
    district_id,
    identity_key,
    {{ key_of_hash("user_id_hash") }} as user_id_key,
    {{ key_of_hash("email_hash") }} as email_key,
    {{ key_of_hash("local_part_hash") }} as local_part_key,
    {{ key(["district_id", "'usage'", "coalesce(email_hash, user_id_hash)"]) }} as stranger_key
from found_out
