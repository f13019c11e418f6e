-- Devices whose clock is wrong are few, and a machine whose clock is behind meets many.
select 'occurred_at' as column_name, ahead as row_count, now as detail
from usage_counts
where ahead > greatest(0.01 * delivered, 10) or (ahead = delivered and ahead > 0)
