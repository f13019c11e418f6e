-- distinct: one delivery may fill several files of a partition.
with files as (
    select distinct
        files.district_id,
        files.usage_date,
        files.delivery_id
    from {{ ref("stg_extension__page_load_files") }} as files
    semi join {{ ref("int_deliveries__accepted") }} as accepted
        on files.district_id = accepted.district_id and files.delivery_id = accepted.delivery_id
)

select
    district_id,
    usage_date,
    cast(count(*) as integer) as delivery_count,
    {{ sorted_text("delivery_id", ",") }} as delivery_ids
from files
group by district_id, usage_date
