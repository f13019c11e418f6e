{#-
    Each step may name too many, and none too few. What links users is what int_people__persons links them by, told apart by
    type and not by whether it links them in the end: that may be what has changed.
-#}
{%- set districts = partly_new_districts() -%}
-- depends_on: {{ ref("int_increments__roster_scope") }}
-- depends_on: {{ ref("int_deliveries__as_of") }}
-- depends_on: {{ ref("int_deliveries__accepted") }}
-- depends_on: {{ ref("stg_oneroster__classes") }}
-- depends_on: {{ ref("stg_oneroster__courses") }}
-- depends_on: {{ ref("roles") }}
-- depends_on: {{ ref("role_aliases") }}
-- depends_on: {{ ref("stg_templates__access_list") }}
-- depends_on: {{ ref("stg_templates__educators") }}
-- depends_on: {{ ref("stg_templates__students") }}
-- depends_on: {{ ref("stg_templates__members") }}
-- depends_on: {{ source("oneroster", "users") }}
-- depends_on: {{ source("oneroster", "roles") }}
-- depends_on: {{ source("oneroster", "enrollments") }}
{%- if not districts %}
select
    cast(null as string) as district_id,
    cast(null as string) as sourced_id,
    cast(null as bigint) as source_user_key
where false
{%- else %}
{%- set in_districts = "district_id in (" ~ districts | join(", ") ~ ")" -%}
{%- set sourced_id = trim_text(adapter.quote("sourcedId")) %}
with recursive districts as (
    select
        scope.district_id,
        scope.known_until,
        scope.derived_for,
        scope.as_of_date,
        as_of.roster_grants_access
    from {{ ref("int_increments__roster_scope") }} as scope
    inner join {{ ref("int_deliveries__as_of") }} as as_of on scope.district_id = as_of.district_id
    where scope.known_until is not null
),

new_deliveries as (
    {{ new_deliveries() }}
),

users as (
    select
        district_id,
        {{ sourced_id }} as sourced_id,
        {{ clean("role") }} as role,
        {{ clean("identifier") }} as identifier,
        email_hash,
        username_hash,
        {{ clean("orgSourcedIds") }} as orgs,
        {{ clean("grades") }} as grades,
        _delivery_id as delivery_id
    from {{ source("oneroster", "users") }}
    where {{ in_districts }}
),

roles as (
    select
        district_id,
        {{ sourced_id }} as sourced_id,
        {{ clean("userSourcedId") }} as user_sourced_id,
        {{ clean("role") }} as role,
        {{ clean("orgSourcedId") }} as orgs,
        {{ date_or_null(adapter.quote("beginDate")) }} as begin_date,
        {{ date_or_null(adapter.quote("endDate")) }} as end_date,
        _delivery_id as delivery_id
    from {{ source("oneroster", "roles") }}
    where {{ in_districts }}
),

-- Of enrollments, nothing but where staff teach says anything of a person. A row that is taken away says its sourcedId alone.
taught as (
    select
        district_id,
        {{ sourced_id }} as sourced_id,
        {{ clean("userSourcedId") }} as user_sourced_id,
        {{ clean("classSourcedId") }} as class_sourced_id,
        {{ date_or_null(adapter.quote("beginDate")) }} as begin_date,
        {{ date_or_null(adapter.quote("endDate")) }} as end_date
    from {{ source("oneroster", "enrollments") }}
    where {{ in_districts }} and {{ clean("role") }} <> 'student'
),

new_enrollments as (
    select
        enrollments.district_id,
        {{ trim_text("enrollments." ~ adapter.quote("sourcedId")) }} as sourced_id
    from {{ source("oneroster", "enrollments") }} as enrollments
    semi join new_deliveries
        on enrollments.district_id = new_deliveries.district_id
        and enrollments._delivery_id = new_deliveries.delivery_id
    where enrollments.{{ in_districts }}
),

-- Rows of templates: who someone is in one is their id, else their address.
template_rows as (
    {%- for template, id, role, schools in [
        ("educators", "sis_id", "role", "school_cell"), ("students", "sis_id", "'student'", "school_cell"),
        ("members", "cast(null as string)", "role", "school_cell"),
    ] %}
    select
        district_id,
        {{ "member_key" if template == "members" else "template_row_key" }} as row_key,
        '{{ template }}' as template,
        coalesce({{ id }}, email_hash) as name,
        {{ id }} as sis_id,
        email_hash,
        {{ role }} as role,
        {{ schools }} as schools,
        grade_level as grades,
        {{ "end_date" if template == "members" else "cast(null as date)" }} as end_date,
        delivery_id
    from {{ ref("stg_templates__" ~ template) }}
    where {{ in_districts }}
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

new_template_rows as (
    select
        template_rows.district_id,
        template_rows.row_key
    from template_rows
    semi join new_deliveries
        on template_rows.district_id = new_deliveries.district_id
        and template_rows.delivery_id = new_deliveries.delivery_id
),

-- Classes that are other than they were, or have their grades from a course that is.
new_classes as (
    select
        classes.district_id,
        classes.sourced_id
    from {{ ref("stg_oneroster__classes") }} as classes
    semi join new_deliveries
        on classes.district_id = new_deliveries.district_id and classes.delivery_id = new_deliveries.delivery_id
    union
    select
        classes.district_id,
        classes.sourced_id
    from {{ ref("stg_oneroster__classes") }} as classes
    inner join {{ ref("stg_oneroster__courses") }} as courses
        on classes.district_id = courses.district_id and classes.course_sourced_id = courses.sourced_id
    semi join new_deliveries
        on courses.district_id = new_deliveries.district_id and courses.delivery_id = new_deliveries.delivery_id
),

administrators as (
    select role from {{ ref("roles") }} where user_type = 'administrator'
    union
    select aliases.role_alias
    from {{ ref("role_aliases") }} as aliases
    inner join {{ ref("roles") }} as roles_of_aliases
        on aliases.role = roles_of_aliases.role and roles_of_aliases.user_type = 'administrator'
),

-- Addresses that are on an access list.
listed as (
    select
        district_id,
        email_hash
    from {{ ref("stg_templates__access_list") }}
    where email_hash is not null and {{ in_districts }}
    group by district_id, email_hash
),

-- Of whom something is new. `kind` says in what they are named so: a user of a roster, or someone of a template.
touched as (
    select users.district_id, 'user' as kind, users.sourced_id as name
    from users
    semi join new_deliveries
        on users.district_id = new_deliveries.district_id and users.delivery_id = new_deliveries.delivery_id
    union
    select roles.district_id, 'user', roles.user_sourced_id
    from roles
    where (roles.district_id, roles.sourced_id) in (
        select
            new_roles.district_id,
            new_roles.sourced_id
        from roles as new_roles
        semi join new_deliveries
            on new_roles.district_id = new_deliveries.district_id and new_roles.delivery_id = new_deliveries.delivery_id
    )
    union
    select taught.district_id, 'user', taught.user_sourced_id
    from taught
    where (taught.district_id, taught.sourced_id) in (select district_id, sourced_id from new_enrollments)
        or (taught.district_id, taught.class_sourced_id) in (select district_id, sourced_id from new_classes)
    union
    select template_rows.district_id, 'template', template_rows.name
    from template_rows
    where (template_rows.district_id, template_rows.row_key) in (select district_id, row_key from new_template_rows)
    union
    -- What was to begin or end has, by the date that has been reached.
    {%- for rows, kind, name, column in [
        ("roles", "user", "user_sourced_id", "begin_date"), ("roles", "user", "user_sourced_id", "end_date"),
        ("taught", "user", "user_sourced_id", "begin_date"), ("taught", "user", "user_sourced_id", "end_date"),
        ("template_rows", "template", "name", "end_date"),
    ] %}
    select dated.district_id, '{{ kind }}', dated.{{ name }}
    from {{ rows }} as dated
    inner join districts
        on dated.district_id = districts.district_id
        and districts.derived_for < dated.{{ column }}
        and dated.{{ column }} <= districts.as_of_date
    union
    {%- endfor %}
    -- Several schools with several grades: which go together depends on what others are at these schools.
    select district_id, 'user', sourced_id from users where orgs like '%,%' and grades like '%,%'
    union
    select district_id, 'user', user_sourced_id from roles where orgs like '%,%'
    union
    select district_id, 'template', name
    from template_rows
    where {{ may_have_items("schools") }} and {{ may_have_items("grades") }}
    union
    -- Who has access: bridge_user_access is made of all of these.
    select users.district_id, 'user', users.sourced_id
    from users
    inner join listed
        on users.district_id = listed.district_id
        and listed.email_hash in (users.email_hash, users.username_hash)
    union
    select template_rows.district_id, 'template', template_rows.name
    from template_rows
    inner join listed on template_rows.district_id = listed.district_id and template_rows.email_hash = listed.email_hash
    union
    select users.district_id, 'user', users.sourced_id
    from users
    inner join districts on users.district_id = districts.district_id and districts.roster_grants_access
    where users.role in (select role from administrators)
    union
    select roles.district_id, 'user', roles.user_sourced_id
    from roles
    inner join districts on roles.district_id = districts.district_id and districts.roster_grants_access
    where roles.role in (select role from administrators)
    union
    select template_rows.district_id, 'template', template_rows.name
    from template_rows
    inner join districts on template_rows.district_id = districts.district_id and districts.roster_grants_access
    where template_rows.role in (select role from administrators)
),

staff_roles as (
    select role from {{ ref("roles") }} where is_staff and oneroster_version = '1.1'
),

-- Who may be a student by their row: of 1.2, whose rows say no role, anybody.
staff_users as (
    select * from users where role is null or role in (select role from staff_roles)
),

-- Addresses of staff, where an address of a student counts: what a student has gives nobody access.
addresses as (
    select
        rows_of_staff.district_id,
        rows_of_staff.email_hash
    from (
        select district_id, email_hash from staff_users
        union all
        select district_id, email_hash from template_rows where template <> 'students'
    ) as rows_of_staff
    where rows_of_staff.district_id in (
        select district_id from districts where roster_grants_access
        union
        select district_id from listed
    )
    group by rows_of_staff.district_id, rows_of_staff.email_hash
),

-- What each is known by that another may be known by too.
links as (
    select district_id, 'user' as kind, sourced_id as name, 'identifier' as token_type, identifier as token
    from users where identifier is not null
    union all
    select district_id, 'user', sourced_id, 'email', email_hash
    from staff_users where email_hash is not null
    union all
    -- A sourcedId is someone else's only in a template.
    select district_id, 'user', sourced_id, 'sourcedId', sourced_id
    from users
    where (district_id, sourced_id) in (select district_id, sis_id from template_rows where sis_id is not null)
    union all
    {%- for column in ["email_hash", "username_hash"] %}
    select district_id, 'user', sourced_id, 'email', {{ column }}
    from users where (district_id, {{ column }}) in (select district_id, email_hash from addresses)
    union all
    {%- endfor %}
    select district_id, 'template', name, 'identifier', sis_id from template_rows where sis_id is not null
    union all
    select district_id, 'template', name, 'sourcedId', sis_id from template_rows where sis_id is not null
    union all
    select district_id, 'template', name, 'email', email_hash
    from template_rows
    where email_hash is not null
        and (template <> 'students' or (district_id, email_hash) in (select district_id, email_hash from addresses))
),

reached as (
    select district_id, kind, name from touched where name is not null
    union
    select
        others.district_id,
        others.kind,
        others.name
    from reached
    inner join links as own
        on reached.district_id = own.district_id and reached.kind = own.kind and reached.name = own.name
    inner join links as others
        on own.district_id = others.district_id and own.token_type = others.token_type and own.token = others.token
)

select
    district_id,
    name as sourced_id,
    {{ key(["district_id", "name"]) }} as source_user_key
from reached
where kind = 'user'
{%- for template in ["educators", "students", "members"] %}
union all
select
    district_id,
    cast(null as string) as sourced_id,
    {{ key(["district_id", "'" ~ template ~ "'", "name"]) }} as source_user_key
from reached
where kind = 'template'
{%- endfor %}
{%- endif %}
