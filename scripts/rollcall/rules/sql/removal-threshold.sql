{#- `before` and `after` are queries of (id, type): what held, and what holds once the rows that cannot be used are set aside. -#}
with was as not materialized ({{ before }}),

now as not materialized ({{ after }}),

missing as materialized (
    select was.id, was.type from was anti join now using (id, type)
),

removed as (
    select held.type, held.held, gone.gone
    from (select type, count(*) as held from was group by type) as held
    inner join (select type, count(*) as gone from missing group by type) as gone on held.type = gone.type
    where gone.gone > greatest((select removal_share from delivery) * held.held, 10)
),

-- A spreadsheet that takes ids for numbers drops their zeros.
renamed as (
    select type, count(*) as renamed
    from removed
    inner join missing using (type)
    semi join (select type, ltrim(lower(id), '0') as plain from now) as near
        on missing.type = near.type and ltrim(lower(missing.id), '0') = near.plain
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
