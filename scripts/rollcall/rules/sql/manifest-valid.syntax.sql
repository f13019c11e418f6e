select file_name, syntax_error as detail from observed_file where syntax_error is not null
