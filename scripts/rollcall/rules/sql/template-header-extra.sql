select file_name, 1 as row_number, column_name
from observed_column
where standard_position is null and not is_extension
    and not ((select kind from observed_container) = 'members' and column_name in ('status', 'changed_at'))
    and not exists (select 1 from observed_column where position is null and not is_extension)
