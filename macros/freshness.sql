{% macro last_accepted(kind) -%}
    {#-
        When the district that has been silent for longest last had a delivery of the kind accepted: `dbt source freshness`
        warns of one late district among many. A kind that nobody has delivered is not late.
    -#}
    select coalesce(min(arrived_at), cast({{ current_timestamp() }} as timestamp))
    from (
        select max(arrived_at) as arrived_at
        from {{ source("lake", "deliveries") }} as deliveries
        where delivery_kind = '{{ kind }}' and verdict = 'accepted'
        group by district_id
    ) as latest
{%- endmacro %}
