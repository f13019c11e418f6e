select _row_number as row_number, 'orgSourcedId' as column_name, trim(orgSourcedId) as value, null as detail,
    'enter a sourcedId of orgs.csv, or add the org there' as advice
from roles
where trim(orgSourcedId) <> '' and trim(orgSourcedId) not in (select trim(sourcedId) from known_orgs)
