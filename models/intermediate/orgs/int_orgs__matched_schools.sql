{%- set known_orgs -%}
(
    select district_id, sourced_id, identifier, org_name, is_active from {{ ref("int_orgs__delivered") }}
    union all
    select district_id, sourced_id, cast(null as string) as identifier, org_name, is_active
    from {{ ref("int_orgs__listed_schools") }}
    where basis = 'list'
)
{%- endset -%}
{{ resolved_schools(ref("int_orgs__template_cells"), known_orgs, ref("int_orgs__listed_schools")) }}  -- noqa: PRS,LT01
