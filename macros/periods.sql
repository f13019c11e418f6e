{#- Periods that figures are kept by. -#}

{% macro period_start(period, day) -%}
    {#- The first day of the week (Monday), month or school year (1 July) that a day is in. -#}
    {%- if period == "school_year" -%}
        cast(date_trunc('year', {{ day }} - interval 6 month) + interval 6 month as date)
    {%- else -%}
        cast(date_trunc('{{ period }}', {{ day }}) as date)
    {%- endif -%}
{%- endmacro %}

{% macro in_each_period(changes) -%}
    {#- Each row of `changes` (with a usage_date) once for its week, its month and its school year. -#}
    {%- for period in ["week", "month", "school_year"] %}
    select
        *,
        '{{ period }}' as period,
        {{ period_start(period, "usage_date") }} as period_start
    from {{ changes }}
    {{ "union all" if not loop.last }}
    {%- endfor %}
{%- endmacro %}
