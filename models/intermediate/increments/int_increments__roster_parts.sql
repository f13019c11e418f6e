{#- What changes for people who have no new row is no part: orgs, lists of schools, and how templates name schools. -#}
{%- set districts = partly_new_districts() -%}
-- depends_on: {{ ref("int_increments__roster_scope") }}
-- depends_on: {{ ref("int_deliveries__accepted") }}
-- depends_on: {{ ref("int_orgs__current") }}
-- depends_on: {{ ref("int_increments__people_scope") }}
-- depends_on: {{ ref("stg_oneroster__orgs") }}
-- depends_on: {{ ref("stg_templates__school_list") }}
-- depends_on: {{ ref("stg_templates__educators") }}
-- depends_on: {{ ref("stg_templates__students") }}
-- depends_on: {{ source("published", "dim_orgs") }}
-- depends_on: {{ source("published", "bridge_user_sources") }}
{%- if not districts %}
select cast(null as string) as district_id
where false
{%- else %}
{%- set in_districts = "district_id in (" ~ districts | join(", ") ~ ")" %}
with districts as (
    select district_id, known_until
    from {{ ref("int_increments__roster_scope") }}
    where known_until is not null
),

new_deliveries as (
    {{ new_deliveries() }}
),

new_orgs as (
    {%- for orgs in ["stg_oneroster__orgs", "stg_templates__school_list"] %}
    select orgs.district_id
    from {{ ref(orgs) }} as orgs
    semi join new_deliveries
        on orgs.district_id = new_deliveries.district_id and orgs.delivery_id = new_deliveries.delivery_id
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

-- Schools that templates make come and go with the rows that name them.
orgs_before as (
    select org_key, district_id, org_sourced_id, org_name, org_type, parent_org_key, extensions, is_active
    from {{ published("dim_orgs") }} as orgs
    where {{ in_districts }}
),

orgs_now as (
    select org_key, district_id, sourced_id, org_name, org_type, parent_org_key, extensions, is_active
    from {{ ref("int_orgs__current") }}
    where {{ in_districts }}
),

other_orgs as (
    select district_id from (select * from orgs_before except select * from orgs_now) as gone
    union all
    select district_id from (select * from orgs_now except select * from orgs_before) as come
),

{%- for template in ["educators", "students"] %}

{{ template }}_before as (
    select logs.*
    from {{ ref("stg_templates__" ~ template) }} as logs
    anti join new_deliveries
        on logs.district_id = new_deliveries.district_id and logs.delivery_id = new_deliveries.delivery_id
    where logs.{{ in_districts }}
),

known_{{ template }} as (
    {{ versions(template ~ "_before", "template_row_key") }}
),
{%- endfor %}

known_cells as (
    select district_id, school_cell from known_educators
    union
    select district_id, school_cell from known_students
),

-- A way of naming schools that no row had yet may make one, or be what another is named by.
new_cells as (
    {%- for template in ["educators", "students"] %}
    select
        logs.district_id,
        logs.school_cell
    from {{ ref("stg_templates__" ~ template) }} as logs
    semi join new_deliveries
        on logs.district_id = new_deliveries.district_id and logs.delivery_id = new_deliveries.delivery_id
    where logs.{{ in_districts }} and not logs.is_deleted and logs.school_cell <> ''
    {{ "union" if not loop.last }}
    {%- endfor %}
),

other_cells as (
    select new_cells.district_id
    from new_cells
    anti join known_cells
        on new_cells.district_id = known_cells.district_id and new_cells.school_cell = known_cells.school_cell
),

users_before as (
    select district_id, count(*) as user_count
    from {{ published("bridge_user_sources") }} as sources
    where {{ in_districts }}
    group by district_id
),

users_in_scope as (
    select district_id, count(*) as user_count
    from {{ ref("int_increments__people_scope") }}
    group by district_id
)

select districts.district_id
from districts
inner join users_before on districts.district_id = users_before.district_id
left join users_in_scope on districts.district_id = users_in_scope.district_id
where districts.district_id not in (select district_id from new_orgs)
    and districts.district_id not in (select district_id from other_orgs)
    and districts.district_id not in (select district_id from other_cells)
    -- With more than a fifth, the whole costs less.
    and coalesce(users_in_scope.user_count, 0) * 5 <= users_before.user_count
{%- endif %}
