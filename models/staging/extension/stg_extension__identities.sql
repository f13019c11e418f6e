{{ config(materialized="view") }}
select
    identity_key,
    district_id,
    user_id_hash,
    email_hash,
    local_part_hash,
    email_domain,
    _delivery_id as delivery_id
from {{ source("extension", "identities") }}
