with recursive user_versions as (
    select user_row_key, district_id, sourced_id, is_staff, is_present, identifier, email_hash, valid_from
    from {{ ref("int_people__user_versions") }}
),

user_rows as (
    select
        user_row_key,
        district_id,
        sourced_id,
        min(valid_from) as first_date
    from user_versions
    group by user_row_key, district_id, sourced_id
),

-- A mailbox that staff rows with different identifiers share says nothing about who is who.
shared_mailboxes as (
    select district_id, email_hash
    from user_versions
    where is_staff and is_present and email_hash is not null and identifier is not null
    group by district_id, email_hash
    having count(distinct identifier) > 1
),

-- What two staff rows may have in common, if they are one person.
tokens as (
    select user_row_key, {{ key(["district_id", "'identifier'", "identifier"]) }} as token, 'identifier' as token_type
    from user_versions
    where is_staff and is_present and identifier is not null
    union
    select
        user_versions.user_row_key,
        {{ key(["user_versions.district_id", "'email'", "user_versions.email_hash"]) }} as token,
        'email' as token_type
    from user_versions
    left join shared_mailboxes
        on user_versions.district_id = shared_mailboxes.district_id and user_versions.email_hash = shared_mailboxes.email_hash
    where user_versions.is_staff
        and user_versions.is_present
        and user_versions.email_hash is not null
        and (shared_mailboxes.email_hash is null or user_versions.identifier is null)
),

links as (
    select
        user_row_key,
        token,
        token_type
    from (
        select *, count(*) over (partition by token) as holders from tokens
    ) as counted
    where holders > 1
),

-- Rows that reach each other over any chain of links are one person. Few rows have links at all.
reached as (
    select user_row_key, user_row_key as other_row_key from links
    union
    select reached.user_row_key, others.user_row_key
    from reached
    inner join links as own on reached.other_row_key = own.user_row_key
    inner join links as others on own.token = others.token
),

-- A person is named after the row that came first, so that rows which join later do not change the key.
anchors as (
    select
        reached.user_row_key,
        anchor.sourced_id,
        row_number() over (partition by reached.user_row_key order by anchor.first_date, anchor.sourced_id) as rank
    from reached
    inner join user_rows as anchor on reached.other_row_key = anchor.user_row_key
),

merge_bases as (
    select user_row_key, {{ sorted_text("token_type", "+") }} as merge_basis
    -- distinct: a row may have several addresses over time.
    from (select distinct user_row_key, token_type from links) as bases
    group by user_row_key
)

select
    user_rows.user_row_key,
    user_rows.district_id,
    user_rows.sourced_id,
    coalesce(anchors.sourced_id, user_rows.sourced_id) as person_sourced_id,
    {{ key(["user_rows.district_id", "coalesce(anchors.sourced_id, user_rows.sourced_id)"]) }} as user_key,
    coalesce(merge_bases.merge_basis, 'sourcedId') as merge_basis
from user_rows
left join anchors on user_rows.user_row_key = anchors.user_row_key and anchors.rank = 1
left join merge_bases on user_rows.user_row_key = merge_bases.user_row_key
