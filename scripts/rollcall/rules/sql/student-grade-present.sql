select _row_number as row_number, 'grades' as column_name, null as value, null as detail
from users where _role = 'student' and coalesce(trim(grades), '') = ''
