select 'manifest.csv' as file_name
from observed_container
where is_listed
    and not exists (select 1 from observed_file where standard_name in ('manifest.csv', 'manifest.json'))
union all
select file_name
from seed_oneroster_files
where is_required
    and (select is_unpacked from observed_container)
    and file_name not in (select standard_name from observed_file where standard_name is not null)
    -- What did not change may be left out of a delta.
    and not (
        exists (
            select 1
            from observed_property as property
            inner join observed_file as delta on property.name || '.csv' = 'file.' || delta.file_name
            inner join seed_oneroster_files as known on delta.file_name = known.file_name
            where property.value = 'delta' and delta.is_inflated
        )
        and exists (
            select 1 from observed_property
            where name || '.csv' = 'file.' || seed_oneroster_files.file_name and value = 'absent'
        )
    )
