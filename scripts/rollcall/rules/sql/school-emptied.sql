select null as row_number, 'sourcedId' as column_name, trim(gone."sourcedId") as value, gone.name as detail
from before_orgs as gone
where gone.type = 'school'
    and trim(gone."sourcedId") not in (select trim("sourcedId") from after_orgs where "sourcedId" is not null)
    and trim(gone."sourcedId") in (
        select trim(unnest(string_split("orgSourcedIds", ','))) from before_users
        union all
        select trim("orgSourcedId") from before_roles
    )
