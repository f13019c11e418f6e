select _row_number as row_number, 'email' as column_name, null as value, null as detail
from access_list where _is_student_address
