select file_name, 1 as row_number, arg_min(column_name, position) as column_name
from (
    select *, row_number() over (partition by file_name order by position) as place
    from observed_column
    where standard_position is not null
        and file_name in (select file_name from observed_file where has_sound_header)
)
where place <> standard_position
group by file_name
