select _row_number as row_number, 'end_date' as column_name, end_date as value,
    case when ends_on is null then 'is not a date (YYYY-MM-DD)' else 'is not after the date of the file' end as detail
from (
    select _row_number, end_date,
        case when regexp_full_match(trim(end_date), '\d{4}-\d{2}-\d{2}') then try_cast(trim(end_date) as date) end as ends_on
    from members where trim(end_date) <> ''
)
where ends_on is null or ends_on <= (select delivery_date from delivery)
