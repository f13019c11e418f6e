select _row_number as row_number, 'role' as column_name, null as value, null as detail
from educators where _role = 'student'
