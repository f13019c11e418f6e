select
    {{ key(["rows.district_id", 'rows."sourcedId"']) }} as user_row_key,
    rows.district_id,
    trim(rows."sourcedId") as sourced_id,
    lower(trim(rows."enabledUser")) = 'true' as is_enabled,
    nullif(trim(rows."orgSourcedIds"), '') as org_sourced_ids,
    nullif(trim(rows."role"), '') as role,
    nullif(trim(rows."username"), '') as username,
    nullif(trim(rows."givenName"), '') as given_name,
    nullif(trim(rows."familyName"), '') as family_name,
    nullif(trim(rows."middleName"), '') as middle_name,
    nullif(trim(rows."identifier"), '') as identifier,
    nullif(lower(trim(rows."email")), '') as email,
    nullif(trim(rows."grades"), '') as grades,
    rows.sourced_id_hash,
    rows.identifier_hash,
    rows.email_hash,
    rows.username_hash,
    rows.email_domain,
    rows._op = 'delete' or coalesce(rows.status, '') = 'tobedeleted' as is_deleted,
    cast(rows._effective_at as date) as effective_date,
    rows._arrived_at as arrived_at,
    rows._delivery_id as delivery_id,
    rows._row_number as row_number
from {{ lake_rows("oneroster/users") }} as rows
inner join {{ ref("stg_landing__deliveries") }} as deliveries
    on rows.district_id = deliveries.district_id and rows._delivery_id = deliveries.delivery_id
where deliveries.verdict = 'accepted'
