-- What: a column that seeds/oneroster_columns.csv says is kept has no staging column from it.
-- When it matters: a column that the intake keeps would be stored and never be readable.
-- How to resolve: add it to the staging model, or say in the seed that nobody's is kept.
{% for entity in ["orgs", "users", "academic_sessions", "courses", "classes", "enrollments", "roles"] -%}
-- depends_on: {{ ref("stg_oneroster__" ~ entity) }}
{% endfor -%}
with kept as (
    select
        lower(regexp_replace(replace(file_name, '.csv', ''), '([a-z])([A-Z])', '\1_\2', 'g')) as entity,
        lower(regexp_replace(column_name, '([a-z])([A-Z])', '\1_\2', 'g')) as column_name
    from {{ ref("oneroster_columns") }}
    where kept <> 'nobody'
        -- Renamed in staging: status is part of is_deleted, the date of change is the delivery's.
        and column_name not in ('status', 'dateLastModified', 'enabledUser', 'primary', 'roleType', 'name', 'type')
),

staged as (
    select
        replace(table_name, 'stg_oneroster__', '') as entity,
        column_name
    from information_schema.columns
    where table_schema = 'staging' and table_name like 'stg_oneroster__%'
)

select kept.*
from kept
left join staged on kept.entity = staged.entity and kept.column_name = staged.column_name
where staged.column_name is null
