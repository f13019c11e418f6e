-- What a district knows reaches to its newest delivery of any kind: a date after that has not come to pass.
select
    district_id,
    max(delivery_date) as as_of_date
from {{ ref("int_deliveries__accepted") }}
group by district_id
