-- An identity is written once, by the delivery that brings it first.
select
    rows.identity_key,
    rows.district_id,
    rows.user_id_hash,
    rows.email_hash,
    rows.local_part_hash,
    rows.email_domain
from {{ lake_rows("extension/identities") }} as rows
inner join {{ ref("stg_landing__deliveries") }} as deliveries
    on rows.district_id = deliveries.district_id and rows._delivery_id = deliveries.delivery_id
where deliveries.verdict = 'accepted'
