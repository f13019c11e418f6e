-- Of the typed file without rows that every table of the lake has, nothing is delivered.
select
    file as file_path,
    regexp_extract(file, 'district_id=([^/]+)/', 1) as district_id,
    {{ date_or_null("regexp_extract(file, 'usage_date=([^/]+)/', 1)") }} as usage_date,
    regexp_extract(file, '/([^/]+?)(?:__[0-9]+)?[.]parquet$', 1) as delivery_id
from {{ source("extension", "page_load_files") }}
