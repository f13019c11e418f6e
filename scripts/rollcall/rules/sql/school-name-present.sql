select _row_number as row_number, 'name' as column_name, null as value, null as detail
from school_list where coalesce(trim(name), '') = ''
