select
    {{ key(["district_id", adapter.quote("sourcedId")]) }} as user_row_key,
    district_id,
    {{ trim_text(adapter.quote("sourcedId")) }} as sourced_id,
    lower({{ clean("enabledUser") }}) = 'true' as is_enabled,
    {{ clean("orgSourcedIds") }} as org_sourced_ids,
    {{ clean("role") }} as role,
    {{ clean("username") }} as username,
    {{ clean("givenName") }} as given_name,
    {{ clean("familyName") }} as family_name,
    {{ clean("middleName") }} as middle_name,
    {{ clean("identifier") }} as identifier,
    {{ lower_text(clean("email")) }} as email,
    {{ clean("grades") }} as grades,
    {{ clean("primaryOrgSourcedId") }} as primary_org_sourced_id,
    sourced_id_hash,
    identifier_hash,
    email_hash,
    username_hash,
    email_domain,
    extensions,
    _op = 'delete' or coalesce(lower({{ clean("status") }}) = 'tobedeleted', false) as is_deleted,
    cast(_effective_at as date) as effective_date,
    _arrived_at as arrived_at,
    _delivery_id as delivery_id,
    _row_number as row_number
from {{ source("oneroster", "users") }}
where {{ in_roster_scope() }}
    and {{ in_people_scope("(district_id, " ~ trim_text(adapter.quote("sourcedId")) ~ ")", "district_id, sourced_id") }}
