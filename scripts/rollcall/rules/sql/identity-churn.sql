select new._row_number as row_number, 'identifier' as column_name, null as value, null as detail
from users as new
where trim(new.identifier) <> ''
    and trim(new."sourcedId") not in (select trim("sourcedId") from before_users)
    and trim(new.identifier) in (select trim(identifier) from before_users where trim(identifier) <> '')
union all
select new._row_number, 'email', null, null
from users as new
where new._is_staff and new.email_hash is not null
    and trim(new."sourcedId") not in (select trim("sourcedId") from before_users)
    and new.email_hash in (select email_hash from before_users where email is not null)
    and coalesce(trim(new.identifier), '') not in (select trim(identifier) from before_users where trim(identifier) <> '')
