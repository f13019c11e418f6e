select rows._row_number as row_number, 'school' as column_name, coalesce(cells.item_id, cells.item_name) as value,
    case cells.match_type
        when 'ambiguous' then 'several schools have this name, so enter the id'
        else cells.closest_names
    end as detail
from {{ table }} as rows
inner join known_schools as cells on rows._cell = cells.cell
where cells.org_sourced_id is null
