select _row_number as row_number, 'email' as column_name, null as value, null as detail
from users
where _is_staff and coalesce(trim(email), '') = ''
