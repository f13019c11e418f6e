select file_name, 1 as row_number, column_name
from observed_column
where standard_position is null and not starts_with(column_name, 'metadata.')
    and file_name in (select file_name from observed_file where has_sound_header)
