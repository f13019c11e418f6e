{#- Of the rows of `table`, of a `type` each, those whose `columns` differ. -#}
select
    null as row_number, null as column_name, type as value,
    format(
        '{:,} of {:,} {} would change, more than the limit of {}%',
        changed, held, type, (select round(100 * update_share)::int from delivery)
    ) as detail
from (
    select old.type, count(*) as held, count(*) filter (old.content <> new.content) as changed
    from (
        select trim("sourcedId") as id, {{ type_sql }} as type, hash({{ columns }}) as content from before_{{ table }}
    ) as old
    left join (
        select trim("sourcedId") as id, hash({{ columns }}) as content from after_{{ table }}
    ) as new on old.id = new.id
    group by old.type
)
where changed > greatest((select update_share from delivery) * held, 10)
