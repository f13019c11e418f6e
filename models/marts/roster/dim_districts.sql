with settings as (
    select
        district_id,
        district_name,
        time_zone,
        freshness_days,
        row_number() over (partition by district_id order by arrived_at desc, delivery_id desc) as recency
    from {{ ref("int_deliveries__accepted") }}
),

roots as (
    select district_id, org_name
    from {{ ref("int_orgs__current") }}
    where is_district_root
)

select
    settings.district_id,
    coalesce(settings.district_name, roots.org_name, settings.district_id) as district_name,
    settings.time_zone,
    settings.freshness_days
from settings
left join roots on settings.district_id = roots.district_id
where settings.recency = 1
