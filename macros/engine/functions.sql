{#- What differs between engines, one dispatched macro each. -#}

{% macro md5_to_bigint(text) -%} {{ return(adapter.dispatch("md5_to_bigint")(text)) }} {%- endmacro %}
{% macro default__md5_to_bigint(text) -%} {{ hex_to_bigint("md5(" ~ text ~ ")") }} {%- endmacro %}

{% macro hex_to_bigint(text) -%} {{ return(adapter.dispatch("hex_to_bigint")(text)) }} {%- endmacro %}
{% macro default__hex_to_bigint(text) -%} cast('0x' || substr({{ text }}, 1, 15) as bigint) {%- endmacro %}

{% macro split_items(text, pattern=",") -%} {{ return(adapter.dispatch("split_items")(text, pattern)) }} {%- endmacro %}
{% macro default__split_items(text, pattern) -%}
    {#- The items of a list in one cell: trimmed, blanks left out, each once, in the order of the cell. -#}
    list_filter(
        list_transform(string_split({{ text }}, '{{ pattern }}'), lambda item: trim(item)),
        lambda item, position: item <> ''
            and list_position(list_transform(string_split({{ text }}, '{{ pattern }}'), lambda other: trim(other)), item) = position
    )
{%- endmacro %}

{% macro contains_item(items, item) -%} {{ return(adapter.dispatch("contains_item")(items, item)) }} {%- endmacro %}
{% macro default__contains_item(items, item) -%} coalesce(list_contains({{ items }}, {{ item }}), false) {%- endmacro %}

{% macro sorted_text(expression, separator=";") -%} {{ return(adapter.dispatch("sorted_text")(expression, separator)) }} {%- endmacro %}
{% macro default__sorted_text(expression, separator) -%}
    string_agg({{ expression }}, '{{ separator }}' order by {{ expression }})
{%- endmacro %}

{% macro host_suffixes(host) -%} {{ return(adapter.dispatch("host_suffixes")(host)) }} {%- endmacro %}
{% macro default__host_suffixes(host) -%}
    {#- a.b.c → [a.b.c, b.c, c] -#}
    list_transform(
        range(1, len(string_split({{ host }}, '.')) + 1),
        lambda position: array_to_string(list_slice(string_split({{ host }}, '.'), position, len(string_split({{ host }}, '.'))), '.')
    )
{%- endmacro %}

{% macro url_host(url) -%} {{ return(adapter.dispatch("url_host")(url)) }} {%- endmacro %}
{% macro default__url_host(url) -%}
    rtrim(regexp_extract(lower(trim({{ url }})), '^(?:[a-z]+://)?(?:[^/?#@]*@)?([^/?#:@]+)', 1), '.')
{%- endmacro %}

{% macro url_path(url) -%} {{ return(adapter.dispatch("url_path")(url)) }} {%- endmacro %}
{% macro default__url_path(url) -%}
    rtrim(regexp_extract(regexp_replace(lower(trim({{ url }})), '^[a-z]+://', ''), '^[^/?#]*(/[^?#]*)', 1), '/')
{%- endmacro %}

{% macro usable_seconds(seconds) -%} {{ return(adapter.dispatch("usable_seconds")(seconds)) }} {%- endmacro %}
{% macro default__usable_seconds(seconds) -%}
    {#- Seconds on one page, a day at most. What is no such number (infinity and NaN among it) is no duration. -#}
    case when {{ seconds }} between 0 and 86400 then {{ seconds }} end
{%- endmacro %}

{% macro lake_path(pattern) -%} {{ return(adapter.dispatch("lake_path")(pattern)) }} {%- endmacro %}
{% macro default__lake_path(pattern) -%}
    {#- A path below the lake as a literal: only what `pattern` has is a wildcard. -#}
    '{{ var("lake") | replace("[", "[[]") | replace("'", "''") }}/{{ pattern }}'
{%- endmacro %}

{% macro lake_rows(table) -%} {{ return(adapter.dispatch("lake_rows")(table)) }} {%- endmacro %}
{% macro default__lake_rows(table) -%}
    read_parquet(
        {{ lake_path(table ~ "/**/*.parquet") }},
        hive_partitioning = true, hive_types_autocast = false, union_by_name = true
    )
{%- endmacro %}

{% macro run_ledger(columns) -%} {{ return(adapter.dispatch("run_ledger")(columns)) }} {%- endmacro %}
{% macro default__run_ledger(columns) -%}
    {#- A run that was killed while it wrote has left half a line, which is passed over. -#}
    read_json(
        {{ lake_path("runs.jsonl") }}, format = 'newline_delimited', ignore_errors = true, columns = {
            {%- for name, kind in columns.items() %}{{ name }}: '{{ kind }}'{% if not loop.last %}, {% endif %}{% endfor -%}
        }
    )
{%- endmacro %}

{% macro accepted_rows(table) -%}
    {#- The lake's rows of accepted deliveries, with when they take effect: nothing else of the lake is read. -#}
    (
        select
            lake.*,
            cast(lake._effective_at as date) as effective_date,
            lake._arrived_at as arrived_at,
            lake._delivery_id as delivery_id,
            lake._row_number as row_number
        from {{ lake_rows(table) }} as lake
        inner join {{ ref("stg_landing__deliveries") }} as deliveries
            on lake.district_id = deliveries.district_id and lake._delivery_id = deliveries.delivery_id
        where deliveries.verdict = 'accepted'
    )
{%- endmacro %}

{% macro lake_files(table) -%} {{ return(adapter.dispatch("lake_files")(table)) }} {%- endmacro %}
{% macro default__lake_files(table) -%}
    (
        select
            file as file_path,
            regexp_extract(file, 'district_id=([^/]+)/', 1) as district_id,
            try_cast(regexp_extract(file, 'usage_date=([^/]+)/', 1) as date) as usage_date,
            regexp_extract(file, '/([^/]+?)(?:__[0-9]+)?[.]parquet$', 1) as delivery_id
        from glob({{ lake_path(table ~ "/**/*.parquet") }})
    )
{%- endmacro %}

{% macro page_loads_in_scope(scope) -%} {{ return(adapter.dispatch("page_loads_in_scope")(scope)) }} {%- endmacro %}
{% macro default__page_loads_in_scope(scope) -%}
    {#- The lake's page loads of the partitions that this build needs, and no others: named file by file. -#}
    {%- set files = [] -%}
    {%- if execute and flags.WHICH not in ("compile", "docs", "generate", "list", "parse") -%}
        {%- set found = run_query(
            "select distinct files.file_path from " ~ lake_files("extension/page_loads") ~ " as files "
            ~ "inner join " ~ ref("stg_landing__deliveries") ~ " as deliveries "
            ~ "using (district_id, delivery_id) inner join " ~ scope ~ " as scope using (district_id, usage_date) "
            ~ "where deliveries.verdict = 'accepted' order by 1"
        ) -%}
        {%- set files = found.columns[0].values() | list -%}
    {%- endif -%}
    {%- if not files -%}
        {%- set files = [var("lake") ~ "/extension/page_loads/district_id=_empty/usage_date=0001-01-01/_empty.parquet"] -%}
    {%- endif -%}
    read_parquet(
        [{% for file in files %}'{{ file | replace("'", "''") }}'{{ ", " if not loop.last }}{% endfor %}],
        hive_partitioning = true, hive_types_autocast = false
    )
{%- endmacro %}
