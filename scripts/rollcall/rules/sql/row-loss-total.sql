{#- Of a list that may be short, such as that of the terms, more than ten rows have to be lost. -#}
select
    null as row_number, null as column_name, null as value, greatest(unusable, 1) as row_count,
    case
        when delivered = 0 then 'there is no row below the header, and a full list replaces all that came before it'
        else format('{:,} of {:,} rows cannot be used{}', unusable, delivered, cause)
    end as detail
from after_rows
where table_name = '{{ table }}' and unusable = delivered and delivered {{ at_least }}
