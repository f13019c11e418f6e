select 'manifest.csv' as file_name, 1 as row_number, 'the header must be propertyName,value' as detail
from observed_column
where file_name = 'manifest.csv'
having list(column_name order by position) <> ['propertyName', 'value']
