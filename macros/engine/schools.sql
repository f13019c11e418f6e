{#-
    How a template's school cells lead to orgs. The intake renders the `default__` macros of this file too, for the rule
    `template-school-resolves`: they use nothing of dbt.
-#}

{% macro plain_name(name) -%} {{ return(adapter.dispatch("plain_name")(name)) }} {%- endmacro %}
{% macro default__plain_name(name) -%}
    {#- Case, spaces, accents and punctuation say nothing about which school is meant. -#}
    regexp_replace(lower(strip_accents({{ name }})), '[^\p{L}\p{N}]+', '', 'g')
{%- endmacro %}

{% macro school_cell(school_id, school_name) -%} {{ return(adapter.dispatch("school_cell")(school_id, school_name)) }} {%- endmacro %}
{% macro default__school_cell(school_id, school_name) -%}
    {#- What a row says of its schools; empty when it says nothing. -#}
    case
        when concat(trim({{ school_id }}), trim({{ school_name }})) = '' then ''
        else concat(coalesce(trim({{ school_id }}), ''), chr(31), coalesce(trim({{ school_name }}), ''))
    end
{%- endmacro %}

{% macro template_items(text) -%} {{ return(adapter.dispatch("template_items")(text)) }} {%- endmacro %}
{% macro default__template_items(text) -%}
    list_filter(list_transform(string_split_regex(coalesce({{ text }}, ''), '[,;|\r\n]'), lambda item: trim(item)), lambda item: item <> '')
{%- endmacro %}

{% macro resolved_schools(cells, orgs) -%} {{ return(adapter.dispatch("resolved_schools")(cells, orgs)) }} {%- endmacro %}
{% macro default__resolved_schools(cells, orgs) -%}
    {#-
        One row per item of each cell: by id, else by the org's identifier, else by name; a whole cell before its parts.
        `cells` has (district_id, cell, school_id, school_name), `orgs` (district_id, sourced_id, identifier, org_name, is_active).
    -#}
    with cells as (
        select distinct district_id, cell, nullif(trim(school_id), '') as id_text, nullif(trim(school_name), '') as name_text
        from {{ cells }}
        where cell <> ''
    ),

    orgs as (
        select district_id, sourced_id, nullif(trim(identifier), '') as identifier, org_name, is_active,
            {{ default__plain_name("org_name") }} as plain
        from {{ orgs }}
    ),

    ids as (
        select district_id, sourced_id as id, sourced_id, 'id' as match_type from orgs
        union all
        select district_id, identifier as id, min(sourced_id) as sourced_id, 'identifier' as match_type
        from orgs
        where identifier is not null
            and (district_id, identifier) not in (select (known.district_id, known.sourced_id) from orgs as known)
        group by district_id, identifier
        having count(*) = 1
    ),

    -- An org that is gone gives way to one of its name that is there.
    names as (
        select
            district_id,
            plain,
            case
                when count(*) filter (is_active) = 1 then min(sourced_id) filter (is_active)
                when count(*) = 1 then min(sourced_id)
            end as sourced_id
        from orgs
        where plain <> ''
        group by district_id, plain
    ),

    lists as (
        select
            cells.district_id,
            cells.cell,
            cells.name_text,
            case when ids.id is not null then [cells.id_text] else {{ default__template_items("cells.id_text") }} end as id_items,
            case when names.plain is not null then [cells.name_text] else {{ default__template_items("cells.name_text") }} end as name_items
        from cells
        left join ids on cells.district_id = ids.district_id and cells.id_text = ids.id
        left join names
            on cells.district_id = names.district_id and {{ default__plain_name("cells.name_text") }} = names.plain
    ),

    positions as (
        select
            *,
            unnest(range(1, case when len(id_items) > 0 then len(id_items) else len(name_items) end + 1)) as position
        from lists
    ),

    items as (
        select
            district_id,
            cell,
            position,
            id_items[position] as item_id,
            case
                when len(id_items) in (0, len(name_items)) then name_items[position]
                when len(id_items) = 1 then name_text
            end as item_name
        from positions
    ),

    matched as (
        select
            items.district_id,
            items.cell,
            items.position,
            items.item_id,
            items.item_name,
            coalesce(ids.sourced_id, names.sourced_id) as org_sourced_id,
            case
                when ids.id is not null then ids.match_type
                when names.sourced_id is not null then 'name'
                when names.plain is not null then 'ambiguous'
            end as match_type
        from items
        left join ids on items.district_id = ids.district_id and items.item_id = ids.id
        left join names
            on items.district_id = names.district_id and {{ default__plain_name("items.item_name") }} = names.plain
    ),

    near_orgs as (
        select
            unmatched.district_id,
            unmatched.item_id,
            unmatched.item_name,
            orgs.org_name,
            orgs.sourced_id,
            greatest(
                coalesce(jaro_winkler_similarity({{ default__plain_name("unmatched.item_name") }}, orgs.plain), 0),
                coalesce(jaro_winkler_similarity(unmatched.item_id, orgs.sourced_id), 0)
            ) as similarity
        from (
            select distinct district_id, item_id, item_name from matched where org_sourced_id is null
        ) as unmatched
        inner join orgs on unmatched.district_id = orgs.district_id and orgs.is_active
    ),

    nearest as (
        select
            district_id,
            item_id,
            item_name,
            string_agg('''' || org_name || ''' (' || sourced_id || ')', ', ' order by similarity desc, sourced_id) as closest_names,
            min(org_name) filter (nearness = 1) as closest_name,
            max(similarity) as similarity
        from (
            select
                *,
                row_number() over (
                    partition by district_id, item_id, item_name order by similarity desc, sourced_id
                ) as nearness
            from near_orgs
        ) as ranked
        where nearness <= 3
        group by district_id, item_id, item_name
    )

    select
        matched.*,
        nearest.closest_names,
        nearest.closest_name,
        nearest.similarity
    from matched
    left join nearest
        on matched.district_id = nearest.district_id
        and matched.org_sourced_id is null
        and matched.item_id is not distinct from nearest.item_id
        and matched.item_name is not distinct from nearest.item_name
{%- endmacro %}
