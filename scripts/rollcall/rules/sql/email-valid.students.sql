select _row_number as row_number, 'email' as column_name, null as value, null as detail
from students where not _has_good_email
