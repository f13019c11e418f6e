select
    district_id,
    first_day,
    last_day,
    case
        when year(first_day) = year(last_day) then cast(year(first_day) as string)
        else concat(cast(year(first_day) as string), '-', substring(cast(year(last_day) as string), 3, 2))
    end as school_year_name,
    basis
from {{ ref("int_calendar__school_years") }}
