select file_name, reading_error as detail from observed_container where reading_error is not null
