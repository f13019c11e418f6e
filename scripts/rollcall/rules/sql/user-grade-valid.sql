select row_number, 'grades' as column_name, value, null as detail
from (
    select _row_number as row_number, trim(unnest(string_split(grades, ','))) as value
    from {{ table }}
    where trim(grades) <> '' and lower(trim(grades)) not in (select grade_alias from seed_grade_aliases)
)
where value <> '' and lower(value) not in (select grade_alias from seed_grade_aliases)
