select _row_number as row_number, 'name' as column_name, name as value, schools as detail
from (
    select *, string_agg(distinct row_key, ', ' order by row_key) over (partition by plain) as schools
    from school_names
    where plain <> ''
)
where contains(schools, ', ')
