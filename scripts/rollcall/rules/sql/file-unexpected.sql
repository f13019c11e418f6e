select file_name, '1.1 or 1.2' as detail
from observed_file
where standard_name is null and (select is_listed from observed_container)
union all
select file_name, (select oneroster_version from observed_container) as detail
from observed_file
where standard_name = file_name and is_inflated and (select is_unpacked from observed_container)
    and file_name not in (select file_name from seed_oneroster_files)
    and file_name <> 'manifest.json'
