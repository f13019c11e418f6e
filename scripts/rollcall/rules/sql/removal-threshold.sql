{#- `before` and `after` are queries of (id, type): what held, and what holds once the rows that cannot be used are set aside. -#}
with was as ({{ before }}),

now as (
    select distinct id, type from ({{ after }})
),

counted as (
    select type, count(*) as held, count(*) filter (now.id is null) as gone
    from was
    left join now using (id, type)
    group by type
),

removed as (
    select * from counted where gone > greatest((select removal_share from delivery) * held, 10)
),

-- A spreadsheet that takes ids for numbers drops their zeros.
renamed as (
    select type, count(*) as renamed
    from removed
    inner join was using (type)
    anti join now using (id, type)
    semi join (select type, ltrim(lower(id), '0') as plain from now) as near
        on was.type = near.type and ltrim(lower(was.id), '0') = near.plain
    group by type
)

select
    null as row_number, null as column_name, type as value,
    format(
        '{:,} of {:,} {} would be removed, more than the limit of {}%{}',
        gone, held, type, (select round(100 * removal_share)::int from delivery),
        case when renamed > 0 then format('; {:,} of them come back with an id that differs by case or leading zeros only', renamed) else '' end
    ) as detail
from removed
left join renamed using (type)
