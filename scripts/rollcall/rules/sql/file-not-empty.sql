select file_name from observed_file where byte_count = 0
