select
    null as row_number, null as column_name, null as value, unusable as row_count,
    format('{:,} of {:,} rows cannot be used{}', unusable, delivered, cause) as detail
from after_rows
where table_name = '{{ table }}' and unusable > greatest((select row_loss_share from delivery) * delivered, 10)
    and unusable < delivered
