select path as file_name, folder as value
from observed_file
where (select is_listed from observed_container)
    and (
        contains(folder, '/')
        or folder <> (select case when count(distinct folder) = 1 then min(folder) else '.' end from observed_file)
    )
