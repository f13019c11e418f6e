with group_spans as (
    {{ merged_spans(
        ref("int_memberships__groups"), ["user_key", "district_id", "roster_status", "membership_group_key"]
    ) }}
),

numbered as (
    select
        *,
        row_number() over (partition by user_key order by valid_from) as number,
        lead(valid_from, 1, {{ end_of_time() }}) over (partition by user_key order by valid_from) as next_from
    from group_spans
),

known as (
    -- Rosters arrive late: a person's first span also covers their use before it.
    select
        user_key,
        district_id,
        roster_status,
        membership_group_key,
        case when number = 1 then {{ beginning_of_time() }} else valid_from end as valid_from,
        valid_to
    from numbered
),

-- Disabled or gone: their use stays theirs, but is not that of a rostered person.
gaps as (
    select
        user_key,
        district_id,
        'unrostered' as roster_status,
        cast(null as bigint) as membership_group_key,
        valid_to as valid_from,
        next_from as valid_to
    from numbered
    where valid_to < next_from
),

never_in_force as (
    -- distinct: one row a person, whose user rows may be many.
    select distinct
        persons.user_key,
        persons.district_id,
        'unrostered' as roster_status,
        cast(null as bigint) as membership_group_key,
        {{ beginning_of_time() }} as valid_from,
        {{ end_of_time() }} as valid_to
    from {{ ref("int_people__persons") }} as persons
    left join numbered on persons.user_key = numbered.user_key
    where numbered.user_key is null
)

select * from known
union all
select * from gaps
union all
select * from never_in_force
