select _row_number as row_number, 'name' as column_name, trim(sourcedId) as value, null as detail
from orgs where coalesce(trim(name), '') = ''
