select _row_number as row_number, 'type' as column_name, type as value,
    (select string_agg(org_type, ', ' order by org_type) from seed_org_types) as detail
from orgs where coalesce(trim(type), '') not in (select org_type from seed_org_types)
