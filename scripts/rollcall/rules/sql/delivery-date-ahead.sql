select file_name, delivery_date::varchar as value, today::varchar as detail
from observed_container
where delivery_date > today + 1
