select file_name,
    case
        when measure = 'entries' then 'it has ' || size || ' entries, more than ' || most
        else format('it inflates to more than {:,} bytes', most)
    end as detail
from observed_size
where measure in ('entries', 'unpacked bytes') and size > most
union all
select file_name, detail
from (
    select zip.file_name,
        case entry.hazard
            when 'odd path' then 'the path ' || entry.quoted_path || ' is not a plain relative path'
            when 'path upward' then 'the path ' || entry.quoted_path || ' leaves the archive'
            when 'link' then entry.quoted_path || ' is a link'
            when 'archive' then entry.quoted_path || ' is an archive inside the archive'
            when 'repeated path' then entry.quoted_path || ' is in it twice'
        end as detail
    from observed_container as zip
    inner join observed_file as entry on entry.hazard is not null
    where (select bool_and(size <= most) from observed_size where measure = 'entries')
    order by entry.rowid
    limit 1
)
