select _row_number as row_number, 'school_id' as column_name, null as value, null as detail
from educators where _role = 'administrator' and _cell = ''
