select file_name, case when measure in ('header bytes', 'columns') then 1 end as row_number,
    case measure
        when 'header bytes' then format('its header line is longer than {:,} bytes (ROLLCALL_HEADER_MAX_BYTES)', most)
        when 'columns' then format('it has {:,} columns, more than {:,} (ROLLCALL_COLUMNS_MAX)', size, most)
        when 'manifest bytes' then format('it is longer than {:,} bytes (ROLLCALL_MANIFEST_MAX_BYTES)', most)
        when 'inflated bytes' then format('it inflates to more than {:,} bytes (ROLLCALL_GZ_MAX_BYTES)', most)
        when 'expansion' then 'it inflates to more than ' || most || ' times its size'
    end as detail
from observed_size
where measure not in ('entries', 'unpacked bytes') and size > most
