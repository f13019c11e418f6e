select file_name, row_number, row_count,
    'line ' || row_number
    || case row_count when 1 then '' when 2 then ' and 1 more' else format(' and {:,} more', row_count - 1) end as detail
from observed_line
where reason = 'invalid encoding'
