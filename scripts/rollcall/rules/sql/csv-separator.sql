select file_name, separator as detail from observed_file where separator is not null
