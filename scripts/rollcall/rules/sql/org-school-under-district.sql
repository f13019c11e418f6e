with recursive ancestors as (
    select trim(sourcedId) as school, trim(sourcedId) as org from known_orgs where trim(type) = 'school'
    union
    select ancestors.school, trim(orgs.parentSourcedId)
    from ancestors inner join known_orgs as orgs on trim(orgs.sourcedId) = ancestors.org
    where trim(orgs.parentSourcedId) <> ''
),
under_district as (
    select ancestors.school from ancestors
    inner join known_orgs as orgs on trim(orgs.sourcedId) = ancestors.org and trim(orgs.type) = 'district'
),
unresolved as (
    select ancestors.school from ancestors
    where ancestors.org not in (select trim(sourcedId) from known_orgs)
)
select _row_number as row_number, 'parentSourcedId' as column_name, trim(sourcedId) as value, null as detail
from orgs
where trim(type) = 'school'
    and trim(sourcedId) not in (select school from under_district)
    and trim(sourcedId) not in (select school from unresolved)
    and exists (select 1 from known_orgs where trim(type) = 'district')
