select _row_number as row_number, 'email' as column_name, null as value, null as detail
from members
where email_hash in (
    select email_hash from members
    group by email_hash
    having count(distinct concat_ws(chr(31), coalesce(_role, ''), _cell, trim(coalesce(grade_level, '')), trim(coalesce(end_date, '')))) > 1
)
