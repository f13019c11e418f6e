select file_name, 'it is not a complete zip file (' || opening_error || ')' as detail
from observed_container
where opening_error is not null
union all
select file_name, 'it is encrypted' as detail
from observed_container
where not is_listed
    and (select coalesce(bool_or(is_encrypted), false) and count(hazard) = 0 from observed_file)
    and (select coalesce(bool_and(size <= most), true) from observed_size where measure = 'entries')
union all
select zip.file_name, entry.damage as detail
from observed_container as zip
inner join observed_file as entry on entry.damage is not null
