with delivered as (
    select org_key, district_id, sourced_id, org_name, org_type, parent_sourced_id, extensions, is_active
    from {{ ref("int_orgs__delivered") }}
),

listed_schools as (
    select
        {{ key(["district_id", "sourced_id"]) }} as org_key,
        district_id,
        sourced_id,
        org_name,
        'school' as org_type,
        'district:' || district_id as parent_sourced_id,
        cast(null as string) as extensions,
        is_active
    from {{ ref("int_orgs__listed_schools") }}
    where basis = 'list'
),

made_schools as (
    select
        {{ key(["district_id", "org_sourced_id"]) }} as org_key,
        district_id,
        org_sourced_id as sourced_id,
        min(made_name) as org_name,
        'school' as org_type,
        'district:' || district_id as parent_sourced_id,
        cast(null as string) as extensions,
        bool_or(is_made_current) as is_active
    from {{ ref("int_orgs__template_schools") }}
    where match_type = 'made'
    group by district_id, org_sourced_id
),

districts_with_an_org as (
    select district_id from delivered where org_type = 'district' group by district_id
),

people_without_a_roster_of_orgs as (
    select district_id
    from {{ ref("int_deliveries__accepted") }}
    where delivery_kind in ('educators', 'students', 'schools')
    group by district_id
),

-- A district that has no OneRoster has one org of its own above its schools.
made_districts as (
    select
        {{ key(["scope.district_id", "'district:' || scope.district_id"]) }} as org_key,
        scope.district_id,
        'district:' || scope.district_id as sourced_id,
        coalesce(scope.district_name, scope.district_id) as org_name,
        'district' as org_type,
        cast(null as string) as parent_sourced_id,
        cast(null as string) as extensions
    from {{ ref("int_increments__roster_scope") }} as scope
    inner join people_without_a_roster_of_orgs as people on scope.district_id = people.district_id
    left join districts_with_an_org as known on scope.district_id = known.district_id
    where scope.is_in_scope and not scope.is_gone and known.district_id is null
),

orgs as (
    select *, false as is_under_district from delivered
    union all
    select *, true as is_under_district from listed_schools
    union all
    select *, true as is_under_district from made_schools
    union all
    select *, true as is_active, false as is_under_district from made_districts
),

district_orgs as (
    select
        org_key,
        district_id,
        sourced_id,
        row_number() over (
            partition by district_id order by not is_active, parent_sourced_id is not null, sourced_id
        ) as rank
    from orgs
    where org_type = 'district'
)

select
    orgs.org_key,
    orgs.district_id,
    orgs.sourced_id,
    orgs.org_name,
    orgs.org_type,
    coalesce(parents.org_key, made_parents.org_key) as parent_org_key,
    orgs.extensions,
    orgs.is_active,
    district_orgs.org_key is not null as is_district_root
from orgs
left join orgs as parents on orgs.district_id = parents.district_id and orgs.parent_sourced_id = parents.sourced_id
-- A listed or made school stays under the district when a roster brings the district's own org.
left join district_orgs as made_parents
    on orgs.is_under_district and orgs.district_id = made_parents.district_id and made_parents.rank = 1
left join district_orgs on orgs.org_key = district_orgs.org_key and district_orgs.rank = 1
