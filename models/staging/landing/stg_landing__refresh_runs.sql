{%- set rows = ["delivered", "set_aside", "added", "changed", "removed"] -%}
{%- set stages = ["intake", "build", "audit", "publish"] -%}
{%- set verdicts = ["accepted", "held", "rejected"] -%}
{%- set counts = [] -%}
{%- for verdict in verdicts %}{% do counts.append(verdict ~ "_deliveries bigint") %}{% endfor -%}
{%- for row in rows %}{% do counts.append("rows_" ~ row ~ " bigint") %}{% endfor -%}
select
    run_id,
    started_at,
    ended_at,
    exit_code,
    published as version,
    {% for verdict in verdicts -%}
        counts.{{ verdict }}_deliveries as {{ verdict }}_deliveries,
    {% endfor -%}
    {% for row in rows -%}
        counts.rows_{{ row }} as rows_{{ row }},
    {% endfor -%}
    {% for stage in stages -%}
        seconds.{{ stage }} as {{ stage }}_seconds,
    {% endfor -%}
    len(failures) as failure_count,
    failures[1] as first_failure
from {{ run_ledger({
    "run_id": "varchar", "started_at": "timestamp", "ended_at": "timestamp", "exit_code": "integer", "published": "varchar",
    "counts": "struct(" ~ counts | join(", ") ~ ")",
    "seconds": "struct(" ~ stages | join(" double, ") ~ " double)",
    "failures": "varchar[]",
}) }}
where run_id is not null
