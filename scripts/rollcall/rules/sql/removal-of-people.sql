-- Those of whom nobody is left, or by how many there are fewer: accounts that become one person make fewer people, too.
with people as (
    select person, bool_or(id in (select id from after_people)) as is_left
    from before_people
    where person is not null
    group by person
),

counted as (
    select count(*) as held,
        greatest(count(*) filter (not is_left), count(*) - (select count(distinct person) from after_people)) as gone
    from people
)

select
    null as row_number, null as column_name, null as value,
    format('{:,} of {:,} people would leave the roster: no school and no place in the district would be left for them', gone, held)
        as detail
from counted
where gone > greatest((select removal_share from delivery) * held, 10)
