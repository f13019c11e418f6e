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
    null as row_number, null as column_name, 'people' as value,
    gone || ' of ' || held || ' people would leave the roster: they would have no school and no place in the district' as detail
from counted
where gone > greatest((select removal_share from delivery) * held, 10)
