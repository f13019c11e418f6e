select _row_number as row_number, 'email' as column_name, lower(trim(email)) as value, null as detail
from users
where _is_staff and trim(identifier) <> '' and email_hash in (
    select email_hash from users where _is_staff and trim(identifier) <> ''
    group by email_hash having count(distinct trim(identifier)) > 1
)
