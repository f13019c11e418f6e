with daily as (
    select
        district_id, usage_date, identity_key, product_key, page_loads, active_seconds, first_seen_at, last_seen_at
    from {{ ref("int_usage__daily") }}
),

identity_spans as (
    select district_id, identity_key, user_key, user_type, roster_status, membership_group_key, valid_from, valid_to
    from {{ ref("int_increments__identity_spans") }}
),

scope as (
    select district_id, usage_date, user_key, is_whole
    from {{ ref("int_increments__scope") }}
),

attributed as (
    select
        daily.district_id,
        daily.usage_date,
        identity_spans.user_key,
        coalesce(identity_spans.user_type, 'other') as user_type,
        coalesce(identity_spans.roster_status, 'unidentified') as roster_status,
        daily.product_key,
        identity_spans.membership_group_key,
        daily.page_loads,
        daily.active_seconds,
        daily.first_seen_at,
        daily.last_seen_at
    from daily
    left join identity_spans
        on daily.district_id = identity_spans.district_id
        and daily.identity_key = identity_spans.identity_key
        and identity_spans.valid_from <= daily.usage_date
        and daily.usage_date < identity_spans.valid_to
),

-- Of a partition that is not counted whole, only the people whose use has changed hands.
in_scope as (
    select attributed.*
    from attributed
    left join scope as whole
        on attributed.district_id = whole.district_id and attributed.usage_date = whole.usage_date and whole.is_whole
    left join scope as people
        on attributed.district_id = people.district_id
        and attributed.usage_date = people.usage_date
        and attributed.user_key = people.user_key
        and not people.is_whole
    where whole.usage_date is not null or people.user_key is not null
)

select
    district_id,
    usage_date,
    user_key,
    user_type,
    roster_status,
    product_key,
    membership_group_key,
    cast(sum(page_loads) as bigint) as page_loads,
    sum(active_seconds) as active_seconds,
    min(first_seen_at) as first_seen_at,
    max(last_seen_at) as last_seen_at
from in_scope
group by district_id, usage_date, user_key, user_type, roster_status, product_key, membership_group_key
{% if target.type == "duckdb" -%}
-- Whoever reads a day, or a person in it, skips the rest, and files are smaller. `rolled_up` takes a day as it lies here.
order by usage_date, user_key
{%- endif %}
