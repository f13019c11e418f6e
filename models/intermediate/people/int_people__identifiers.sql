{%- set identifiers = [
    ("sourcedId", "sourced_id", "sourced_id_hash"),
    ("identifier", "identifier", "identifier_hash"),
    ("email", "email", "email_hash"),
    ("username", "username", "username_hash"),
] -%}
with user_versions as (
    select
        persons.user_key,
        versions.*
    from {{ ref("int_people__user_versions") }} as versions
    inner join {{ ref("int_people__persons") }} as persons on versions.source_user_key = persons.source_user_key
    where versions.is_present
),

held as (
    {%- for identifier_type, column, hash in identifiers %}
    select
        district_id,
        user_key,
        source,
        '{{ identifier_type }}' as identifier_type,
        {{ key_of_hash(hash) }} as identifier_key,
        -- Nobody but staff is named: not even a number that the district's own systems would know a student by.
        case when is_staff then {{ column }} end as plain_value,
        {{ hash }} as hash_value,
        valid_from,
        valid_to
    from user_versions
    where {{ hash }} is not null
    {{ "union all" if not loop.last }}
    {%- endfor %}
),

spans as (
    {{ merged_spans(
        "held", ["district_id", "user_key", "source", "identifier_type", "identifier_key"], ["plain_value", "hash_value"]
    ) }}
)

select
    district_id,
    user_key,
    source,
    identifier_type,
    identifier_key,
    coalesce(plain_value, hash_value) as identifier_value,
    valid_from,
    valid_to
from spans
