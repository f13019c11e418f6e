select _row_number as row_number, case when coalesce(trim(givenName), '') = '' then 'givenName' else 'familyName' end as column_name,
    null as value, null as detail
from users where _is_staff and (coalesce(trim(givenName), '') = '' or coalesce(trim(familyName), '') = '')
