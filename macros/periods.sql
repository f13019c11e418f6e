{#- Periods that figures are kept by. -#}

{% macro period_start(period, day) -%}
    {#- The first day of the week (Monday) or month that a day is in. School years are the districts' own. -#}
    cast(date_trunc('{{ period }}', {{ day }}) as date)
{%- endmacro %}

{% macro days_of_week(day) -%}
    {#- The seven days of the week that a day is in, as a list of expressions. -#}
    {%- set days = [] -%}
    {%- for number in range(7) -%}
        {%- do days.append("cast(" ~ period_start("week", day) ~ " + interval " ~ number ~ " day as date)") -%}
    {%- endfor -%}
    {{ return(days) }}
{%- endmacro %}

{% macro in_periods_in_scope() -%}
    {#-
        A condition on district_id and period_start: a week, month or school year in which this build has counted a day of the district, now or in the
        last version. The rest is as it was, and was tested then.
    -#}
    {%- set days -%}
    (
        select scope.district_id, scope.usage_date, school_years.school_year_start
        from {{ ref("int_increments__scope") }} as scope
        inner join {{ ref("int_increments__school_years") }} as school_years
            on scope.district_id = school_years.district_id and scope.usage_date = school_years.usage_date
    )
    {%- endset -%}
    {%- set first_days = [period_start("week", "usage_date"), period_start("month", "usage_date"), "school_year_start"] -%}
    (district_id, period_start) in (
        {%- for first_day in first_days %}
        select district_id, {{ first_day }} from {{ days }} as days {{ "union" if not loop.last }}
        {%- endfor %}
    )
    and {{ on_days_of(days, "period_start", first_days) }}
{%- endmacro %}

{% macro in_each_period(changes) -%}
    {#- Each row of `changes` (with a usage_date and a sign) once for its week, its month and its school year. -#}
    {%- for period in ["week", "month"] %}
    select
        changes.*,
        '{{ period }}' as period,
        {{ period_start(period, "changes.usage_date") }} as period_start
    from {{ changes }} as changes
    union all
    {%- endfor %}
    select
        changes.*,
        'school_year' as period,
        school_years.school_year_start as period_start
    from {{ changes }} as changes
    inner join {{ ref("int_increments__school_years") }} as school_years
        on changes.district_id = school_years.district_id
        and changes.usage_date = school_years.usage_date
        and changes.sign = school_years.sign
{%- endmacro %}
