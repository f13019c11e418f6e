select _row_number as row_number, case when _is_student_address then 'email' else 'role' end as column_name,
    null as value, null as detail
from members where _is_student_address or _role = 'student'
