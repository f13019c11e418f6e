with findings as (
    select
        district_id, delivery_id, rule_id, severity, file_name, column_name, first_row, finding_count, message, fix,
        row_number() over (
            partition by district_id, delivery_id, rule_id, severity, file_name, column_name
            order by finding_count desc, first_row nulls last, message nulls last
        ) as weight,
        sum(finding_count) over (
            partition by district_id, delivery_id, rule_id, severity, file_name, column_name
        ) as total_count
    from {{ ref("stg_lake__rule_results") }}
)

select
    {{ key(["findings.district_id", "findings.delivery_id", "findings.rule_id", "findings.severity",
        "findings.file_name", "coalesce(findings.column_name, '')"]) }} as rule_result_key,
    deliveries.delivery_key,
    findings.district_id,
    findings.delivery_id,
    deliveries.delivery_kind,
    deliveries.delivery_date,
    deliveries.verdict,
    findings.rule_id,
    findings.severity,
    findings.file_name,
    findings.column_name,
    findings.first_row,
    cast(findings.total_count as bigint) as finding_count,
    findings.message,
    findings.fix
from findings
inner join {{ ref("stg_lake__deliveries") }} as deliveries
    on findings.district_id = deliveries.district_id and findings.delivery_id = deliveries.delivery_id
-- A delivery that was withdrawn and has come again has two records, and its findings are those of the newer.
where findings.weight = 1 and deliveries.verdict <> 'withdrawn'
