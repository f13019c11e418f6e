{{
    config(
        materialized="incremental",
        incremental_strategy="replace_districts",
        on_schema_change="fail",
        replaces=[
            {"columns": "user_key", "among": "int_increments__people_scope", "named": "source_user_key"},
            {"columns": "user_key", "among": "int_increments__identities", "named": "stranger_key"},
        ],
    )
}}
-- depends_on: {{ ref("int_increments__roster_scope") }}
-- depends_on: {{ ref("int_increments__roster_parts") }}
-- depends_on: {{ ref("int_increments__identities") }}
-- depends_on: {{ ref("int_increments__people_scope") }}
with user_versions as (
    select
        persons.user_key,
        persons.person_sourced_id,
        versions.*
    from {{ ref("int_people__user_versions") }} as versions
    inner join {{ ref("int_people__persons") }} as persons on versions.source_user_key = persons.source_user_key
),

several as (
    select user_key
    from user_versions
    where is_present
    group by user_key
    having count(*) > 1
),

ranked as (
    select *, 1 as rank
    from user_versions
    where is_present and user_key not in (select user_key from several)
    union all
    -- The row that speaks for a person: still there, of the strongest source, of the weightiest role, the newest.
    select
        *,
        row_number() over (
            partition by user_key
            order by
                is_current desc, source_rank, user_type_rank nulls last, valid_from desc, sourced_id nulls last,
                user_row_key
        ) as rank
    from user_versions
    where is_present and user_key in (select user_key from several)
),

people as (
    select
        ranked.user_key,
        ranked.district_id,
        coalesce(ranked.person_sourced_id, ranked.sourced_id) as user_sourced_id,
        profiles.user_type,
        case
            when ranked.is_staff then nullif(concat_ws(' ', ranked.given_name, ranked.family_name), '')
        end as display_name,
        case when ranked.is_staff then ranked.email end as email,
        ranked.email_hash,
        ranked.email_domain,
        ranked.extensions,
        profiles.is_enabled,
        profiles.is_active,
        profiles.is_rostered,
        profiles.is_relative
    from ranked
    inner join {{ ref("int_people__profiles") }} as profiles on ranked.user_key = profiles.user_key
    where ranked.rank = 1
),

-- Those whose identities were found out in this build, in whatever district, with all that is known of them.
strangers as (
    select
        spans.user_key,
        spans.district_id,
        min(identities.email_hash) as email_hash,
        min(identities.email_domain) as email_domain
    from {{ ref("int_increments__identity_spans") }} as spans
    semi join {{ ref("int_increments__identities") }} as resolved on spans.user_key = resolved.stranger_key
    inner join {{ ref("int_usage__identities") }} as identities
        on spans.district_id = identities.district_id and spans.identity_key = identities.identity_key
    group by spans.user_key, spans.district_id
)

select * from people
union all
select
    user_key,
    district_id,
    cast(null as string) as user_sourced_id,
    'other' as user_type,
    cast(null as string) as display_name,
    cast(null as string) as email,
    email_hash,
    email_domain,
    cast(null as string) as extensions,
    false as is_enabled,
    false as is_active,
    false as is_rostered,
    false as is_relative
from strangers
