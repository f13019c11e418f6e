select file_name, delivery_date::varchar as value, newest_applied::varchar as detail
from observed_container
where newest_applied > delivery_date
