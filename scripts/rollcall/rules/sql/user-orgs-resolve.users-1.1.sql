select row_number, 'orgSourcedIds' as column_name, value, null as detail
from (
    select _row_number as row_number, trim(unnest(string_split(orgSourcedIds, ','))) as value
    from users
    where trim(orgSourcedIds) <> '' and trim(orgSourcedIds) not in (select trim(sourcedId) from known_orgs)
)
where value <> '' and value not in (select trim(sourcedId) from known_orgs)
