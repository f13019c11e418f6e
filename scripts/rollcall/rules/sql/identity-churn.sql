with added as materialized (
    select _row_number as row_number, trim(identifier) as identifier, case when _is_staff then email_hash end as email_hash
    from users
    where trim("sourcedId") not in (select trim("sourcedId") from before_users)
),

known_identifiers as materialized (
    select trim(identifier) as identifier
    from before_users
    where trim(identifier) <> '' and trim(identifier) in (select identifier from added)
)

select row_number, 'identifier' as column_name, null as value, null as detail
from added
where identifier in (select identifier from known_identifiers)
union all
select row_number, 'email', null, null
from added
where coalesce(identifier, '') not in (select identifier from known_identifiers)
    and email_hash in (
        select email_hash from before_users where email is not null and email_hash in (select email_hash from added)
    )
