{#- Of the columns that a header must have, those that are missing, or there more than once. -#}
select file_name, 1 as row_number, column_name, misspelled as value,
    case
        when misspelled is null then 'lacks'
        when damerau_levenshtein(regexp_replace(lower(misspelled), '[^a-z0-9]', '', 'g'), regexp_replace(lower(column_name), '[^a-z0-9]', '', 'g')) <= 2
            then 'misspells'
        else 'has another name for'
    end as detail,
    case
        when misspelled is null then 'add what is missing'
        else '''' || column_name || ''', not ''' || misspelled || ''''
    end as advice
from observed_column
where position is null and not is_extension
    and not (file_name = 'users.csv' and column_name = 'enabledUser' and misspelled is null)
union all
select file_name, row_number, column_name, value, detail, advice
from (
    select file_name, 1 as row_number, column_name, column_name as value,
        'repeats' as detail,
        'keep one ''' || column_name || '''' as advice
    from observed_column
    where standard_position is not null and position is not null
    group by file_name, column_name
    having count(*) > 1
    order by file_name, column_name
)
