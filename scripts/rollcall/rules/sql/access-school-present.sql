select _row_number as row_number, 'school' as column_name, role as value,
    case roles.place
        when 'school' then 'is given for schools, and school is blank'
        else 'is given for the whole district, and school is filled'
    end as detail,
    case roles.place when 'school' then 'Fill in school' else 'Leave school blank, or use another role' end as advice
from access_list
inner join seed_access_roles as roles on lower(trim(access_list.role)) = roles.access_role
where (roles.place = 'school' and _cell = '') or (roles.place = 'district' and _cell <> '')
