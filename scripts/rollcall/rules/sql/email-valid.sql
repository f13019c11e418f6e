select _row_number as row_number, 'email' as column_name, email as value, null as detail
from {{ table }} where not _has_good_email
