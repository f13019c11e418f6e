{#- Dates that stand for "always so" and "still so"; marts show an open end as NULL. -#}
{% macro beginning_of_time() -%} date '0001-01-01' {%- endmacro %}
{% macro end_of_time() -%} date '9999-12-31' {%- endmacro %}

{% macro versions(relation, key_column) -%}
    {#- Change log → one row a version: valid from its delivery's date to the next version's. The last of a date counts. -#}
    select
        *,
        effective_date as valid_from,
        lead(effective_date, 1, {{ end_of_time() }}) over (partition by {{ key_column }} order by effective_date) as valid_to
    from (
        select
            *,
            row_number() over (
                partition by {{ key_column }}, effective_date order by arrived_at desc, delivery_id desc
            ) as recency
        from {{ relation }}
    ) as ranked
    where recency = 1
{%- endmacro %}

{% macro merged_spans(relation, columns) -%}
    {#- Spans that touch or overlap and agree in all `columns` become one. -#}
    select
        {{ columns | join(", ") }},
        min(valid_from) as valid_from,
        max(valid_to) as valid_to
    from (
        select
            *,
            sum(case when valid_from <= reach then 0 else 1 end) over (
                partition by {{ columns | join(", ") }} order by valid_from, valid_to rows unbounded preceding
            ) as island
        from (
            select
                {{ columns | join(", ") }},
                valid_from,
                valid_to,
                max(valid_to) over (
                    partition by {{ columns | join(", ") }}
                    order by valid_from, valid_to
                    rows between unbounded preceding and 1 preceding
                ) as reach
            from {{ relation }}
        ) as reached
    ) as islands
    group by {{ columns | join(", ") }}, island
{%- endmacro %}

{% macro open_end(column) -%} nullif({{ column }}, {{ end_of_time() }}) {%- endmacro %}
