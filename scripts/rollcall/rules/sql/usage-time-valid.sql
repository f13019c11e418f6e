select _row_number as row_number, 'occurred_at' as column_name, occurred_at as value from usage where not is_timely
