select _row_number as row_number, 'url' as column_name from usage where host = ''
