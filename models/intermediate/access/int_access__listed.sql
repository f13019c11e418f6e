-- Who is on the last access list, one row a school that a row names; a row that names none stays one row.
with listed as (
    select *
    from ({{ versions(ref("stg_templates__access_list"), "grant_row_key") }}) as versions
    where not is_deleted and valid_to = {{ end_of_time() }}
)

select
    listed.grant_row_key,
    listed.district_id,
    listed.email,
    listed.email_hash,
    listed.access_role,
    schools.position,
    listed.school_cell <> '' as is_of_schools,
    schools.org_key
from listed
left join {{ ref("int_orgs__named_schools") }} as schools
    on listed.district_id = schools.district_id and listed.school_cell = schools.cell
