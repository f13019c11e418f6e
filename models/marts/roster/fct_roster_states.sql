-- Built after everything that goes on from it, since it says to the next build what that was derived from.
{%- for mart in roster_marts() %}
-- depends_on: {{ ref(mart) }}
{%- endfor %}
with scope as (
    select
        district_id, district_name, time_zone, delivery_count, inputs_hash, as_of_date, holds_until, last_arrived_at,
        is_in_scope
    from {{ ref("int_increments__roster_scope") }}
    where not is_gone
),

next_boundaries as (
    select
        scope.district_id,
        min(boundaries.boundary_date) as holds_until
    from scope
    inner join {{ ref("int_deliveries__boundaries") }} as boundaries
        on scope.district_id = boundaries.district_id and scope.as_of_date < boundaries.boundary_date
    group by scope.district_id
)

select
    scope.district_id,
    scope.district_name,
    scope.time_zone,
    scope.delivery_count,
    scope.inputs_hash,
    scope.as_of_date,
    {{ open_end(
        "case when scope.is_in_scope then next_boundaries.holds_until else scope.holds_until end"
    ) }} as holds_until,
    scope.last_arrived_at
from scope
left join next_boundaries on scope.district_id = next_boundaries.district_id
