select
    district_id,
    delivery_id,
    rule_id,
    severity,
    file_name,
    column_name,
    row_number as first_row,
    finding_count,
    message,
    fix
from {{ source("lake", "rule_results") }}
