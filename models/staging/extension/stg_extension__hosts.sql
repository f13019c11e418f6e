select
    district_id,
    host,
    path_prefix,
    _delivery_id as delivery_id
from {{ source("extension", "hosts") }}
