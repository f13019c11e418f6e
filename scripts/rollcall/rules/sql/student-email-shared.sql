select _row_number as row_number, 'email' as column_name, null as value, null as detail
from users
where _role = 'student' and email_hash in (
    select email_hash from users where _role = 'student' group by email_hash having count(*) > 1
)
