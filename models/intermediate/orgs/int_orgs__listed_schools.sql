{%- set current_list -%}
(
    select district_id, sourced_id, org_name, aliases, is_active = 1 as is_active
    from (
        -- A school that the list no longer has keeps its last name: memberships of the past still point to it.
        select
            *,
            row_number() over (partition by org_key order by is_deleted, valid_from desc) as recency,
            max(case when not is_deleted and valid_to = {{ end_of_time() }} then 1 else 0 end) over (partition by org_key) as is_active
        from ({{ versions(ref("stg_templates__school_list"), "org_key") }}) as versions
    ) as ranked
    where recency = 1 and not is_deleted
)
{%- endset -%}
{{ listed_schools(current_list, ref("int_orgs__delivered")) }}
