select file_name, row_number, row_count,
    case when row_count > 1 then format(', nor are {:,} more lines', row_count - 1) end as detail
from observed_line
where reason = 'invalid encoding'
