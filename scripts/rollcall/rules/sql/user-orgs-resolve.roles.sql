select _row_number as row_number, 'orgSourcedId' as column_name, trim(orgSourcedId) as value, null as detail
from roles
where trim(orgSourcedId) <> '' and trim(orgSourcedId) not in (select trim(sourcedId) from known_orgs)
