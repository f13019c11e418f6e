select file_name, 1 as row_number, column_name,
    case when misspelled is null then '' else ', where it seems to be ''' || misspelled || '''' end as detail
from observed_column
where is_extension and position is null
    and file_name in (select file_name from observed_file where has_sound_header)
