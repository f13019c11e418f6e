with manifest as (
    select min(file_name) as file_name, case when min(file_name) = 'manifest.csv' then 1 end as first_row
    from observed_file
    where file_name in ('manifest.csv', 'manifest.json') and is_inflated
),

-- What must be there is for `file-required`, and what has another name for `file-name-exact`.
in_zip as (
    select file_name from observed_file where is_inflated and standard_name = file_name
),

left_to_others as (
    select standard_name as file_name from observed_file where standard_name <> file_name
    union all
    select file_name from seed_oneroster_files where is_required
),

versions as (
    select known.name, coalesce(property.value, '') as value, property.row_number, property.value as said, known.expected
    from (
        values ('manifest.version', ['1.0', '1'], '1.0'), ('oneroster.version', ['1.1', '1.2'], '1.1 or 1.2')
    ) as known (name, accepted, expected)
    left join observed_property as property on known.name = property.name
    where not list_contains(known.accepted, coalesce(property.value, ''))
),

files as (
    select
        property.*,
        substr(property.name, 6) || '.csv' as csv_name,
        substr(property.name, 6) || '.csv' in (select file_name from in_zip) as is_there
    from observed_property as property
    where starts_with(property.name, 'file.')
)

select
    manifest.file_name, coalesce(versions.row_number, case when versions.said is null then manifest.first_row end) as row_number,
    'value' as column_name, versions.said as value,
    versions.name || ' is ''' || versions.value || ''', which is not ' || versions.expected as detail
from versions
cross join manifest
where (select has_manifest from observed_container)
union all
select
    file_name, row_number, 'value' as column_name, value,
    case
        when value = '' then name || ' is blank, which is none of absent, bulk, delta'
        when value not in ('absent', 'bulk', 'delta') then name || ' is ''' || value || ''', which is none of absent, bulk, delta'
        when value = 'absent' then name || ' is absent, but ' || csv_name || ' is in the zip'
        else name || ' is ' || value || ', but ' || csv_name || ' is not in the zip'
    end as detail
from files
where (select has_manifest from observed_container)
    and case
        when value not in ('absent', 'bulk', 'delta') then true
        when value = 'absent' then is_there
        else not is_there
            and csv_name not in (select file_name from left_to_others)
            and csv_name in (select file_name from seed_oneroster_names)
    end
