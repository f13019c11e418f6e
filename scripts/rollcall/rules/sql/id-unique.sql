select _row_number as row_number, '{{ id }}' as column_name, trim({{ id }}) as value,
    case when trim({{ id }}) <> '' then 'first used in line ' || first_row else 'blank' end as detail
from (
    select *, min(_row_number) over (partition by trim({{ id }})) as first_row from {{ table }}
    where {{ id }} is null or trim({{ id }}) = ''
        or trim({{ id }}) in (select trim({{ id }}) from {{ table }} group by 1 having count(*) > 1)
)
{% if with_blank -%}
where _row_number > first_row or coalesce(trim({{ id }}), '') = ''
{%- else -%}
where _row_number > first_row and trim({{ id }}) <> ''
{%- endif %}
