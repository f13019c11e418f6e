-- Those of whom nobody is left, or by how many there are fewer: accounts that become one person make fewer people, too.
with counted as (
    select
        (select count(distinct person) from before_people) as held,
        greatest(
            (
                select count(distinct person) from before_people
                where person not in (select person from before_people where id in (select id from after_people))
            ),
            (select count(distinct person) from before_people) - (select count(distinct person) from after_people)
        ) as gone
)

select
    null as row_number, null as column_name, null as value,
    format('{:,} of {:,} people would leave the roster: no school and no place in the district would be left for them', gone, held)
        as detail
from counted
where gone > greatest((select removal_share from delivery) * held, 10)
