select _row_number as row_number, 'orgSourcedIds' as column_name, _role as value, null as detail
from users
where _role in ('teacher', 'aide', 'student') and coalesce(trim(_orgs), '') = ''
