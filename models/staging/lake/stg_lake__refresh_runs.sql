{%- set verdicts = ["accepted", "held", "rejected"] -%}
{%- set rows = ["delivered", "set_aside", "added", "changed", "removed"] -%}
{%- set stages = ["intake", "build", "audit", "publish"] -%}
select
    run_id,
    started_at,
    ended_at,
    exit_code,
    published as version,
    {% for verdict in verdicts -%}
    counts['{{ verdict }}_deliveries'] as {{ verdict }}_deliveries,
    {% endfor -%}
    {% for row in rows -%}
    counts['rows_{{ row }}'] as rows_{{ row }},
    {% endfor -%}
    {% for stage in stages -%}
    seconds['{{ stage }}'] as {{ stage }}_seconds,
    {% endfor -%}
    cast({{ item_count("failures") }} as bigint) as failure_count,
    {{ item_at("failures", 1) }} as first_failure
from {{ source("lake", "refresh_runs") }}
where run_id is not null
