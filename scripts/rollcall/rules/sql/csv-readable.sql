select file_name, row_number, row_count,
    case reason
        when 'missing columns' then 'it has fewer fields than the header'
        when 'too many columns' then 'it has more fields than the header'
        when 'unquoted value' then 'a quote is opened and not closed, or stands inside an unquoted value'
        when 'line size over maximum' then 'it is longer than 2 MB'
        when 'more' then 'and ' || row_count || ' more lines'
        else reason
    end as detail
from observed_line
where reason <> 'invalid encoding'
