select null as row_number, 'type' as column_name, null as value, null as detail
where not exists (select 1 from known_orgs where trim(type) = 'district')
