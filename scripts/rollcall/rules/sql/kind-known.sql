select file_name,
    coalesce(
        'it is ' || other_format,
        case
            when regexp_matches(lower(file_name), '[.]csv([.]gz)?$')
                then 'its header matches no list of people, schools, products or page loads'
            else 'it reads .zip, .csv, .csv.gz and .parquet files only'
        end
    ) as detail,
    coalesce(other_remedy, 'a OneRoster zip, or a CSV file with the header that `rollcall template` writes') as advice
from observed_container
where other_format is not null
    or (
        kind = 'unknown' and not is_loose_oneroster and not is_workbook and reading_error is null
        -- What is known to be wrong with it has a rule of its own.
        and not exists (
            select 1 from observed_file where separator is not null or undecodable_line is not null or byte_count = 0
        )
    )
