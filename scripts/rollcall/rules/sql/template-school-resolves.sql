select rows._row_number as row_number,
    case when cells.item_id is not null then 'school_id' else 'school_name' end as column_name,
    coalesce(cells.item_id, cells.item_name) as value,
    case cells.match_type
        when 'ambiguous' then 'several schools have this name, so enter school_id'
        else cells.closest_names
    end as detail
from template as rows
inner join known_schools as cells on rows._cell = cells.cell
where cells.org_sourced_id is null
