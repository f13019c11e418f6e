{#- Period aggregates that go on from the published ones: what a build adds to them follows what it counted. -#}

{% macro period_start(period, day) -%}
    {#- The first day of the week (Monday), month or school year (1 July) that a day is in. -#}
    {%- if period == "school_year" -%}
        cast(date_trunc('year', {{ day }} - interval 6 month) + interval 6 month as date)
    {%- else -%}
        cast(date_trunc('{{ period }}', {{ day }}) as date)
    {%- endif -%}
{%- endmacro %}

{% macro rolled_up(changes, keys, measures) -%}
    {#-
        `changes` (rows with `keys` and signed `measures`) summed, and
        added to what `this` already has. Rows that have come to nothing are told as such, and taken away by the strategy.
    -#}
    select
        {% for key in keys %}changes.{{ key }}, {% endfor %}
        {% for measure in measures -%}
        cast(changes.{{ measure }}{% if is_incremental() %} + coalesce(before.{{ measure }}, 0){% endif %} as {{ measure_type(measure) }}) as {{ measure }}{{ ", " if not loop.last }}
        {% endfor %}
    from (
        select
            {{ keys | join(", ") }},
            {% for measure in measures -%}
            sum({{ measure }}) as {{ measure }}{{ ", " if not loop.last }}
            {% endfor %}
        from {{ changes }}
        group by {{ keys | join(", ") }}
        having {% for measure in measures %}sum({{ measure }}) <> 0{{ " or " if not loop.last }}{% endfor %}
    ) as changes
    {%- if is_incremental() %}
    left join {{ this }} as before
        on {% for key in keys %}changes.{{ key }} {{ "is not distinct from" if key in nullable_rollup_keys() else "=" }} before.{{ key }}{{ " and " if not loop.last }}{% endfor %}
    {%- endif %}
{%- endmacro %}

{% macro measure_type(measure) -%} {{ return("decimal(18, 3)" if measure == "active_seconds" else "bigint") }} {%- endmacro %}

{% macro nullable_rollup_keys() -%} {{ return(["user_key", "membership_group_key"]) }} {%- endmacro %}

{% macro get_incremental_roll_up_sql(arguments) -%}
    {#- Replaces the rows that have the `keys` (a model's config) of the new ones. Without page loads a row is gone. -#}
    {%- set keys = config.require("keys") %}
    {%- set columns = arguments["dest_columns"] | map(attribute="quoted") | join(", ") %}
    delete from {{ arguments["target_relation"] }} as target
    using {{ arguments["temp_relation"] }} as changed
    where {% for key in keys %}target.{{ key }} {{ "is not distinct from" if key in nullable_rollup_keys() else "=" }} changed.{{ key }}{{ " and " if not loop.last }}{% endfor %};
    insert into {{ arguments["target_relation"] }} ({{ columns }})
    select {{ columns }} from {{ arguments["temp_relation"] }} where page_loads > 0
{%- endmacro %}
