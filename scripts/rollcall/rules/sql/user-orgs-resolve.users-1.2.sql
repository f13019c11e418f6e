select _row_number as row_number, 'primaryOrgSourcedId' as column_name, trim(primaryOrgSourcedId) as value, null as detail,
    'enter a sourcedId of orgs.csv, or add the org there' as advice
from users
where trim(primaryOrgSourcedId) <> '' and trim(primaryOrgSourcedId) not in (select trim(sourcedId) from known_orgs)
