select _row_number as row_number, 'sis_id' as column_name, null as value, null as detail
from (
    select _row_number, row_number() over (
        partition by coalesce(nullif(trim(sis_id), ''), email_hash), _cell, coalesce(grade_level, ''), coalesce(_role, '')
        order by _row_number
    ) as repeat
    from template
)
where repeat > 1
