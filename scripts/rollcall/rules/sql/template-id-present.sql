select _row_number as row_number, 'sis_id' as column_name, null as value, null as detail
from {{ table }} where _role = 'student' and coalesce(trim(sis_id), '') = ''
