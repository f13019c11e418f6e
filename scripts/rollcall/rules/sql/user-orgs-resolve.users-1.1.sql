select row_number, 'orgSourcedIds' as column_name, value, null as detail,
    case
        when regexp_matches(value, '[;|]') then 'separate ids with commas'
        else 'enter a sourcedId of orgs.csv, or add the org there'
    end as advice
from (
    select _row_number as row_number, trim(unnest(string_split(orgSourcedIds, ','))) as value
    from users
    where trim(orgSourcedIds) <> '' and trim(orgSourcedIds) not in (select trim(sourcedId) from known_orgs)
)
where value <> '' and value not in (select trim(sourcedId) from known_orgs)
