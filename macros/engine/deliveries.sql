{#- Which refused deliveries need someone still. `rollcall status` and the alerts render this macro too, for what is not built yet. -#}

{% macro refused_deliveries(deliveries) -%}
    {#-
        One row per delivery that was rejected or held, or that Rollcall failed on, with the first accepted one since then that
        covers the same thing: a full list as of its date or later; for usage and for members, which are of their day, one of the
        same date; for a file of an unknown kind, one of its date or name. `deliveries` has the columns of the lake's records.
    -#}
    select
        refused.district_id,
        refused.delivery_id,
        refused.verdict,
        min(later.delivery_id) as covered_by
    from {{ deliveries }} as refused
    left join {{ deliveries }} as later
        on refused.district_id = later.district_id
        and later.verdict = 'accepted'
        and later.arrived_at > refused.arrived_at
        and case
            when refused.delivery_kind = 'unknown'
                then later.delivery_date = refused.delivery_date or later.file_name = refused.file_name
            when later.delivery_kind <> refused.delivery_kind then false
            when refused.delivery_kind in ('usage', 'members') then later.delivery_date = refused.delivery_date
            -- One that is dated ahead by mistake is covered by what comes today.
            else coalesce(later.full_tables, '') <> ''
                and later.delivery_date >= least(refused.delivery_date, cast(refused.arrived_at as date))
        end
    where refused.verdict in ('rejected', 'held', 'failed')
    group by refused.district_id, refused.delivery_id, refused.verdict
{%- endmacro %}
