with versions as (
    {{ versions(ref("stg_oneroster__orgs"), "org_key") }}
),

ranked as (
    -- An org that is gone keeps its last name: memberships of the past still point to it.
    select
        *,
        row_number() over (partition by org_key order by is_deleted, valid_from desc) as recency,
        max(case when not is_deleted and valid_to = {{ end_of_time() }} then 1 else 0 end) over (partition by org_key) as is_active
    from versions
),

orgs as (
    select
        org_key,
        district_id,
        sourced_id,
        org_name,
        org_type,
        parent_sourced_id,
        is_active = 1 as is_active
    from ranked
    where recency = 1 and not is_deleted
),

district_orgs as (
    select
        org_key,
        district_id,
        org_name,
        row_number() over (partition by district_id order by not is_active, parent_sourced_id is not null, sourced_id) as rank
    from orgs
    where org_type = 'district'
)

select
    orgs.org_key,
    orgs.district_id,
    orgs.sourced_id,
    orgs.org_name,
    orgs.org_type,
    parents.org_key as parent_org_key,
    orgs.is_active,
    district_orgs.org_key is not null as is_district_root
from orgs
left join orgs as parents on orgs.district_id = parents.district_id and orgs.parent_sourced_id = parents.sourced_id
left join district_orgs on orgs.org_key = district_orgs.org_key and district_orgs.rank = 1
