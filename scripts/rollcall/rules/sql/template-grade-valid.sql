select row_number, 'grade_level' as column_name, value, null as detail
from (
    select _row_number as row_number, trim(unnest(string_split_regex(grade_level, '[,;|\r\n]'))) as value
    from {{ table }}
    where trim(grade_level) <> '' and lower(trim(grade_level)) not in (select grade_alias from seed_grade_aliases)
)
where value <> '' and lower(value) not in (select grade_alias from seed_grade_aliases)
