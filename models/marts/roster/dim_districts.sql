{{ config(materialized="incremental", incremental_strategy="replace_districts", on_schema_change="fail") }}
with roots as (
    select district_id, org_name
    from {{ ref("int_orgs__current") }}
    where is_district_root
)

select
    scope.district_id,
    coalesce(scope.district_name, roots.org_name, scope.district_id) as district_name,
    scope.time_zone,
    as_of.freshness_days
from {{ ref("int_increments__roster_scope") }} as scope
inner join {{ ref("int_deliveries__as_of") }} as as_of on scope.district_id = as_of.district_id
left join roots on scope.district_id = roots.district_id
where scope.is_in_scope and not scope.is_gone
