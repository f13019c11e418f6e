select _row_number as row_number, 'parentSourcedId' as column_name, trim(parentSourcedId) as value, null as detail
from orgs
where trim(parentSourcedId) <> '' and trim(parentSourcedId) not in (select trim(sourcedId) from known_orgs)
