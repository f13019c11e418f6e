{#- Usage that seems to come later than now may be the fault of this machine's clock: that has a rule of its own. -#}
with delivered as ({{ counts }}),

unusable as (
    -- distinct: one row may break a rule in several columns.
    select distinct
        {% if is_usage %}'usage_counts' as table_name{% else %}table_name{% endif %}, row_number, rule_id, says
    from set_aside
    {%- if is_usage %} where row_number not in (select _row_number from usage where is_ahead){% endif %}
),

lost as (
    select table_name, count(distinct row_number) as unusable from unusable group by table_name
),

causes as (
    select table_name, rule_id, says, count(*) as broken
    from unusable
    group by table_name, rule_id, says
    qualify row_number() over (partition by table_name order by broken desc, rule_id) = 1
)

select
    table_name,
    delivered,
    coalesce(unusable, 0) as unusable,
    format('; {:,} of them break the rule “{}” ({})', broken, says, rule_id) as cause
from delivered
left join lost using (table_name)
left join causes using (table_name)
