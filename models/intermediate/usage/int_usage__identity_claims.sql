-- What the identities name, and nothing else, is looked up.
with named as (
    {%- for column in ["user_id_key", "email_key", "local_part_key"] %}
    select district_id, {{ column }} as identifier_key from {{ ref("int_increments__identities") }}
    {{ "union" if not loop.last }}
    {%- endfor %}
),

held as (
    select
        identifiers.district_id,
        identifiers.user_key,
        identifiers.identifier_type,
        identifiers.identifier_key,
        identifiers.valid_from,
        identifiers.valid_to,
        min(identifiers.valid_from) over (
            partition by identifiers.district_id, identifiers.identifier_type, identifiers.identifier_key
        ) as first_from
    from {{ ref("int_increments__identifiers") }} as identifiers
    semi join named
        on identifiers.district_id = named.district_id and identifiers.identifier_key = named.identifier_key
),

next_holders as (
    -- From when on someone else holds what a person no longer does.
    select
        held.district_id,
        held.user_key,
        held.identifier_type,
        held.identifier_key,
        held.valid_from,
        min(others.valid_from) as next_from
    from held
    inner join held as others
        on held.district_id = others.district_id
        and held.identifier_type = others.identifier_type
        and held.identifier_key = others.identifier_key
        and held.valid_to <= others.valid_from
    where held.valid_to < {{ end_of_time() }}
    group by held.district_id, held.user_key, held.identifier_type, held.identifier_key, held.valid_from
),

claims as (
    select
        district_id,
        user_key,
        identifier_type,
        identifier_key,
        true as is_held,
        -- The first holder held it before its first delivery too.
        case when valid_from = first_from then {{ beginning_of_time() }} else valid_from end as valid_from,
        valid_to
    from held
    union all
    select
        held.district_id,
        held.user_key,
        held.identifier_type,
        held.identifier_key,
        false as is_held,
        held.valid_to as valid_from,
        coalesce(next_holders.next_from, {{ end_of_time() }}) as valid_to
    from held
    left join next_holders
        on held.district_id = next_holders.district_id
        and held.user_key = next_holders.user_key
        and held.identifier_type = next_holders.identifier_type
        and held.identifier_key = next_holders.identifier_key
        and held.valid_from = next_holders.valid_from
    where held.valid_to < coalesce(next_holders.next_from, {{ end_of_time() }})
)

select
    district_id,
    user_key,
    case identifier_type when 'sourcedId' then 'id' when 'identifier' then 'id' else identifier_type end as claim_type,
    identifier_key,
    is_held,
    valid_from,
    valid_to
from claims
