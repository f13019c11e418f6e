-- What: a column that seeds/oneroster_columns.csv says is kept has no staging column from it.
-- When it matters: a column that the intake keeps would be stored and never be readable.
-- How to resolve: add it to the staging model, or say in the seed that nobody's is kept.
{%- set entities = ["orgs", "users", "academic_sessions", "courses", "classes", "enrollments", "roles"] -%}
{% for entity in entities -%}
-- depends_on: {{ ref("stg_oneroster__" ~ entity) }}
{% endfor -%}
with kept as (
    select
        lower({{ replace_all("replace(file_name, '.csv', '')", "([a-z])([A-Z])", "\\1_\\2") }}) as entity,
        lower({{ replace_all("column_name", "([a-z])([A-Z])", "\\1_\\2") }}) as column_name
    from {{ ref("oneroster_columns") }}
    where kept <> 'nobody'
        -- Renamed in staging: status is part of is_deleted, the date of change is the delivery's.
        and column_name not in ('status', 'dateLastModified', 'enabledUser', 'primary', 'roleType', 'name', 'type')
),

staged as (
    select '' as entity, '' as column_name
    {%- for entity in entities if execute %}
    {%- for column in adapter.get_columns_in_relation(ref("stg_oneroster__" ~ entity)) %}
    union all
    select '{{ entity }}' as entity, '{{ column.name }}' as column_name
    {%- endfor %}
    {%- endfor %}
)

select kept.*
from kept
left join staged on kept.entity = staged.entity and kept.column_name = staged.column_name
where staged.column_name is null
