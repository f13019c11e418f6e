-- Access lists and members name schools that are there; unlike templates, they make none.
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
    union all
    select district_id, school_cell as cell, school as school_id, school as school_name
    from {{ ref("stg_templates__members") }}
)
{%- endset %}
select
    matched.district_id,
    matched.cell,
    matched.position,
    matched.org_sourced_id,
    orgs.org_key
from ({{ resolved_schools(cells, schools, ref("int_orgs__listed_schools")) }}) as matched  -- noqa: PRS,LT01
left join {{ ref("int_orgs__current") }} as orgs
    on matched.district_id = orgs.district_id
    and matched.org_sourced_id = orgs.sourced_id
    and orgs.org_type = 'school'
