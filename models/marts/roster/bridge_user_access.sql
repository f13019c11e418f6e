{{ config(materialized="incremental", incremental_strategy="replace_districts", on_schema_change="fail") }}
-- depends_on: {{ ref("int_increments__roster_scope") }}
with listed as (
    -- A role for the whole district stands alone, one for schools names one that is there: what is neither grants nothing.
    select
        listed.district_id,
        listed.email,
        listed.email_hash,
        listed.access_role,
        listed.org_key,
        'access_list' as source
    from {{ ref("int_access__listed") }} as listed
    inner join {{ ref("access_roles") }} as roles on listed.access_role = roles.access_role
    where
        (listed.org_key is not null and roles.place in ('school', 'any'))
        or (not listed.is_of_schools and roles.place in ('district', 'any'))
),

user_versions as (
    select
        persons.user_key,
        versions.district_id,
        versions.user_type,
        versions.is_staff,
        lower(versions.email) as email,
        versions.email_hash,
        versions.username_hash
    from {{ ref("int_people__user_versions") }} as versions
    inner join {{ ref("int_people__persons") }} as persons on versions.source_user_key = persons.source_user_key
    where versions.is_present and versions.is_current
),

-- A shared mailbox is nobody's.
addresses as (
    select
        district_id,
        email,
        min(email_hash) as email_hash,
        min(user_key) as user_key
    from user_versions
    where is_staff and email is not null
    group by district_id, email
    having min(user_key) = max(user_key)
),

students as (
    select district_id, email_hash as address_hash from user_versions where user_type = 'student'
    union
    select district_id, username_hash from user_versions where user_type = 'student'
),

administrators as (
    select
        spans.user_key,
        spans.district_id,
        orgs.org_key,
        orgs.org_type,
        spans.role in ('districtAdministrator', 'systemAdministrator') as is_of_district,
        max(case when orgs.org_type = 'school' then 1 else 0 end) over (partition by spans.user_key) as has_school
    from {{ ref("int_memberships__spans") }} as spans
    inner join {{ ref("int_deliveries__as_of") }} as as_of on spans.district_id = as_of.district_id
    inner join {{ ref("int_orgs__current") }} as orgs on spans.org_key = orgs.org_key
    inner join (select role from {{ ref("roles") }} where user_type = 'administrator' group by role) as roles
        on spans.role = roles.role
    -- Someone who was added manually is not on the roster.
    where
        as_of.roster_grants_access
        and spans.source <> 'added'
        and spans.valid_from <= as_of.as_of_date
        and as_of.as_of_date < spans.valid_to
),

-- Exports often list the district's org with everybody: it counts for those who have no school, or a role of the district.
of_roster as (
    select
        administrators.district_id,
        addresses.email,
        addresses.email_hash,
        case when administrators.org_type = 'school' then 'principal' else 'director' end as access_role,
        case when administrators.org_type = 'school' then administrators.org_key end as org_key,
        'roster' as source
    from administrators
    inner join addresses on administrators.user_key = addresses.user_key
    where
        administrators.org_type = 'school'
        or (administrators.org_type = 'district' and (administrators.is_of_district or administrators.has_school = 0))
),

granted as (
    select * from listed
    union all
    select * from of_roster
)

select
    {{ key([
        "granted.district_id", "granted.email", "granted.access_role", "coalesce(cast(granted.org_key as string), '')",
    ]) }} as access_key,
    granted.district_id,
    granted.email,
    min(addresses.user_key) as user_key,
    granted.access_role,
    granted.org_key,
    min(granted.source) as source
from granted
left join addresses on granted.district_id = addresses.district_id and granted.email = addresses.email
anti join students on granted.district_id = students.district_id and granted.email_hash = students.address_hash
where granted.email is not null
group by granted.district_id, granted.email, granted.access_role, granted.org_key
