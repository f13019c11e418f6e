select _row_number as row_number, 'role' as column_name, role as value,
    (select string_agg(access_role, ', ') from seed_access_roles) as detail
from access_list
where lower(trim(coalesce(role, ''))) not in (select access_role from seed_access_roles)
