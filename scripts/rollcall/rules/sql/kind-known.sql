select file_name,
    'a OneRoster zip, a template of educators, students or members, a usage file, or a products CSV' as detail
from observed_container
where not is_loose_oneroster and reading_error is null
