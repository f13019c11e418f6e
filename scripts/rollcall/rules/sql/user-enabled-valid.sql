select _row_number as row_number, 'enabledUser' as column_name, enabledUser as value, null as detail
from users where coalesce(lower(trim(enabledUser)), '') not in ('true', 'false')
