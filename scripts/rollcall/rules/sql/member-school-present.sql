select _row_number as row_number, 'school' as column_name, null as value, null as detail
from members where _cell = '' and trim(grade_level) <> ''
