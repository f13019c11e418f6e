select row_number, 'userSourcedId' as column_name, value, null as detail
from (
    select _row_number as row_number, trim("userSourcedId") as value,
        row_number() over (
            partition by trim("userSourcedId"), trim("classSourcedId"), trim(role), trim("beginDate"), trim("endDate")
            order by _row_number
        ) as repeat
    from enrollments
    where hash("userSourcedId", "classSourcedId", role) in (
        select hash("userSourcedId", "classSourcedId", role) from enrollments group by 1 having count(*) > 1
    )
)
where repeat > 1
