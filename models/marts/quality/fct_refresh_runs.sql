select
    run_id,
    started_at,
    ended_at,
    exit_code,
    case
        when version = run_id then 'published'
        when exit_code = 30 then 'refused'
        when failure_count > 0 then 'broken off'
        else 'nothing new'
    end as outcome,
    case when version = run_id then version end as published_version,
    accepted_deliveries,
    held_deliveries,
    rejected_deliveries,
    rows_delivered,
    rows_set_aside,
    rows_added,
    rows_changed,
    rows_removed,
    cast(rows_added + rows_changed + rows_removed as double) / nullif(rows_delivered, 0) as change_rate,
    intake_seconds,
    build_seconds,
    audit_seconds,
    publish_seconds,
    coalesce(intake_seconds, 0) + coalesce(build_seconds, 0) + coalesce(audit_seconds, 0)
    + coalesce(publish_seconds, 0) as total_seconds,
    failure_count,
    first_failure
from {{ ref("stg_lake__refresh_runs") }}
