{{ config(materialized="incremental", incremental_strategy="replace_districts", on_schema_change="fail") }}
-- depends_on: {{ ref("int_increments__roster_scope") }}
with cells as (
    select
        schools.district_id,
        schools.template,
        schools.school_cell,
        schools.row_count,
        accepted.delivery_date,
        rank() over (
            partition by schools.district_id, schools.template
            order by accepted.delivery_date desc, schools.delivery_id desc
        ) as recency
    from {{ ref("stg_templates__schools") }} as schools
    inner join {{ ref("int_deliveries__accepted") }} as accepted
        on schools.district_id = accepted.district_id and schools.delivery_id = accepted.delivery_id
),

matched as (
    select district_id, cell, position, item_id, item_name, org_sourced_id, match_type, closest_name
    from {{ ref("int_orgs__matched_schools") }}
),

made as (
    select district_id, cell, position, org_sourced_id, match_type
    from {{ ref("int_orgs__template_schools") }}
    where match_type = 'made'
)

select
    cells.district_id,
    cells.template,
    matched.item_id as school_id,
    matched.item_name as school_name,
    case
        when made.org_sourced_id is not null then 'made'
        when matched.org_sourced_id is not null then matched.match_type
        when matched.match_type = 'ambiguous' then 'ambiguous'
        when matched.closest_name is not null then 'closest'
        else 'unmatched'
    end as match_type,
    orgs.org_key,
    orgs.org_name,
    case when orgs.org_key is null then matched.closest_name end as closest_org_name,
    cast(sum(cells.row_count) as bigint) as row_count,
    max(cells.delivery_date) as delivery_date
from cells
inner join matched on cells.district_id = matched.district_id and cells.school_cell = matched.cell
left join made
    on matched.district_id = made.district_id and matched.cell = made.cell and matched.position = made.position
left join {{ ref("int_orgs__current") }} as orgs
    on matched.district_id = orgs.district_id
    and coalesce(matched.org_sourced_id, made.org_sourced_id) = orgs.sourced_id
where cells.recency = 1
group by 1, 2, 3, 4, 5, 6, 7, 8
