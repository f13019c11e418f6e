select
    {{ key(["rows.district_id", 'rows."sourcedId"']) }} as org_key,
    rows.district_id,
    trim(rows."sourcedId") as sourced_id,
    nullif(trim(rows."name"), '') as org_name,
    nullif(trim(rows."type"), '') as org_type,
    nullif(trim(rows."identifier"), '') as identifier,
    nullif(trim(rows."parentSourcedId"), '') as parent_sourced_id,
    rows._op = 'delete' or coalesce(rows.status, '') = 'tobedeleted' as is_deleted,
    cast(rows._effective_at as date) as effective_date,
    rows._arrived_at as arrived_at,
    rows._delivery_id as delivery_id,
    rows._row_number as row_number
from {{ lake_rows("oneroster/orgs") }} as rows
inner join {{ ref("stg_landing__deliveries") }} as deliveries
    on rows.district_id = deliveries.district_id and rows._delivery_id = deliveries.delivery_id
where deliveries.verdict = 'accepted'
