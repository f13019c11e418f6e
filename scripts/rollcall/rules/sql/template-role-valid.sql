select _row_number as row_number, 'role' as column_name, role as value,
    (select string_agg(distinct standard_role, ', ' order by standard_role) from seed_role_aliases) as detail
from {{ table }} where trim(role) <> '' and lower(trim(role)) not in (select role_alias from seed_role_aliases)
