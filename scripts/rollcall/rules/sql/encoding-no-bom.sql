select file_name, 1 as row_number, byte_order_mark as value from observed_file where byte_order_mark is not null
