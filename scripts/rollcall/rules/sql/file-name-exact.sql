select file_name, standard_name as detail from observed_file where standard_name <> file_name
