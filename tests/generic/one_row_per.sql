{% test one_row_per(model, columns) %}
    {#- The grain: no two rows agree in all `columns`, NULL being a value like any other. -#}
    select {{ columns | join(", ") }}, count(*) as row_count
    from {{ model }}
    group by {{ columns | join(", ") }}
    having count(*) > 1
{% endtest %}
