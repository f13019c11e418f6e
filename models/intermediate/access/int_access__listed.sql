-- Who is on the last access list, one row a school that a row names; a row that names none stays one row.
{%- set schools -%}
(
    select
        orgs.district_id,
        orgs.sourced_id,
        delivered.identifier,
        orgs.org_name,
        orgs.is_active
    from {{ ref("int_orgs__current") }} as orgs
    left join {{ ref("int_orgs__delivered") }} as delivered on orgs.org_key = delivered.org_key
    where orgs.org_type = 'school'
)
{%- endset -%}
{%- set cells -%}
(
    select district_id, school_cell as cell, school as school_id, school as school_name
    from {{ ref("stg_templates__access_list") }}
)
{%- endset %}
with listed as (
    select *
    from ({{ versions(ref("stg_templates__access_list"), "grant_row_key") }}) as versions
    where not is_deleted and valid_to = {{ end_of_time() }}
),

matched as (
    select district_id, cell, position, org_sourced_id
    from ({{ resolved_schools(cells, schools, ref("int_orgs__listed_schools")) }}) as resolved  -- noqa: PRS,LT01
)

select
    listed.grant_row_key,
    listed.district_id,
    listed.email,
    listed.email_hash,
    listed.access_role,
    matched.position,
    listed.school_cell <> '' as is_of_schools,
    orgs.org_key
from listed
left join matched on listed.district_id = matched.district_id and listed.school_cell = matched.cell
left join {{ ref("int_orgs__current") }} as orgs
    on matched.district_id = orgs.district_id
    and matched.org_sourced_id = orgs.sourced_id
    and orgs.org_type = 'school'
