{#-
    People with a membership on the date of the delivery, as (id, person): of one OneRoster state, its tables begin with `prefix`.
    What the models of memberships ask: an enabled user with an org of the roster, with a class of their own, or of the district's
    administration. Staff of one identifier or email are one person.
-#}
{%- macro holds(rows) -%}
    coalesce(try_cast(nullif(trim({{ rows }}."beginDate"), '') as date) <= (select delivery_date from delivery), true)
    and coalesce(try_cast(nullif(trim({{ rows }}."endDate"), '') as date) > (select delivery_date from delivery), true)
{%- endmacro -%}
with orgs as (
    select trim("sourcedId") as org from {{ prefix }}_orgs
),

users as not materialized (
    select trim("sourcedId") as id, trim(role) as role, "orgSourcedIds" as listed, nullif(trim(identifier), '') as identifier, email_hash
    from {{ prefix }}_users
    where lower(trim("enabledUser")) = 'true'
),

-- What many users say alike of their role and orgs is looked up once.
said as (
    select role, listed, bool_or(org in (select org from orgs)) as has_org
    from (
        select role, listed, trim(unnest(coalesce(string_split(listed, ','), [null]))) as org
        from (select distinct role, listed from users where role <> '')
    )
    group by role, listed
),

roles as (
    select users.id, users.role, said.has_org
    from users inner join said on users.role = said.role and users.listed is not distinct from said.listed
    union all
    select users.id, trim(given.role), trim(given."orgSourcedId") in (select org from orgs)
    from users
    inner join {{ prefix }}_roles as given on users.id = trim(given."userSourcedId")
    where coalesce(users.role, '') = '' and {{ holds("given") }}
),

taught as (
    select trim(enrollments."userSourcedId") as id
    from {{ prefix }}_enrollments as enrollments
    inner join {{ prefix }}_classes as classes on trim(enrollments."classSourcedId") = trim(classes."sourcedId")
    where enrollments.role <> 'student' and {{ holds("enrollments") }}
        and trim(classes."schoolSourcedId") in (select org from orgs)
),

-- A user who lists no org may still have a class, or be of the district's administration.
placed as (
    select roles.id, coalesce(bool_or(types.is_staff), false) and not bool_or(types.user_type = 'student') as is_staff
    from roles inner join seed_user_types as types on roles.role = types.role
    group by roles.id
    having bool_or(roles.has_org) or bool_or(types.user_type = 'administrator')
        or (bool_or(types.user_type = 'educator') and roles.id in (select id from taught))
),

of_staff as (
    select users.id, users.identifier, users.email_hash from users inner join placed on users.id = placed.id and placed.is_staff
),

mailboxes as (
    select email_hash
    from users
    where email_hash in (select email_hash from of_staff)
    group by email_hash
    having count(distinct identifier) > 1
),

staff as (
    select
        of_staff.id, of_staff.identifier,
        case when mailboxes.email_hash is null or of_staff.identifier is null then of_staff.email_hash end as email_hash
    from of_staff left join mailboxes on of_staff.email_hash = mailboxes.email_hash
),

by_identifier as (
    select *, coalesce(min(id) over (partition by identifier), id) as person from staff where identifier is not null
    union all
    select *, id from staff where identifier is null
),

by_email as (
    select id, identifier, min(person) over (partition by email_hash) as person from by_identifier where email_hash is not null
    union all
    select id, identifier, person from by_identifier where email_hash is null
)

select id, min(person) over (partition by identifier) as person from by_email where identifier is not null
union all
select id, person from by_email where identifier is null
union all
select id, id from placed where not is_staff
