with hosts as (
    -- distinct: each delivery adds the hosts that were new when it arrived, and two may have arrived at once.
    select distinct
        hosts.district_id,
        hosts.host,
        hosts.path_prefix
    from {{ ref("stg_extension__hosts") }} as hosts
    semi join {{ ref("int_deliveries__accepted") }} as accepted
        on hosts.district_id = accepted.district_id and hosts.delivery_id = accepted.delivery_id
),

catalogue as (
    select product_key, district_id, product_id, urls
    from {{ ref("int_usage__catalogue") }}
),

product_urls as (
    select
        product_key,
        district_id,
        product_id,
        {{ unnest_items(split_items("urls", ";"), "url") }}  -- noqa: PRS,LT01
    from catalogue
),

addresses as (
    select
        product_key,
        district_id,
        product_id,
        {{ url_host("url") }} as host,
        {{ url_path("url") }} as path_prefix
    from product_urls
),

-- a.b.c is also under b.c and c: joined by equality, however many products and hosts there are.
suffixes as (
    select
        district_id,
        host,
        path_prefix,
        {{ unnest_items(host_suffixes("host"), "suffix") }}
    from hosts
),

matches as (
    select
        suffixes.district_id,
        suffixes.host,
        suffixes.path_prefix,
        addresses.product_key,
        row_number() over (
            partition by suffixes.district_id, suffixes.host, suffixes.path_prefix
            order by length(addresses.host) desc, length(addresses.path_prefix) desc, addresses.product_id
        ) as rank
    from suffixes
    inner join addresses
        on suffixes.district_id = addresses.district_id
        and suffixes.suffix = addresses.host
        and (
            addresses.path_prefix = ''
            or position(concat(addresses.path_prefix, '/') in concat(suffixes.path_prefix, '/')) = 1
        )
),

-- The registrable domain by the Public Suffix List: the longest rule decides, an exception before all.
suffix_rules as (
    select
        suffixes.district_id,
        suffixes.host,
        suffixes.path_prefix,
        suffixes.suffix,
        case when public_suffixes.kind = 'exception' then 1 else 0 end as is_exception,
        length(suffixes.suffix) as suffix_length,
        public_suffixes.kind
    from suffixes
    inner join {{ ref("public_suffixes") }} as public_suffixes on suffixes.suffix = public_suffixes.suffix
),

public_parts as (
    select
        district_id,
        host,
        path_prefix,
        -- How many labels of the host are the public suffix.
        length(suffix) - length(replace(suffix, '.', '')) + case kind
            when 'exception' then 0
            when 'wildcard' then 2
            else 1
        end as label_count,
        row_number() over (
            partition by district_id, host, path_prefix
            order by is_exception desc, suffix_length + case when kind = 'wildcard' then 1 else 0 end desc, kind desc
        ) as rank
    from suffix_rules
),

domains as (
    select
        hosts.district_id,
        hosts.host,
        hosts.path_prefix,
        case
            when regexp_extract(hosts.host, '^[0-9.]+$', 0) <> '' then hosts.host
            else {{ last_labels("hosts.host", "coalesce(public_parts.label_count, 1) + 1") }}
        end as domain
    from hosts
    left join public_parts
        on hosts.district_id = public_parts.district_id
        and hosts.host = public_parts.host
        and hosts.path_prefix = public_parts.path_prefix
        and public_parts.rank = 1
)

select
    domains.district_id,
    domains.host,
    domains.path_prefix,
    domains.domain,
    coalesce(matches.product_key, {{ key(["domains.district_id", "'domain'", "domains.domain"]) }}) as product_key,
    matches.product_key is not null as is_catalogued
from domains
left join matches
    on domains.district_id = matches.district_id
    and domains.host = matches.host
    and domains.path_prefix = matches.path_prefix
    and matches.rank = 1
