-- Read from the lake, and not from what people were derived to, which in a district that is derived in part are some of them only.
with dated as (
    {%- for table, column in [
        ("roles", "beginDate"), ("roles", "endDate"), ("enrollments", "beginDate"), ("enrollments", "endDate"),
    ] %}
    -- distinct: nearly all begin and end on the same days.
    select distinct
        district_id,
        _delivery_id as delivery_id,
        {{ adapter.quote(column) }} as day
    from {{ source("oneroster", table) }}
    where {{ in_roster_scope() }} and {{ adapter.quote(column) }} <> ''
        {%- if table == "enrollments" %} and {{ clean("role") }} <> 'student'{% endif %}
    union all
    {%- endfor %}
    select distinct
        district_id,
        delivery_id,
        cast(end_date as string) as day
    from {{ ref("stg_templates__members") }}
    where end_date is not null
)

-- distinct: several deliveries may say the same day.
select distinct
    dated.district_id,
    {{ date_or_null("dated.day") }} as boundary_date
from dated
semi join {{ ref("int_deliveries__accepted") }} as accepted
    on dated.district_id = accepted.district_id and dated.delivery_id = accepted.delivery_id
where {{ date_or_null("dated.day") }} is not null
