{#- Of the rows of `table`, whose types `before` has as (id, type), those whose `columns` differ. -#}
select
    null as row_number, null as column_name, type as value,
    format(
        '{:,} of {:,} {} would change, more than the limit of {}%',
        changed, held, type, (select round(100 * update_share)::int from delivery)
    ) as detail
from (
    select type, count(*) as held, count(*) filter (is_changed) as changed
    from (
        select typed.type, old.content <> new.content as is_changed
        from ({{ before }}) as typed
        inner join (
            select trim("sourcedId") as id, hash({{ columns }}) as content from before_{{ table }}
        ) as old on typed.id = old.id
        left join (
            select trim("sourcedId") as id, hash({{ columns }}) as content from after_{{ table }}
        ) as new on typed.id = new.id
    )
    group by type
)
where changed > greatest((select update_share from delivery) * held, 10)
