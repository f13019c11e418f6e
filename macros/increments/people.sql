{#- Of which people a build derives rosters again, in a district of which nothing else is new than rows of some people. -#}

{% macro partly_new_districts() -%} {{ return(adapter.dispatch("partly_new_districts")()) }} {%- endmacro %}
{% macro default__partly_new_districts() -%}
    {#- The districts that may be derived in part, as text literals: all that is new of them are later deliveries, and the date. -#}
    {%- set scope = ref("int_increments__roster_scope") -%}
    {{ return(_literals("select district_id from " ~ scope ~ " where known_until is not null order by 1")) }}
{%- endmacro %}
{% macro spark__partly_new_districts() -%}
    {#- Spark derives whole districts: who is reached over shared identifiers would take it a job for each round. -#}
    {{ return([]) }}
{%- endmacro %}

{% macro in_people_scope(columns, named="source_user_key", people=none) -%}
    {#-
        A condition on rows of districts in scope: those of people whom this build derives. In a district that is derived in part,
        these are the rows whose `columns` are among the `named` ones of `people`, which is int_increments__people_scope if not given.
    -#}
    {%- set everyone = ref("int_increments__people_scope") -%}
    {%- set parts, scope = ref("int_increments__roster_parts"), ref("int_increments__roster_scope") -%}
    {%- set in_part = _literals("select district_id from " ~ parts ~ " order by 1") -%}
    {%- if not in_part -%} {{ return("true") }} {%- endif -%}
    {%- set whole = _literals(
        "select district_id from " ~ scope ~ " where is_in_scope and district_id not in (" ~ in_part | join(", ") ~ ") order by 1"
    ) -%}
    {%- set condition = columns ~ " in (select " ~ named ~ " from " ~ (people or everyone) ~ ")" -%}
    {{ return("(district_id in (" ~ whole | join(", ") ~ ") or " ~ condition ~ ")" if whole else condition) }}
{%- endmacro %}

{% macro in_logs_of_people(table) -%}
    {#-
        `in_people_scope` of the rows of a log of the lake that name a user. A row that is taken away says its sourcedId alone, so
        all rows go together that ever were of someone in scope.
    -#}
    {%- set sourced_id = trim_text(adapter.quote("sourcedId")) -%}
    {%- set of_people -%}
        (
            select
                lake_rows.district_id,
                {{ trim_text("lake_rows." ~ adapter.quote("sourcedId")) }} as sourced_id
            from {{ source("oneroster", table) }} as lake_rows
            semi join {{ ref("int_increments__people_scope") }} as people
                on lake_rows.district_id = people.district_id and {{ clean("userSourcedId") }} = people.sourced_id
        ) as of_people
    {%- endset -%}
    {{ return(in_people_scope("(district_id, " ~ sourced_id ~ ")", "district_id, sourced_id", of_people)) }}
{%- endmacro %}

{% macro new_deliveries() -%}
    {#- A query of the deliveries that came since the last version, of districts that it knows. -#}
    select
        accepted.district_id,
        accepted.delivery_id
    from {{ ref("int_deliveries__accepted") }} as accepted
    inner join {{ ref("int_increments__roster_scope") }} as scope
        on accepted.district_id = scope.district_id and accepted.arrived_at > scope.known_until
{%- endmacro %}

{% macro _literals(query) -%}
    {#- The first column of a query's rows, each as a text literal; nothing elsewhere than in a build. -#}
    {%- set found = [] -%}
    {%- if execute and flags.WHICH in ("build", "run", "test") -%}
        {%- for row in run_query(query).rows -%} {%- do found.append(text_literal(row[0])) -%} {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}
