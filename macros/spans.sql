{#- Dates that stand for "always so" and "still so"; marts show an open end as NULL. -#}
{% macro beginning_of_time() -%} date '0001-01-01' {%- endmacro %}
{% macro end_of_time() -%} date '9999-12-31' {%- endmacro %}

{% macro versions(relation, key_column) -%}
    {#-
        Change log of accepted deliveries → one row a version: valid from its delivery's date to the next version's. The last
        of a date counts. Most rows of a roster never change: only those with a history are sorted.
    -#}
    {%- set accepted = ref("int_deliveries__accepted") -%}
    {%- set histories = "(select " ~ key_column ~ " from " ~ relation ~ " group by " ~ key_column ~ " having count(*) > 1)" -%}
    select
        logs.*,
        1 as version_rank,
        logs.effective_date as valid_from,
        {{ end_of_time() }} as valid_to
    from {{ relation }} as logs
    semi join {{ accepted }} as accepted
        on logs.district_id = accepted.district_id and logs.delivery_id = accepted.delivery_id
    anti join {{ histories }} as histories on logs.{{ key_column }} = histories.{{ key_column }}
    union all
    select
        ranked.*,
        ranked.effective_date as valid_from,
        lead(ranked.effective_date, 1, {{ end_of_time() }}) over (
            partition by ranked.{{ key_column }} order by ranked.effective_date
        ) as valid_to
    from (
        select
            logs.*,
            row_number() over (
                partition by logs.{{ key_column }}, logs.effective_date
                order by logs.arrived_at desc, logs.delivery_id desc, logs.row_number desc
            ) as version_rank
        from {{ relation }} as logs
        semi join {{ accepted }} as accepted
            on logs.district_id = accepted.district_id and logs.delivery_id = accepted.delivery_id
        semi join {{ histories }} as histories on logs.{{ key_column }} = histories.{{ key_column }}
    ) as ranked
    where ranked.version_rank = 1
{%- endmacro %}

{% macro merged_spans(relation, columns, carried=[]) -%}
    {#-
        Spans that touch or overlap and agree in all `columns` become one; of `carried` columns it has the least value.
        Only what has several spans is sorted.
    -#}
    {%- set several -%}
        (select {{ columns | join(", ") }} from {{ relation }} group by {{ columns | join(", ") }} having count(*) > 1) as several
        on {% for column in columns -%}
            spans.{{ column }} is not distinct from several.{{ column }}{{ " and " if not loop.last }}
        {%- endfor %}
    {%- endset %}
    select
        {% for column in columns + carried %}spans.{{ column }}, {% endfor %}
        spans.valid_from,
        spans.valid_to
    from {{ relation }} as spans
    anti join {{ several }}
    union all
    select
        {{ columns | join(", ") }},
        {% for column in carried %}min({{ column }}) as {{ column }}, {% endfor %}
        min(valid_from) as valid_from,
        max(valid_to) as valid_to
    from (
        select
            *,
            sum(case when valid_from <= reach then 0 else 1 end) over (
                partition by {{ columns | join(", ") }} order by {{ (["valid_from", "valid_to"] + carried) | join(", ") }} rows unbounded preceding
            ) as island
        from (
            select
                {% for column in columns + carried %}spans.{{ column }}, {% endfor %}
                spans.valid_from,
                spans.valid_to,
                max(spans.valid_to) over (
                    partition by {% for column in columns %}spans.{{ column }}{{ ", " if not loop.last }}{% endfor %}
                    order by {{ (["spans.valid_from", "spans.valid_to"] + carried) | join(", ") }}
                    rows between unbounded preceding and 1 preceding
                ) as reach
            -- distinct: of two equal spans, the two windows could take either as the first.
            from (
                select distinct {{ (columns + carried) | join(", ") }}, valid_from, valid_to from {{ relation }}
            ) as spans
            semi join {{ several }}
        ) as reached
    ) as islands
    group by {{ columns | join(", ") }}, island
{%- endmacro %}

{% macro open_end(column) -%} nullif({{ column }}, {{ end_of_time() }}) {%- endmacro %}
