{#- All that rosters are carried over in, or nothing of it: a part would leave the rest as it is, unseen. -#}
{%- set delivery = "concat(accepted.delivery_id, ' ', cast(accepted.arrived_at as string))" -%}
with before as (
    select
        district_id, district_name, time_zone, delivery_count, inputs_hash, as_of_date, last_arrived_at,
        coalesce(holds_until, {{ end_of_time() }}) as holds_until
    from {{ published("fct_roster_states", roster_marts()) }} as states_before
),

rosters as (
    select
        accepted.district_id,
        cast(count(*) as integer) as delivery_count,
        max(accepted.arrived_at) as last_arrived_at,
        -- What is withdrawn and comes again is another delivery: what it is compared with may have changed.
        {{ sorted_text(delivery) }} as deliveries,
        -- Those that had arrived when the last version was made, as far as it knew.
        {{ sorted_text("case when accepted.arrived_at <= before.last_arrived_at then " ~ delivery ~ " end") }}
            as deliveries_before
    from {{ ref("int_deliveries__accepted") }} as accepted
    left join before on accepted.district_id = before.district_id
    where accepted.delivery_kind not in ('usage', 'products')
    group by accepted.district_id
),

after as (
    select
        as_of.district_id,
        as_of.district_name,
        as_of.time_zone,
        coalesce(rosters.delivery_count, 0) as delivery_count,
        {% for name, deliveries in [("inputs_hash", "deliveries"), ("inputs_hash_of_before", "deliveries_before")] -%}
        {{ key([
            "concat(coalesce(rosters." ~ deliveries ~ ", ''), coalesce(as_of.freshness_days, ''), case when as_of.roster_grants_access then 'grants' else '' end)",
            "coalesce(" ~ code_fingerprint() ~ ", '')",
        ]) }} as {{ name }},
        {% endfor -%}
        as_of.as_of_date,
        rosters.last_arrived_at
    from {{ ref("int_deliveries__as_of") }} as as_of
    left join rosters on as_of.district_id = rosters.district_id
)

select
    after.district_id,
    after.district_name,
    after.time_zone,
    after.delivery_count,
    after.inputs_hash,
    after.as_of_date,
    after.last_arrived_at,
    before.holds_until,
    before.district_id is null as is_in_scope,
    false as is_gone,
    case when before.district_id is null then goes_on.last_arrived_at end as known_until,
    case when before.district_id is null then goes_on.as_of_date end as derived_for
from after
left join before
    on after.district_id = before.district_id
    and after.district_name is not distinct from before.district_name
    and after.time_zone = before.time_zone
    and after.delivery_count = before.delivery_count
    and after.inputs_hash = before.inputs_hash
    -- What is current moves with the day: until the next day on which anything begins or ends, it stays as it is.
    and before.as_of_date <= after.as_of_date
    and after.as_of_date < before.holds_until
-- All that is new are deliveries that came later, and the date.
left join before as goes_on
    on after.district_id = goes_on.district_id
    and after.district_name is not distinct from goes_on.district_name
    and after.time_zone = goes_on.time_zone
    and after.inputs_hash_of_before = goes_on.inputs_hash
    and goes_on.as_of_date <= after.as_of_date
union all
select
    before.district_id,
    before.district_name,
    before.time_zone,
    before.delivery_count,
    before.inputs_hash,
    before.as_of_date,
    before.last_arrived_at,
    before.holds_until,
    true as is_in_scope,
    true as is_gone,
    cast(null as timestamp) as known_until,
    cast(null as date) as derived_for
from before
anti join after on before.district_id = after.district_id
