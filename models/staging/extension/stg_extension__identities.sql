-- An identity is written once, by the delivery that brings it first. Should two bring it at once, it is still one.
select
    rows.identity_key,
    rows.district_id,
    min(rows.user_id_hash) as user_id_hash,
    min(rows.email_hash) as email_hash,
    min(rows.local_part_hash) as local_part_hash,
    min(rows.email_domain) as email_domain
from {{ lake_rows("extension/identities") }} as rows
inner join {{ ref("stg_landing__deliveries") }} as deliveries
    on rows.district_id = deliveries.district_id and rows._delivery_id = deliveries.delivery_id
where deliveries.verdict = 'accepted'
group by rows.identity_key, rows.district_id
