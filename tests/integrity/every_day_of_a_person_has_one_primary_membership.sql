-- What: in some slice of time a person with memberships has no primary one, or several.
-- When it matters: figures by primary school would lose people or count them twice.
-- How to resolve: the ranking in int_memberships__slices must order all rows of a person and slice.
select
    user_key,
    valid_from
from {{ ref("int_memberships__slices") }}
where org_key is not null
group by user_key, valid_from
having sum(case when is_primary then 1 else 0 end) <> 1
