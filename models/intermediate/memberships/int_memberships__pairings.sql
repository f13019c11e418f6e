with user_versions as (
    select
        user_row_key,
        source_user_key,
        district_id,
        role,
        user_type,
        is_explicit,
        explicit_rank,
        {{ split_items("org_sourced_ids") }} as org_items,  -- noqa: PRS,LT01
        {{ split_items("grades") }} as grade_items,
        valid_from,
        valid_to
    from {{ ref("int_people__user_versions") }}
    where is_in_force
),

orgs as (
    select org_key, district_id, sourced_id, org_type
    from {{ ref("int_orgs__current") }}
),

class_spans as (
    select source_user_key, class_key, org_key, grade_code, valid_from, valid_to
    from {{ ref("int_memberships__class_spans") }}
),

-- Educators with classes change with their classes too: their time is cut wherever either changes.
boundaries as (
    select source_user_key, valid_from as boundary_date from class_spans
    union
    select source_user_key, valid_to from class_spans
    union
    select user_versions.source_user_key, user_versions.valid_from
    from user_versions semi join class_spans on user_versions.source_user_key = class_spans.source_user_key
    union
    select user_versions.source_user_key, user_versions.valid_to
    from user_versions semi join class_spans on user_versions.source_user_key = class_spans.source_user_key
),

slices as (
    select
        source_user_key,
        boundary_date as valid_from,
        lead(boundary_date) over (partition by source_user_key order by boundary_date) as valid_to
    from boundaries
),

user_slices as (
    select
        user_versions.user_row_key,
        user_versions.source_user_key,
        user_versions.district_id,
        user_versions.role,
        user_versions.user_type,
        user_versions.is_explicit,
        user_versions.explicit_rank,
        user_versions.org_items,
        user_versions.grade_items,
        coalesce(slices.valid_from, user_versions.valid_from) as valid_from,
        coalesce(slices.valid_to, user_versions.valid_to) as valid_to
    from user_versions
    left join slices
        on user_versions.source_user_key = slices.source_user_key
        and user_versions.valid_from <= slices.valid_from
        and slices.valid_to <= user_versions.valid_to
),

slice_classes as (
    select
        user_slices.source_user_key,
        user_slices.valid_from,
        user_slices.valid_to,
        user_slices.user_row_key,
        user_slices.role,
        user_slices.user_type,
        case
            when {{ contains_item("user_slices.org_items", "orgs.sourced_id") }} then user_slices.explicit_rank
            else 2
        end as explicit_rank,
        class_spans.org_key,
        class_spans.grade_code,
        class_spans.class_key,
        -- Of several roles of an educator, a class goes with the one at its school, else with the first.
        dense_rank() over (
            partition by user_slices.source_user_key, user_slices.valid_from, class_spans.org_key
            order by
                {{ contains_item("user_slices.org_items", "orgs.sourced_id") }} desc,
                user_slices.explicit_rank,
                user_slices.role desc,
                user_slices.user_row_key
        ) as role_rank
    from user_slices
    inner join class_spans
        on user_slices.source_user_key = class_spans.source_user_key
        and class_spans.valid_from <= user_slices.valid_from
        and user_slices.valid_to <= class_spans.valid_to
    inner join orgs on class_spans.org_key = orgs.org_key
    where user_slices.user_type = 'educator'
),

class_orgs as (
    select
        source_user_key,
        valid_from,
        org_key,
        count(distinct class_key) as class_count,
        count(grade_code) > 0 as has_grade
    from slice_classes
    where role_rank = 1
    group by source_user_key, valid_from, org_key
),

class_pairings as (
    -- distinct: several classes of one school and grade are one membership.
    select distinct
        slice_classes.user_row_key,
        slice_classes.source_user_key,
        slice_classes.role,
        slice_classes.user_type,
        slice_classes.explicit_rank,
        slice_classes.org_key,
        slice_classes.grade_code,
        case when slice_classes.grade_code is null then 'org_only' else 'class_enrollment' end as pairing_basis,
        class_orgs.class_count,
        slice_classes.valid_from,
        slice_classes.valid_to
    from slice_classes
    inner join class_orgs
        on slice_classes.source_user_key = class_orgs.source_user_key
        and slice_classes.valid_from = class_orgs.valid_from
        and slice_classes.org_key = class_orgs.org_key
    where slice_classes.role_rank = 1
        -- A class without a grade adds nothing where another class of the school has one.
        and (slice_classes.grade_code is not null or not class_orgs.has_grade)
),

listed_orgs as (
    select
        items.user_row_key,
        items.source_user_key,
        items.role,
        items.user_type,
        items.is_explicit,
        items.explicit_rank,
        items.valid_from,
        items.valid_to,
        items.org_position,
        orgs.org_key,
        count(*) over (partition by items.user_row_key, items.valid_from) as org_count
    from (
        select
            user_row_key,
            source_user_key,
            role,
            user_type,
            is_explicit,
            explicit_rank,
            valid_from,
            valid_to,
            district_id,
            {{ unnest_items("org_items", "org_sourced_id", "org_position") }}
        from user_slices
    ) as items
    inner join orgs on items.district_id = orgs.district_id and items.org_sourced_id = orgs.sourced_id
    -- An administrator who lists the district has no school: those are given the district's own org later, once a person.
    where not (items.user_type = 'administrator' and orgs.org_type = 'district' and not items.is_explicit)
),

listed_grades as (
    select
        grades.user_row_key,
        grades.valid_from,
        grades.grade_code,
        count(*) over (partition by grades.user_row_key, grades.valid_from) as grade_count
    from (
        -- distinct: 9 and 09 are one grade.
        select distinct
            items.user_row_key,
            items.valid_from,
            grade_aliases.grade_code
        from (
            select user_row_key, valid_from, {{ unnest_items("grade_items", "grade_item") }} from user_slices
        ) as items
        inner join {{ ref("grade_aliases") }} as grade_aliases on lower(items.grade_item) = grade_aliases.grade_alias
    ) as grades
),

-- distinct: one row a slice in which the educator has a class anywhere.
slices_with_classes as (
    select distinct source_user_key, valid_from from class_orgs
),

listed_pairings as (
    select
        listed_orgs.user_row_key,
        listed_orgs.source_user_key,
        listed_orgs.role,
        listed_orgs.user_type,
        listed_orgs.explicit_rank,
        listed_orgs.org_key,
        listed_grades.grade_code,
        case
            when listed_orgs.org_count > 1 and listed_grades.grade_count > 1 then 'cross_product'
            when listed_orgs.is_explicit then 'explicit_row'
            when listed_grades.grade_code is null then 'org_only'
            else 'listed'
        end as pairing_basis,
        listed_orgs.org_position,
        listed_orgs.valid_from,
        listed_orgs.valid_to
    from listed_orgs
    left join slices_with_classes
        on listed_orgs.user_type = 'educator'
        and listed_orgs.source_user_key = slices_with_classes.source_user_key
        and listed_orgs.valid_from = slices_with_classes.valid_from
    left join class_orgs
        on listed_orgs.user_type = 'educator'
        and listed_orgs.source_user_key = class_orgs.source_user_key
        and listed_orgs.valid_from = class_orgs.valid_from
        and listed_orgs.org_key = class_orgs.org_key
    left join listed_grades
        on listed_orgs.user_row_key = listed_grades.user_row_key
        and listed_orgs.valid_from = listed_grades.valid_from
        and slices_with_classes.source_user_key is null
    where class_orgs.org_key is null
),

products as (
    select * from listed_pairings where pairing_basis = 'cross_product'
),

served_grades as (
    select org_key, grade_code, valid_from, valid_to
    from {{ ref("int_memberships__served_grades") }}
),

serving_orgs as (
    {{ merged_spans("served_grades", ["org_key"]) }}
),

-- A product changes with what its schools serve too: its time is cut wherever either changes.
product_boundaries as (
    select user_row_key, valid_from as slice_from, valid_from as boundary_date from products
    union
    select user_row_key, valid_from, valid_to from products
    union
    select
        products.user_row_key,
        products.valid_from as slice_from,
        boundaries_of_orgs.boundary_date
    from products
    inner join (
        select org_key, grade_code, valid_from as boundary_date from served_grades
        union
        select org_key, grade_code, valid_to from served_grades
        union
        select org_key, cast(null as string), valid_from from serving_orgs
        union
        select org_key, cast(null as string), valid_to from serving_orgs
    ) as boundaries_of_orgs
        on products.org_key = boundaries_of_orgs.org_key
        and products.grade_code = coalesce(boundaries_of_orgs.grade_code, products.grade_code)
        and products.valid_from < boundaries_of_orgs.boundary_date
        and boundaries_of_orgs.boundary_date < products.valid_to
),

product_slices as (
    select
        user_row_key,
        slice_from,
        boundary_date as valid_from,
        lead(boundary_date) over (partition by user_row_key, slice_from order by boundary_date) as valid_to
    from product_boundaries
),

judged as (
    select
        products.user_row_key,
        products.source_user_key,
        products.role,
        products.user_type,
        products.explicit_rank,
        products.org_key,
        products.grade_code,
        products.org_position,
        product_slices.valid_from,
        product_slices.valid_to,
        case
            -- The school serves grades, but not this one, and another school of the list does.
            when serving_orgs.org_key is not null
                and served_grades.org_key is null
                and count(served_grades.org_key) over (
                    partition by products.user_row_key, product_slices.valid_from, products.grade_code
                ) > 0
                then 0
            else 1
        end as is_kept
    from products
    inner join product_slices
        on products.user_row_key = product_slices.user_row_key
        and products.valid_from = product_slices.slice_from
        and product_slices.valid_to is not null
    left join served_grades
        on products.org_key = served_grades.org_key
        and products.grade_code = served_grades.grade_code
        and served_grades.valid_from <= product_slices.valid_from
        and product_slices.valid_from < served_grades.valid_to
    left join serving_orgs
        on products.org_key = serving_orgs.org_key
        and serving_orgs.valid_from <= product_slices.valid_from
        and product_slices.valid_from < serving_orgs.valid_to
),

-- A school of which every pair is left out stays, with no grade, as one that no class covers does.
product_pairings as (
    select
        *,
        case
            when min(is_kept) over (partition by user_row_key, valid_from) = 0 then 'served_grades'
            else 'cross_product'
        end as pairing_basis,
        sum(is_kept) over (partition by user_row_key, valid_from, org_key) as kept_of_org,
        row_number() over (
            partition by user_row_key, valid_from, org_key order by grade_code, org_position
        ) as number_of_org
    from judged
)

select
    user_row_key, source_user_key, role, user_type, explicit_rank, org_key, grade_code, pairing_basis, class_count,
    cast(null as bigint) as org_position, valid_from, valid_to
from class_pairings
union all
select
    user_row_key, source_user_key, role, user_type, explicit_rank, org_key, grade_code, pairing_basis, 0 as class_count,
    org_position, valid_from, valid_to
from listed_pairings
where pairing_basis <> 'cross_product'
union all
select
    user_row_key,
    source_user_key,
    role,
    user_type,
    explicit_rank,
    org_key,
    case when is_kept = 1 then grade_code end as grade_code,
    case when is_kept = 1 then pairing_basis else 'org_only' end as pairing_basis,
    0 as class_count,
    org_position,
    valid_from,
    valid_to
from product_pairings
where is_kept = 1 or (kept_of_org = 0 and number_of_org = 1)
