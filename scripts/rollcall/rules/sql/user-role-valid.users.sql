select _row_number as row_number, 'role' as column_name, role as value,
    (select string_agg(role, ', ' order by role) from seed_roles) as detail
from users where coalesce(trim(role), '') not in (select role from seed_roles)
