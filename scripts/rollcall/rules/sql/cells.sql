{#- The rows of which a test, (column, condition, detail), is true of a cell; all tests of a table in one scan. -#}
select row_number, found.column_name, {{ "null" if is_hidden else "found.value" }} as value, found.detail
from (
    select
        _row_number as row_number,
        unnest([
            {% for column, condition, detail in tests -%}
            case when {{ condition }} then struct_pack(column_name := '{{ column }}', value := "{{ column }}", detail := {{ detail }}) end
            {%- if not loop.last %},{% endif %}
            {% endfor -%}
        ]) as found
    from "{{ table }}"
    where {% for _, condition, _ in tests %}{{ condition }}{% if not loop.last %} or {% endif %}{% endfor %}
)
where found is not null
