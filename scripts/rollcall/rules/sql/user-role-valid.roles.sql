select _row_number as row_number, 'role' as column_name, role as value,
    (select string_agg(role, ', ' order by role) from seed_roles) || ', or ext: and a role of your own' as detail
from roles
where coalesce(trim(role), '') not in (select role from seed_roles) and not starts_with(trim(role), 'ext:')
