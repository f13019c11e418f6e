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

users as (
    select trim("sourcedId") as id, trim(role) as role, "orgSourcedIds" as listed, nullif(trim(identifier), '') as identifier, email_hash
    from {{ prefix }}_users
    where lower(trim("enabledUser")) = 'true'
),

roles as (
    select id, role, trim(unnest(string_split(listed, ','))) as org from users where role <> ''
    union all
    select users.id, trim(given.role), trim(given."orgSourcedId")
    from users
    inner join {{ prefix }}_roles as given on users.id = trim(given."userSourcedId")
    where coalesce(users.role, '') = '' and {{ holds("given") }}
    union all
    -- A user who lists no org may still have a class, or be of the district's administration.
    select id, role, null from users where role <> '' and coalesce(trim(listed), '') = ''
),

typed as (
    select roles.id, roles.org, types.user_type, types.is_staff
    from roles inner join seed_user_types as types on roles.role = types.role
),

taught as (
    select trim(enrollments."userSourcedId") as id
    from {{ prefix }}_enrollments as enrollments
    inner join {{ prefix }}_classes as classes on trim(enrollments."classSourcedId") = trim(classes."sourcedId")
    where enrollments.role <> 'student' and {{ holds("enrollments") }}
        and trim(classes."schoolSourcedId") in (select org from orgs)
),

placed as (
    select id, coalesce(bool_or(is_staff), false) and not bool_or(user_type = 'student') as is_staff
    from typed
    group by id
    having bool_or(org in (select org from orgs)) or bool_or(user_type = 'administrator')
        or (bool_or(user_type = 'educator') and id in (select id from taught))
),

staff as (
    select placed.id, users.identifier, case when mailboxes.email_hash is null or users.identifier is null then users.email_hash end as email_hash
    from placed
    inner join users on placed.id = users.id and placed.is_staff
    left join (
        select email_hash from users group by email_hash having count(distinct identifier) > 1
    ) as mailboxes on users.email_hash = mailboxes.email_hash
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
