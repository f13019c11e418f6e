select
    grade_code,
    grade_name,
    sort_order,
    grade_band
from {{ ref("grades") }}
