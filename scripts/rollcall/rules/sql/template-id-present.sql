select _row_number as row_number, 'sis_id' as column_name, null as value, null as detail
from students where coalesce(trim(sis_id), '') = ''
