select file_name, 1 as row_number, column_name
from observed_column
where file_name = 'users.csv' and column_name = 'enabledUser' and position is null and misspelled is null
