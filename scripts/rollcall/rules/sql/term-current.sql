select null as row_number, 'endDate' as column_name, null as value, delivery_date::varchar as detail
from delivery
where exists (select 1 from known_academicSessions) and not exists (
    select 1 from known_academicSessions
    where try_cast("startDate" as date) <= delivery_date and delivery_date <= try_cast("endDate" as date)
)
