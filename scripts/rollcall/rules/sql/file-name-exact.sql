select file_name, standard_name as detail, '''' || file_name || ''' to ''' || standard_name || '''' as advice
from observed_file where standard_name <> file_name
