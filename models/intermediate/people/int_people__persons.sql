{%- set links -%}
user_versions as (
    select
        source_user_key, district_id, source, source_rank, sourced_id, user_type, is_staff, is_present, identifier,
        email_hash, valid_from, valid_to
    from {{ ref("int_people__user_versions") }}
),

source_users as (
    select
        source_user_key,
        district_id,
        min(source) as source,
        min(source_rank) as source_rank,
        min(sourced_id) as sourced_id,
        min(valid_from) as first_date
    from user_versions
    group by source_user_key, district_id
),

present as (
    select * from user_versions where is_present
),

-- A mailbox that staff rows with different identifiers of one source share says nothing about who is who.
shared_mailboxes as (
    select district_id, email_hash
    from present
    where is_staff and email_hash is not null and identifier is not null
    group by district_id, email_hash, source
    having count(distinct identifier) > 1
),

-- A student's new sourcedId: one identifier that never two have at a time. Two who do are not distinguished by it.
student_identifiers as (
    select
        district_id,
        identifier,
        source_user_key,
        min(valid_from) as valid_from,
        max(valid_to) as valid_to
    from present
    where source = 'oneroster' and user_type = 'student' and identifier is not null
    group by district_id, identifier, source_user_key
),

shared_student_identifiers as (
    select district_id, identifier
    from (
        select
            *,
            max(valid_to) over (
                partition by district_id, identifier order by valid_from, source_user_key
                rows between unbounded preceding and 1 preceding
            ) as held_until
        from student_identifiers
    ) as holders
    where valid_from < held_until
    group by district_id, identifier
),

-- What a template's id is to the roster: a sourcedId, or else an identifier.
template_ids as (
    select
        template.source_user_key,
        template.district_id,
        template.is_staff,
        template.identifier,
        count(by_id.source_user_key) > 0 as is_sourced_id,
        count(shared.identifier) > 0 as is_shared_by_students
    from present as template
    left join present as by_id
        on template.district_id = by_id.district_id
        and template.identifier = by_id.sourced_id
        and template.is_staff = by_id.is_staff
        and by_id.source = 'oneroster'
    left join shared_student_identifiers as shared
        on template.district_id = shared.district_id and template.identifier = shared.identifier
    where template.source = 'template' and template.identifier is not null
    group by template.source_user_key, template.district_id, template.is_staff, template.identifier
),

-- What two users may have in common, if they are one person.
tokens as (
    select
        source_user_key,
        {{ key(["district_id", "'identifier'", "identifier"]) }} as token,
        'identifier' as token_type
    from present
    where is_staff and source = 'oneroster' and identifier is not null
    union
    select
        source_user_key,
        case
            when is_sourced_id then {{ key(["district_id", "'sourcedId'", "cast(is_staff as string)", "identifier"]) }}
            when is_staff then {{ key(["district_id", "'identifier'", "identifier"]) }}
            when not is_shared_by_students then {{ key(["district_id", "'student identifier'", "identifier"]) }}
        end as token,
        case when is_sourced_id then 'sis_id' else 'identifier' end as token_type
    from template_ids
    union
    select
        present.source_user_key,
        {{ key([
            "present.district_id", "'sourcedId'", "cast(present.is_staff as string)", "present.sourced_id",
        ]) }} as token,
        'sis_id' as token_type
    from present
    semi join template_ids
        on present.district_id = template_ids.district_id
        and present.sourced_id = template_ids.identifier
        and present.is_staff = template_ids.is_staff
        and template_ids.is_sourced_id
    where present.source = 'oneroster'
    union
    select
        student_identifiers.source_user_key,
        {{ key([
            "student_identifiers.district_id", "'student identifier'", "student_identifiers.identifier",
        ]) }} as token,
        'identifier' as token_type
    from student_identifiers
    anti join shared_student_identifiers as shared
        on student_identifiers.district_id = shared.district_id and student_identifiers.identifier = shared.identifier
    union
    select
        present.source_user_key,
        {{ key(["present.district_id", "'email'", "present.email_hash"]) }} as token,
        'email' as token_type
    from present
    left join shared_mailboxes
        on present.district_id = shared_mailboxes.district_id and present.email_hash = shared_mailboxes.email_hash
    where present.is_staff
        and present.email_hash is not null
        and (shared_mailboxes.email_hash is null or present.identifier is null)
),

links as (
    select
        source_user_key,
        token,
        token_type
    from (
        select *, count(*) over (partition by token) as holders from tokens where token is not null
    ) as counted
    where holders > 1
)
{%- endset -%}
{{ with_recursive() }} {{ links }},

-- Users who reach each other over any chain of links are one person. Few have links at all.
{{ reached_over("links", "source_user_key", "token", "other_user_key", links) }}

-- A person is named after the user that came first, so that users who join later do not change the key.
anchors as (
    select
        reached.source_user_key,
        anchor.source_user_key as anchor_key,
        anchor.sourced_id,
        row_number() over (
            partition by reached.source_user_key
            order by anchor.first_date, anchor.source_rank, anchor.sourced_id nulls last, anchor.source_user_key
        ) as rank
    from reached
    inner join source_users as anchor on reached.other_user_key = anchor.source_user_key
),

merge_bases as (
    select source_user_key, {{ sorted_text("token_type", "+") }} as merge_basis
    -- distinct: a user may have several addresses over time.
    from (select distinct source_user_key, token_type from links) as bases
    group by source_user_key
),

-- Kept apart: someone else with another identifier has the address too.
at_a_shared_mailbox as (
    select present.source_user_key
    from present
    semi join shared_mailboxes
        on present.district_id = shared_mailboxes.district_id and present.email_hash = shared_mailboxes.email_hash
    where present.is_staff
    group by present.source_user_key
)

select
    source_users.source_user_key,
    source_users.district_id,
    source_users.source,
    source_users.sourced_id,
    coalesce(anchors.sourced_id, source_users.sourced_id) as person_sourced_id,
    coalesce(anchors.anchor_key, source_users.source_user_key) as user_key,
    coalesce(merge_bases.merge_basis, 'alone') as merge_basis,
    shared.source_user_key is not null as has_shared_mailbox,
    source_users.first_date
from source_users
left join anchors on source_users.source_user_key = anchors.source_user_key and anchors.rank = 1
left join merge_bases on source_users.source_user_key = merge_bases.source_user_key
left join at_a_shared_mailbox as shared on source_users.source_user_key = shared.source_user_key
