{% test one_row_per(model, columns, scope=none, weeks_of=none, periods=false, districts=none, people=none) %}
    {#-
        The grain: no two rows agree in all `columns`, NULL being a value like any other. With `scope`, only on the days that it
        names; with `weeks_of`, only in their weeks; with `periods`, only in the weeks, months and school years in which days were counted, both of their districts;
        with `districts`, only in those in scope, and with `people`, a column with the key of a person, only of those in scope: the
        rest was tested when it was made.
    -#}
    select {{ columns | join(", ") }}, count(*) as row_count
    from {{ model }}
    {%- if scope %}
    where (district_id, usage_date) in (select district_id, usage_date from {{ scope }}) and {{ on_days_of(scope) }}
    {%- elif weeks_of %}
    where
        period = 'week'
        and (district_id, period_start) in (select district_id, {{ period_start("week", "usage_date") }} from {{ weeks_of }})
        and {{ on_days_of(weeks_of, "period_start", [period_start("week", "usage_date")]) }}
    {%- elif periods %}
    where {{ in_periods_in_scope() }}
    {%- elif districts %}
    where district_id in (select district_id from {{ districts }} where is_in_scope)
    {%- if people %} and {{ in_people_scope(people) }}{% endif %}
    {%- endif %}
    group by {{ columns | join(", ") }}
    having count(*) > 1
{% endtest %}
