select file_name, undecodable_line as row_number, undecodable_byte as value,
    'line ' || undecodable_line || ', byte ' || undecodable_byte as detail
from observed_file where undecodable_line is not null
