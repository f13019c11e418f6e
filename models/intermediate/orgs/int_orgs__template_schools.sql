with matched as (
    select
        district_id, cell, position, item_id, item_name, org_sourced_id, match_type,
        {{ plain_name("item_name") }} as plain
    from {{ ref("int_orgs__matched_schools") }}
),

educators as (
    {{ versions(ref("stg_templates__educators"), "template_row_key") }}
),

students as (
    {{ versions(ref("stg_templates__students"), "template_row_key") }}
),

-- What rows were taken with; a cell that set its rows aside makes no school.
taken_cells as (
    select
        district_id,
        school_cell,
        max(case when valid_to = {{ end_of_time() }} and not is_deleted then 1 else 0 end) as is_current
    from (
        select district_id, school_cell, is_deleted, valid_to from educators
        union all
        select district_id, school_cell, is_deleted, valid_to from students
    ) as taken
    group by district_id, school_cell
),

unmatched as (
    select
        matched.district_id,
        matched.cell,
        matched.position,
        matched.item_id,
        matched.item_name,
        matched.plain,
        taken_cells.is_current
    from matched
    inner join taken_cells
        on matched.district_id = taken_cells.district_id and matched.cell = taken_cells.school_cell
    where matched.org_sourced_id is null
),

-- Without a roster of orgs the template's schools are the district's: one an id, and one a name that no id goes with.
made_by_id as (
    select
        district_id,
        item_id as org_sourced_id,
        coalesce(min(item_name), item_id) as org_name
    from unmatched
    where item_id is not null
    group by district_id, item_id
),

named as (
    select
        district_id,
        {{ plain_name("org_name") }} as plain,
        min(org_sourced_id) as org_sourced_id
    from made_by_id
    group by district_id, {{ plain_name("org_name") }}
),

made as (
    select
        unmatched.district_id,
        unmatched.cell,
        unmatched.position,
        unmatched.item_name,
        unmatched.is_current,
        coalesce(unmatched.item_id, named.org_sourced_id, 'school:' || unmatched.plain) as org_sourced_id
    from unmatched
    left join named
        on unmatched.district_id = named.district_id and unmatched.item_id is null and unmatched.plain = named.plain
)

select
    matched.district_id,
    matched.cell,
    matched.position,
    coalesce(matched.org_sourced_id, made.org_sourced_id) as org_sourced_id,
    case when made.org_sourced_id is not null then 'made' else matched.match_type end as match_type,
    coalesce(made_by_id.org_name, made.item_name) as made_name,
    made.is_current = 1 as is_made_current
from matched
left join made
    on matched.district_id = made.district_id and matched.cell = made.cell and matched.position = made.position
left join made_by_id on made.district_id = made_by_id.district_id and made.org_sourced_id = made_by_id.org_sourced_id
where coalesce(matched.org_sourced_id, made.org_sourced_id) is not null
