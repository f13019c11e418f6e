{#- Read from the candidate before this build replaces it there, which is why bridge_usage_identities depends on this model. -#}
with before as (
    select
        district_id, identity_key, user_key, user_type, roster_status, membership_group_key,
        coalesce(valid_from, {{ beginning_of_time() }}) as valid_from,
        coalesce(valid_to, {{ end_of_time() }}) as valid_to
    from {{ published("bridge_usage_identities", counted_marts()) }} as identities_before
    -- Of the others nothing is new that their person depends on.
    where
        district_id in (
            select district_id
            from {{ ref("int_increments__roster_scope") }}
            where is_in_scope and district_id not in (select district_id from {{ ref("int_increments__roster_parts") }})
        )
        or (district_id, identity_key) in (
            select district_id, identity_key from {{ ref("int_increments__identities") }}
        )
),

-- Identities never seen before have use in new partitions only, which are counted whole.
after as (
    select
        spans.district_id, spans.identity_key, spans.user_key, spans.user_type, spans.roster_status,
        spans.membership_group_key, spans.valid_from, spans.valid_to
    from {{ ref("int_usage__identity_spans") }} as spans
    semi join before on spans.district_id = before.district_id and spans.identity_key = before.identity_key
),

sides as (
    select before.*, 0 as is_after
    from before
    union all
    select after.*, 1 as is_after
    from after
)

select
    district_id,
    identity_key,
    user_key,
    user_type,
    roster_status,
    membership_group_key,
    valid_from,
    valid_to,
    min(is_after) = max(is_after) as is_changed
from sides
group by
    district_id, identity_key, user_key, user_type, roster_status, membership_group_key, valid_from, valid_to
