{{ config(materialized="ephemeral") }}
select district_id
from {{ ref("int_increments__roster_scope") }}
where not is_in_scope
union all
select district_id
from {{ ref("int_increments__roster_parts") }}
