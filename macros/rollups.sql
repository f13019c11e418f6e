{#- Period aggregates that go on from the published ones: what a build adds to them follows what it counted. -#}

{% macro period_start(period, day) -%}
    {#- The first day of the week (Monday), month or school year (1 July) that a day is in. -#}
    {%- if period == "school_year" -%}
        cast(date_trunc('year', {{ day }} - interval 6 month) + interval 6 month as date)
    {%- else -%}
        cast(date_trunc('{{ period }}', {{ day }}) as date)
    {%- endif -%}
{%- endmacro %}

{% macro in_each_period(changes) -%}
    {#- Each of `changes` (a person's day, signed) once for its week, its month and its school year. -#}
    {%- for period in ["week", "month", "school_year"] %}
    select
        *,
        sign as active_days,
        '{{ period }}' as period,
        {{ period_start(period, "usage_date") }} as period_start
    from {{ changes }}
    {{ "union all" if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{% macro facts_in_scope(facts) -%}
    {#- Rows of `facts` that this build counts again: of whole days, and of people on days that are not counted whole. -#}
    select facts.*
    from {{ facts }} as facts
    semi join (select * from {{ ref("int_usage__scope") }} where is_whole) as scope
        on facts.district_id = scope.district_id and facts.usage_date = scope.usage_date
    union all
    select facts.*
    from {{ facts }} as facts
    semi join (select * from {{ ref("int_usage__scope") }} where not is_whole) as scope
        on facts.district_id = scope.district_id
        and facts.usage_date = scope.usage_date
        and facts.user_key = scope.user_key
{%- endmacro %}

{% macro rolled_up(changes, keys, measures) -%}
    {#- `changes` (rows with `keys` and signed `measures`) summed, where the sums are not nothing. See `roll_up`. -#}
    select
        {{ keys | join(", ") }},
        {% for measure in measures -%}
        cast(sum({{ measure }}) as {{ "decimal(18, 3)" if measure == "active_seconds" else "bigint" }}) as {{ measure }}{{ ", " if not loop.last }}
        {% endfor %}
    from {{ changes }}
    group by {{ keys | join(", ") }}
    having {% for measure in measures %}sum({{ measure }}) <> 0{{ " or " if not loop.last }}{% endfor %}
    {%- if "period" in keys and not is_incremental() %}
    -- Laid down period by period, so that a reader of one skips the others; later builds append to that.
    order by period, period_start
    {%- endif %}
{%- endmacro %}

{% macro get_incremental_roll_up_sql(arguments) -%}
    {#- Adds the new rows to those that have the same `keys` (a model's config). Without page loads a row is gone. -#}
    {%- set keys = config.require("keys") %}
    {%- set columns = arguments["dest_columns"] | map(attribute="name") | list %}
    {#- Named one by one, the days or periods that change let the others be passed over unread. -#}
    {%- set day = "period_start" if "period" in keys else "usage_date" %}
    {%- set days = run_query("select distinct " ~ day ~ " from " ~ arguments["temp_relation"]).columns[0].values() %}
    merge into {{ arguments["target_relation"] }} as total
    using {{ arguments["temp_relation"] }} as changed
        on (
            {%- if days %}
            total.{{ day }} in (
                {%- for each in days %}date '{{ each }}'{{ ", " if not loop.last }}{% endfor -%}
            ) and
            {%- endif %}
            {%- for key in keys %}
            total.{{ key }} {{ "is not distinct from" if key in ("user_key", "membership_group_key") else "=" }} changed.{{ key }}{{ " and" if not loop.last }}
            {%- endfor %}
        )
    when matched and total.page_loads + changed.page_loads = 0 then delete
    when matched then update set
        {% for column in columns if column not in keys -%}
        {{ column }} = total.{{ column }} + changed.{{ column }}{{ ", " if not loop.last }}
        {%- endfor %}
    when not matched then insert ({{ columns | join(", ") }})
        values ({% for column in columns %}changed.{{ column }}{{ ", " if not loop.last }}{% endfor %})
{%- endmacro %}
