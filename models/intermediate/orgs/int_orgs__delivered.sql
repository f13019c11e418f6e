with versions as (
    {{ versions(ref("stg_oneroster__orgs"), "org_key") }}
),

ranked as (
    -- An org that is gone keeps its last name: memberships of the past still point to it.
    select
        *,
        row_number() over (partition by org_key order by is_deleted, valid_from desc) as recency,
        max(
            case when not is_deleted and valid_to = {{ end_of_time() }} then 1 else 0 end
        ) over (partition by org_key) as is_active
    from versions
)

select
    org_key,
    district_id,
    sourced_id,
    identifier,
    org_name,
    org_type,
    parent_sourced_id,
    extensions,
    is_active = 1 as is_active
from ranked
where recency = 1 and not is_deleted
