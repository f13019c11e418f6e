select _row_number as row_number, 'school_id' as column_name, null as value, null as detail
from template
where _cell = '' and coalesce(_role, 'teacher') <> 'administrator'
