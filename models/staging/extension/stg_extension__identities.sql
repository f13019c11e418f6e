with accepted as (
    select
        rows.identity_key,
        rows.district_id,
        rows.user_id_hash,
        rows.email_hash,
        rows.local_part_hash,
        rows.email_domain,
        row_number() over (
            partition by rows.district_id, rows.identity_key order by deliveries.arrived_at, rows._delivery_id
        ) as recency
    from {{ lake_rows("extension/identities") }} as rows
    inner join {{ ref("stg_landing__deliveries") }} as deliveries
        on rows.district_id = deliveries.district_id and rows._delivery_id = deliveries.delivery_id
    where deliveries.verdict = 'accepted'
)

select
    identity_key,
    district_id,
    user_id_hash,
    email_hash,
    local_part_hash,
    email_domain
from accepted
where recency = 1
