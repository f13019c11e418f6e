select file_name, row_number, row_count,
    case reason
        when 'missing columns' then 'fewer fields than the header'
        when 'too many columns' then 'more fields than the header'
        when 'unquoted value' then 'a quote that is not closed, or one inside an unquoted value'
        when 'line size over maximum' then 'more than 2 MB in one line'
        else reason
    end as detail
from observed_line
where reason <> 'invalid encoding'
