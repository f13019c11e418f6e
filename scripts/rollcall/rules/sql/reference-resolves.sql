select row_number, '{{ column }}' as column_name, value, '{{ target }}.csv' as detail,
    {% if is_list -%}
    case
        when regexp_matches(value, '[;|]') then 'separate ids with commas'
        else 'enter a sourcedId of {{ target }}.csv, or add the row there'
    end
    {%- else -%}
    'enter a sourcedId of {{ target }}.csv, or add the row there'
    {%- endif %} as advice
from (
    select
        _row_number as row_number,
        {% if is_list %}trim(unnest(string_split(trim("{{ column }}"), ','))){% else %}trim("{{ column }}"){% endif %} as value
    from "{{ table }}"
    where trim("{{ column }}") <> ''
)
where value <> '' and value not in (select trim("sourcedId") from "known_{{ target }}" where "sourcedId" is not null)
