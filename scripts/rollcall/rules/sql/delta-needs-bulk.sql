select file_name from observed_file where not is_after_bulk
