{% test relationships_in_scope(model, column_name, to, field, scope) %}
    {#- Every key in the days that this build counted is in its dimension; the rest was tested when it was counted. -#}
    select child.{{ column_name }}
    from {{ model }} as child
    semi join {{ scope }} as scope on child.district_id = scope.district_id and child.usage_date = scope.usage_date
    anti join {{ to }} as parent on child.{{ column_name }} = parent.{{ field }}
    where child.{{ column_name }} is not null
{% endtest %}
