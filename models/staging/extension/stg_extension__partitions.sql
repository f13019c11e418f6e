with deliveries as (
    select district_id, delivery_id
    from {{ ref("stg_landing__deliveries") }}
    where verdict = 'accepted'
),

-- distinct: one delivery may fill several files of a partition.
files as (
    select distinct district_id, usage_date, delivery_id
    from {{ lake_files("extension/page_loads") }} as lake
)

select
    files.district_id,
    files.usage_date,
    cast(count(*) as integer) as delivery_count,
    {{ sorted_text("files.delivery_id", ",") }} as delivery_ids
from files
inner join deliveries on files.district_id = deliveries.district_id and files.delivery_id = deliveries.delivery_id
group by files.district_id, files.usage_date
