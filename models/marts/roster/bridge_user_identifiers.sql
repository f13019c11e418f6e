select
    user_key,
    district_id,
    source,
    identifier_type,
    identifier_value,
    valid_from,
    {{ open_end("valid_to") }} as valid_to
from {{ ref("int_people__identifiers") }}
