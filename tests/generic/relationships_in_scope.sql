{% test relationships_in_scope(model, column_name, to, field, scope=none, districts=none, people=none) %}
    {#-
        Every key in what this build made is in its dimension: on the days of `scope`, or in those `districts` that are in scope;
        with `people`, a column with the key of a person, only of those in scope.
        The rest was tested when it was made.
    -#}
    select child.{{ column_name }}
    from {{ model }} as child
    {%- if scope %}
    semi join {{ scope }} as scope on child.district_id = scope.district_id and child.usage_date = scope.usage_date
    {%- else %}
    semi join {{ districts }} as scope on child.district_id = scope.district_id and scope.is_in_scope
    {%- endif %}
    anti join {{ to }} as parent on child.{{ column_name }} = parent.{{ field }}
    where child.{{ column_name }} is not null
    {%- if people %} and {{ in_people_scope("child." ~ people) }}{% endif %}
    {%- if scope %} and {{ on_days_of(scope, "child.usage_date") }}{% endif %}
{% endtest %}
