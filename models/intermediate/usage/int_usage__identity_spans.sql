with identities as (
    select
        district_id,
        identity_key,
        user_id_key,
        email_key,
        local_part_key,
        stranger_key
    from {{ ref("int_increments__identities") }}
),

claims as (
    select district_id, user_key, claim_type, identifier_key, is_held, valid_from, valid_to
    from {{ ref("int_usage__identity_claims") }}
),

profiles as (
    select user_key, user_type, is_relative
    from {{ ref("int_increments__profiles") }}
),

-- Who may be meant, the surest first: the SIS id, then the email, then the user name at the district's domains. A parent whose
-- address a student or a teacher has too is meant only where nobody else is.
candidates as (
    {%- for claim_type, column, certainty in [
        ("id", "user_id_key", 1), ("email", "email_key", 2), ("username", "email_key", 3), ("username", "local_part_key", 3),
    ] %}
    select
        identities.district_id,
        identities.identity_key,
        claims.user_key,
        {{ certainty }} * 2 - case when claims.is_held then 1 else 0 end
        + case when profiles.is_relative then 10 else 0 end as uncertainty,
        claims.valid_from,
        claims.valid_to
    from identities
    inner join claims
        on identities.district_id = claims.district_id
        and identities.{{ column }} = claims.identifier_key
        and claims.claim_type = '{{ claim_type }}'
    left join profiles on claims.user_key = profiles.user_key
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

boundaries as (
    select district_id, identity_key, valid_from as boundary_date from candidates
    union
    select district_id, identity_key, valid_to from candidates
),

slices as (
    select
        district_id,
        identity_key,
        boundary_date as valid_from,
        lead(boundary_date) over (partition by district_id, identity_key order by boundary_date) as valid_to
    from boundaries
),

ranked as (
    select
        slices.district_id,
        slices.identity_key,
        slices.valid_from,
        slices.valid_to,
        candidates.user_key,
        candidates.uncertainty,
        min(candidates.uncertainty) over (
            partition by slices.district_id, slices.identity_key, slices.valid_from
        ) as least_uncertainty
    from slices
    inner join candidates
        on slices.district_id = candidates.district_id
        and slices.identity_key = candidates.identity_key
        and candidates.valid_from <= slices.valid_from
        and slices.valid_to <= candidates.valid_to
),

-- An address that two people hold is neither's: it is not split and not guessed.
resolved as (
    select
        district_id,
        identity_key,
        valid_from,
        valid_to,
        case when min(user_key) = max(user_key) then min(user_key) end as user_key
    from ranked
    where uncertainty = least_uncertainty
    group by district_id, identity_key, valid_from, valid_to
),

resolved_spans as (
    {{ merged_spans("resolved", ["district_id", "identity_key", "user_key"]) }}
),

-- distinct: one row a person, who may have several identities.
people as (
    select distinct user_key from resolved_spans where user_key is not null
),

in_force as (
    select
        spans.user_key,
        spans.roster_status,
        spans.membership_group_key,
        spans.valid_from,
        spans.valid_to,
        lead(spans.valid_from, 1, {{ end_of_time() }}) over (
            partition by spans.user_key order by spans.valid_from
        ) as next_from
    from {{ ref("int_increments__status_spans") }} as spans
    semi join people on spans.user_key = people.user_key
),

-- Disabled or gone, or never there: their use is theirs, but is not that of a rostered person.
status_spans as (
    select user_key, roster_status, membership_group_key, valid_from, valid_to
    from in_force
    union all
    select user_key, 'unrostered', cast(null as bigint), valid_to, next_from
    from in_force
    where valid_to < next_from
    union all
    select user_key, 'unrostered', cast(null as bigint), {{ beginning_of_time() }}, {{ end_of_time() }}
    from people
    anti join in_force on people.user_key = in_force.user_key
),

known as (
    select
        resolved_spans.district_id,
        resolved_spans.identity_key,
        resolved_spans.user_key,
        coalesce(profiles.user_type, 'other') as user_type,
        coalesce(status_spans.roster_status, 'unidentified') as roster_status,
        status_spans.membership_group_key,
        greatest(resolved_spans.valid_from, coalesce(status_spans.valid_from, resolved_spans.valid_from)) as valid_from,
        least(resolved_spans.valid_to, coalesce(status_spans.valid_to, resolved_spans.valid_to)) as valid_to,
        false as is_stranger
    from resolved_spans
    left join status_spans
        on resolved_spans.user_key = status_spans.user_key
        and status_spans.valid_from < resolved_spans.valid_to
        and resolved_spans.valid_from < status_spans.valid_to
    left join profiles on resolved_spans.user_key = profiles.user_key
),

strangers as (
    select
        identities.district_id,
        identities.identity_key,
        identities.stranger_key as user_key,
        'other' as user_type,
        'unrostered' as roster_status,
        cast(null as bigint) as membership_group_key,
        {{ beginning_of_time() }} as valid_from,
        {{ end_of_time() }} as valid_to,
        true as is_stranger
    from identities
    left join slices on identities.district_id = slices.district_id and identities.identity_key = slices.identity_key
    where slices.identity_key is null
)

select * from known
union all
select * from strangers
