{{ config(materialized="view") }}
-- An identity is written once, by the delivery that brings it first.
select
    identities.identity_key,
    identities.district_id,
    identities.user_id_hash,
    identities.email_hash,
    identities.local_part_hash,
    identities.email_domain
from {{ ref("stg_extension__identities") }} as identities
semi join {{ ref("int_deliveries__accepted") }} as accepted
    on identities.district_id = accepted.district_id and identities.delivery_id = accepted.delivery_id
