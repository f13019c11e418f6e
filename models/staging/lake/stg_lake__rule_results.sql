-- Of one delivery the same may be found twice, word for word: it is one finding.
select
    district_id,
    delivery_id,
    rule_id,
    severity,
    file_name,
    column_name,
    row_number as first_row,
    cast(sum(finding_count) as bigint) as finding_count,
    message,
    min(fix) as fix
from {{ source("lake", "rule_results") }}
group by district_id, delivery_id, rule_id, severity, file_name, column_name, row_number, message
