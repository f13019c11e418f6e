{#- `before` is a query of (id, type), `after` one of the ids that stay. -#}
select
    null as row_number, null as column_name, type as value,
    gone || ' of ' || there || ' ' || type || ' would go, more than '
    || (select round(100 * removal_share)::int from delivery) || ' %' as detail
from (
    select type, count(*) as there, count(*) filter (id not in ({{ after }})) as gone
    from ({{ before }})
    group by type
)
where gone > greatest((select removal_share from delivery) * there, 10)
