{#- `before` and `after` are queries of (id, type): what held, and what holds once the rows that cannot be used are set aside. -#}
select
    null as row_number, null as column_name, type as value,
    gone || ' of ' || held || ' ' || type || ' would go, more than '
    || (select round(100 * removal_share)::int from delivery) || ' %' as detail
from (
    select type, count(*) as held, count(*) filter (new.id is null) as gone
    from ({{ before }}) as old
    left join (select distinct id, type from ({{ after }})) as new using (id, type)
    group by type
)
where gone > greatest((select removal_share from delivery) * held, 10)
