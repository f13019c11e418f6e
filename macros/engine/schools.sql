{#- How a template's school cells lead to orgs. The intake renders these macros too, for the rule `template-school-resolves`. -#}

{% macro plain_name(name) -%}
    {#- Case, spaces, accents and punctuation say nothing about which school is meant. -#}
    {{ letters_and_digits(lower_text(without_accents(name))) }}
{%- endmacro %}

{% macro school_cell(school_id, school_name) -%}
    {#- What a row says of its schools; empty when it says nothing. -#}
    case
        when coalesce({{ trim_text(school_id) }}, '') = '' and coalesce({{ trim_text(school_name) }}, '') = '' then ''
        else concat(coalesce({{ trim_text(school_id) }}, ''), chr(31), coalesce({{ trim_text(school_name) }}, ''))
    end
{%- endmacro %}

{% macro listed_schools(listed, orgs) -%}
    {#-
        Each school of a district's list with the org that it is: by id, identifier or name one of a roster's `orgs`, else an org of its own.
        `listed` has (district_id, sourced_id, org_name, aliases, is_active), `orgs` as below.
    -#}
    with listed as (
        select district_id, sourced_id, org_name, aliases, is_active, {{ plain_name("org_name") }} as plain
        from {{ listed }}
    ),

    identifiers as (
        select district_id, {{ trim_text("identifier") }} as identifier, min(sourced_id) as sourced_id
        from {{ orgs }}
        where {{ trim_text("identifier") }} <> ''
        group by 1, 2
        having count(*) = 1
    ),

    names as (
        select district_id, {{ plain_name("org_name") }} as plain, min(sourced_id) as sourced_id
        from {{ orgs }}
        where is_active
        group by 1, 2
        having count(*) = 1
    )

    select
        listed.district_id,
        listed.sourced_id,
        listed.org_name,
        listed.aliases,
        listed.is_active,
        coalesce(orgs.sourced_id, identifiers.sourced_id, names.sourced_id, listed.sourced_id) as org_sourced_id,
        case
            when orgs.sourced_id is not null then 'id'
            when identifiers.sourced_id is not null then 'identifier'
            when names.sourced_id is not null then 'name'
            else 'list'
        end as basis
    from listed
    left join {{ orgs }} as orgs on listed.district_id = orgs.district_id and listed.sourced_id = orgs.sourced_id
    left join identifiers
        on listed.district_id = identifiers.district_id and listed.sourced_id = identifiers.identifier
    left join names on listed.district_id = names.district_id and listed.plain = names.plain
{%- endmacro %}

{% macro resolved_schools(cells, orgs, listed) -%}
    {#-
        One row per item of each cell: by id, else by the org's identifier, else by name; a whole cell before its parts.
        `cells` has (district_id, cell, school_id, school_name), `orgs` (district_id, sourced_id, identifier, org_name, is_active),
        `listed` what `listed_schools` makes: its ids, names and aliases lead to their orgs too.
    -#}
    with cells as (
        -- distinct: many rows say the same of their school.
        select distinct
            district_id,
            cell,
            nullif({{ trim_text("school_id") }}, '') as id_text,
            nullif({{ trim_text("school_name") }}, '') as name_text
        from {{ cells }}
        where cell <> ''
    ),

    orgs as (
        select
            district_id,
            sourced_id,
            nullif({{ trim_text("identifier") }}, '') as identifier,
            org_name,
            is_active,
            {{ plain_name("org_name") }} as plain
        from {{ orgs }}
    ),

    ids as (
        select district_id, sourced_id as id, sourced_id, 'id' as match_type from orgs
        union all
        select orgs.district_id, orgs.identifier as id, min(orgs.sourced_id) as sourced_id, 'identifier' as match_type
        from orgs
        anti join orgs as known on orgs.district_id = known.district_id and orgs.identifier = known.sourced_id
        where orgs.identifier is not null
        group by orgs.district_id, orgs.identifier
        having count(*) = 1
        union all
        select district_id, sourced_id as id, org_sourced_id as sourced_id, 'id' as match_type
        from {{ listed }}
        where basis = 'name'
    ),

    other_names as (
        select district_id, org_sourced_id as sourced_id, org_name from {{ listed }}
        union all
        select district_id, org_sourced_id as sourced_id, {{ unnest_items(split_items("coalesce(aliases, '')", ";"), "org_name") }}
        from {{ listed }}
    ),

    -- union: a list may say again what the roster says.
    spellings as (
        select district_id, sourced_id, is_active, plain from orgs
        union
        select orgs.district_id, orgs.sourced_id, orgs.is_active, {{ plain_name("other_names.org_name") }} as plain
        from other_names
        inner join orgs on other_names.district_id = orgs.district_id and other_names.sourced_id = orgs.sourced_id
    ),

    -- An org that is gone gives way to one of its name that is there.
    names as (
        select
            district_id,
            plain,
            case
                when count(*) filter (where is_active) = 1 then min(sourced_id) filter (where is_active)
                when count(*) = 1 then min(sourced_id)
            end as sourced_id
        from spellings
        where plain <> ''
        group by district_id, plain
    ),

    lists as (
        select
            cells.district_id,
            cells.cell,
            cells.name_text,
            case
                when ids.id is not null or (names.plain is not null and cells.id_text = cells.name_text)
                    then {{ list_of("cells.id_text") }}
                else {{ template_items("cells.id_text") }}
            end as id_items,
            case when names.plain is not null then {{ list_of("cells.name_text") }} else {{ template_items("cells.name_text") }} end as name_items
        from cells
        left join ids on cells.district_id = ids.district_id and cells.id_text = ids.id
        left join names
            on cells.district_id = names.district_id and {{ plain_name("cells.name_text") }} = names.plain
    ),

    positions as (
        select
            *,
            {{ unnest_items(
                numbers_to("case when " ~ item_count("id_items") ~ " > 0 then " ~ item_count("id_items")
                    ~ " else " ~ item_count("name_items") ~ " end"),
                "position"
            ) }}
        from lists
    ),

    items as (
        select
            district_id,
            cell,
            position,
            {{ item_at("id_items", "position") }} as item_id,
            case
                when {{ item_count("id_items") }} in (0, {{ item_count("name_items") }})
                    then {{ item_at("name_items", "position") }}
                when {{ item_count("id_items") }} = 1 then name_text
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
            on items.district_id = names.district_id and {{ plain_name("items.item_name") }} = names.plain
    ),

    near_orgs as (
        select
            unmatched.district_id,
            unmatched.item_id,
            unmatched.item_name,
            orgs.org_name,
            orgs.sourced_id,
            greatest(
                coalesce({{ likeness(plain_name("unmatched.item_name"), "orgs.plain") }}, 0),
                coalesce({{ likeness("unmatched.item_id", "orgs.sourced_id") }}, 0)
            ) as similarity
        from (
            -- distinct: one school may be in many cells.
            select distinct district_id, item_id, item_name from matched where org_sourced_id is null
        ) as unmatched
        inner join orgs on unmatched.district_id = orgs.district_id and orgs.is_active
    ),

    nearest as (
        select
            district_id,
            item_id,
            item_name,
            {{ text_in_order("concat(chr(39), org_name, chr(39), ' (', sourced_id, ')')", ", ", "nearness") }} as closest_names,
            min(org_name) filter (where nearness = 1) as closest_name,
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
