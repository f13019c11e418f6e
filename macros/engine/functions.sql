{#-
    What differs between engines, one dispatched macro each: `default__` is DuckDB, `spark__` is Apache Spark. Both give
    equal results; everything else in the project is SQL that both understand.
-#}

{#- Numbers and text -#}

{% macro md5_to_bigint(text) -%} {{ return(adapter.dispatch("md5_to_bigint")(text)) }} {%- endmacro %}
{% macro default__md5_to_bigint(text) -%} {{ hex_to_bigint("md5(" ~ text ~ ")") }} {%- endmacro %}

{% macro hex_to_bigint(text) -%} {{ return(adapter.dispatch("hex_to_bigint")(text)) }} {%- endmacro %}
{% macro default__hex_to_bigint(text) -%} cast('0x' || substr({{ text }}, 1, 15) as bigint) {%- endmacro %}
{% macro spark__hex_to_bigint(text) -%} cast(conv(substr({{ text }}, 1, 15), 16, 10) as bigint) {%- endmacro %}

{% macro trim_text(text) -%} {{ return(adapter.dispatch("trim_text")(text)) }} {%- endmacro %}
{% macro default__trim_text(text) -%} trim({{ text }}) {%- endmacro %}
{% macro spark__trim_text(text) -%}
    {#- DuckDB strips every space of Unicode, Spark only U+0020. -#}
    trim(both '\u0020\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000' from {{ text }})
{%- endmacro %}

{% macro clean(column) -%}
    {#- A delivered column as text without the spaces around it; blank is NULL. -#}
    nullif({{ trim_text(adapter.quote(column)) }}, '')
{%- endmacro %}

{% macro date_or_null(text) -%} {{ return(adapter.dispatch("date_or_null")(text)) }} {%- endmacro %}
{% macro default__date_or_null(text) -%} try_cast({{ text }} as date) {%- endmacro %}
{% macro spark__date_or_null(text) -%}
    {#- Spark takes '2025' and '2025-9' for dates. -#}
    case
        when {{ trim_text(text) }} rlike '^[0-9]{1,4}-[0-9]{1,2}-[0-9]{1,2}$' then try_cast({{ trim_text(text) }} as date)
    end
{%- endmacro %}

{% macro without_accents(text) -%} {{ return(adapter.dispatch("without_accents")(text)) }} {%- endmacro %}
{% macro default__without_accents(text) -%} strip_accents({{ text }}) {%- endmacro %}

{% macro lower_text(text) -%} {{ return(adapter.dispatch("lower_text")(text)) }} {%- endmacro %}
{% macro default__lower_text(text) -%} lower({{ text }}) {%- endmacro %}
{% macro spark__lower_text(text) -%}
    {#- Java looks at the letters around a capital sigma, and leaves the dot on a small i. -#}
    lower(translate({{ text }}, '\u0130\u03a3', 'i\u03c3'))
{%- endmacro %}

{% macro letters_and_digits(text) -%} {{ return(adapter.dispatch("letters_and_digits")(text)) }} {%- endmacro %}
{% macro default__letters_and_digits(text) -%} regexp_replace({{ text }}, '[^\p{L}\p{N}]+', '', 'g') {%- endmacro %}
{% macro spark__letters_and_digits(text) -%} regexp_replace({{ text }}, '[^\\p{L}\\p{N}]+', '') {%- endmacro %}

{% macro replace_all(text, pattern, by) -%} {{ return(adapter.dispatch("replace_all")(text, pattern, by)) }} {%- endmacro %}
{% macro default__replace_all(text, pattern, by) -%} regexp_replace({{ text }}, '{{ pattern }}', '{{ by }}', 'g') {%- endmacro %}
{% macro spark__replace_all(text, pattern, by) -%}
    regexp_replace({{ text }}, '{{ pattern | replace("\\", "\\\\") }}', '{{ by | replace("\\", "$") }}')
{%- endmacro %}

{#- Lists -#}

{% macro split_items(text, separator=",") -%} {{ return(adapter.dispatch("split_items")(text, separator)) }} {%- endmacro %}
{% macro default__split_items(text, separator) -%}
    {#- The items of a list in one cell: trimmed, blanks left out, each once, in the order of the cell. -#}
    list_filter(
        list_transform(string_split({{ text }}, '{{ separator }}'), lambda item: {{ trim_text("item") }}),
        lambda item, position: item <> ''
            and list_position(
                list_transform(string_split({{ text }}, '{{ separator }}'), lambda other: {{ trim_text("other") }}), item
            ) = position
    )
{%- endmacro %}
{% macro spark__split_items(text, separator) -%}
    array_distinct(filter(transform(split({{ text }}, '[{{ separator }}]'), item -> {{ trim_text("item") }}), item -> item <> ''))
{%- endmacro %}

{% macro template_items(text) -%} {{ return(adapter.dispatch("template_items")(text)) }} {%- endmacro %}
{% macro default__template_items(text) -%}
    {#- The items of a template's cell, in which a list may also use ; or | or line breaks. Repeated ones stay: positions pair. -#}
    list_filter(
        list_transform(string_split_regex(coalesce({{ text }}, ''), '[,;|\r\n]'), lambda item: {{ trim_text("item") }}),
        lambda item: item <> ''
    )
{%- endmacro %}
{% macro spark__template_items(text) -%}
    filter(transform(split(coalesce({{ text }}, ''), '[,;|\\r\\n]'), item -> {{ trim_text("item") }}), item -> item <> '')
{%- endmacro %}

{% macro list_of(item) -%} {{ return(adapter.dispatch("list_of")(item)) }} {%- endmacro %}
{% macro default__list_of(item) -%} [{{ item }}] {%- endmacro %}
{% macro spark__list_of(item) -%} array({{ item }}) {%- endmacro %}

{% macro contains_item(items, item) -%} {{ return(adapter.dispatch("contains_item")(items, item)) }} {%- endmacro %}
{% macro default__contains_item(items, item) -%} coalesce(list_contains({{ items }}, {{ item }}), false) {%- endmacro %}
{% macro spark__contains_item(items, item) -%} coalesce(array_contains({{ items }}, {{ item }}), false) {%- endmacro %}

{% macro item_count(items) -%} {{ return(adapter.dispatch("item_count")(items)) }} {%- endmacro %}
{% macro default__item_count(items) -%} len({{ items }}) {%- endmacro %}
{% macro spark__item_count(items) -%}
    {#- size(null) is -1. -#}
    nullif(size({{ items }}), -1)
{%- endmacro %}

{% macro item_at(items, position) -%} {{ return(adapter.dispatch("item_at")(items, position)) }} {%- endmacro %}
{% macro default__item_at(items, position) -%} {{ items }}[{{ position }}] {%- endmacro %}
{% macro spark__item_at(items, position) -%} get({{ items }}, cast({{ position }} as int) - 1) {%- endmacro %}

{% macro numbers_to(count) -%} {{ return(adapter.dispatch("numbers_to")(count)) }} {%- endmacro %}
{% macro default__numbers_to(count) -%}
    {#- 1, 2, … count; none where that is 0. -#}
    range(1, {{ count }} + 1)
{%- endmacro %}
{% macro spark__numbers_to(count) -%}
    {#- sequence(1, 0) is [1, 0]. -#}
    filter(sequence(1, greatest({{ count }}, 1)), number -> number <= {{ count }})
{%- endmacro %}

{% macro unnest_items(items, item, position=none) -%} {{ return(adapter.dispatch("unnest_items")(items, item, position)) }} {%- endmacro %}
{% macro default__unnest_items(items, item, position) -%}
    {#- Columns of a select list: a row for each item, with its position in the list, the first being 1. -#}
    unnest({{ items }}) as {{ item }}
    {%- if position %}, generate_subscripts({{ items }}, 1) as {{ position }}{% endif %}
{%- endmacro %}
{% macro spark__unnest_items(items, item, position) -%}
    {%- if position -%}
    inline(transform({{ items }}, (each, place) -> struct(each, cast(place + 1 as bigint)))) as ({{ item }}, {{ position }})
    {%- else -%}
    explode({{ items }}) as {{ item }}
    {%- endif %}
{%- endmacro %}

{% macro sorted_text(expression, separator=";") -%} {{ return(adapter.dispatch("sorted_text")(expression, separator)) }} {%- endmacro %}
{% macro default__sorted_text(expression, separator) -%}
    string_agg({{ expression }}, '{{ separator }}' order by {{ expression }})
{%- endmacro %}
{% macro spark__sorted_text(expression, separator) -%}
    {#- Of no values it is NULL, as on DuckDB. -#}
    case when count({{ expression }}) > 0 then array_join(sort_array(collect_list({{ expression }})), '{{ separator }}') end
{%- endmacro %}

{% macro text_in_order(expression, separator, order) -%} {{ return(adapter.dispatch("text_in_order")(expression, separator, order)) }} {%- endmacro %}
{% macro default__text_in_order(expression, separator, order) -%}
    string_agg({{ expression }}, '{{ separator }}' order by {{ order }})
{%- endmacro %}
{% macro spark__text_in_order(expression, separator, order) -%}
    case
        when count({{ expression }}) > 0
            then array_join(transform(sort_array(collect_list(struct({{ order }}, {{ expression }} as item))), each -> each.item), '{{ separator }}')
    end
{%- endmacro %}

{% macro may_have_items(text) -%}
    {#- Whether a template's cell may have several items. -#}
    ({% for separator in ["','", "';'", "'|'", "chr(10)", "chr(13)"] -%}
        {{ text }} like concat('%', {{ separator }}, '%'){{ " or " if not loop.last }}
    {%- endfor %})
{%- endmacro %}

{#- Addresses: hosts and paths -#}

{% macro host_suffixes(host) -%} {{ return(adapter.dispatch("host_suffixes")(host)) }} {%- endmacro %}
{% macro default__host_suffixes(host) -%}
    {#- a.b.c → [a.b.c, b.c, c] -#}
    list_transform(
        range(1, len(string_split({{ host }}, '.')) + 1),
        lambda position: array_to_string(list_slice(string_split({{ host }}, '.'), position, len(string_split({{ host }}, '.'))), '.')
    )
{%- endmacro %}
{% macro spark__host_suffixes(host) -%}
    transform(
        sequence(1, size(split({{ host }}, '[.]'))),
        position -> substring_index({{ host }}, '.', position - size(split({{ host }}, '[.]')) - 1)
    )
{%- endmacro %}

{% macro last_labels(host, count) -%} {{ return(adapter.dispatch("last_labels")(host, count)) }} {%- endmacro %}
{% macro default__last_labels(host, count) -%}
    {#- The last `count` labels of a host; all of them where it has fewer. -#}
    array_to_string(
        list_slice(
            string_split({{ host }}, '.'),
            greatest(len(string_split({{ host }}, '.')) - ({{ count }}) + 1, 1),
            len(string_split({{ host }}, '.'))
        ),
        '.'
    )
{%- endmacro %}
{% macro spark__last_labels(host, count) -%} substring_index({{ host }}, '.', -cast({{ count }} as int)) {%- endmacro %}

{% macro url_host(url) -%}
    trim(trailing '.' from regexp_extract({{ lower_text(trim_text(url)) }}, '^(?:[a-z]+://)?(?:[^/?#@]*@)?([^/?#:@]+)', 1))
{%- endmacro %}

{% macro url_path(url) -%}
    trim(trailing '/' from regexp_extract(regexp_replace({{ lower_text(trim_text(url)) }}, '^[a-z]+://', ''), '^[^/?#]*(/[^?#]*)', 1))
{%- endmacro %}

{#- Numbers as they are delivered -#}

{% macro usable_seconds(seconds) -%}
    {#- Seconds on one page, a day at most. What is no such number (infinity and NaN among it) is no duration. -#}
    case when {{ seconds }} between 0 and 86400 then {{ seconds }} end
{%- endmacro %}

{#- Chains of links -#}

{% macro with_recursive() -%} {{ return(adapter.dispatch("with_recursive")()) }} {%- endmacro %}
{% macro default__with_recursive() -%} with recursive {%- endmacro %}
{% macro spark__with_recursive() -%} with {%- endmacro %}

{% macro reached_over(links, node, token, other, ctes) -%} {{ return(adapter.dispatch("reached_over")(links, node, token, other, ctes)) }} {%- endmacro %}
{% macro default__reached_over(links, node, token, other, ctes) -%}
{#- The CTE `reached`: every `node` of `links`, one of `ctes`, with each `other` that shares a token with it, over any chain; itself, too. -#}
reached as (
    select {{ node }}, {{ node }} as {{ other }} from {{ links }}
    union
    select reached.{{ node }}, others.{{ node }}
    from reached
    inner join {{ links }} as own on reached.{{ other }} = own.{{ node }}
    inner join {{ links }} as others on own.{{ token }} = others.{{ token }}
),
{%- endmacro %}
{% macro spark__reached_over(links, node, token, other, ctes) -%}
{#-
    Spark 3.5 has no recursion. In a build, each node takes the least label of those that it shares a token with, and the label
    which that one has, until no label changes; each round is a table. Elsewhere, as in unit tests, chains of four links are followed.
-#}
{%- if execute and flags.WHICH in ("build", "run") and model.resource_type == "model" %}
{%- set labels = connected(links, node, token, ctes) %}
reached as (
    select
        own.node as {{ node }},
        others.node as {{ other }}
    from {{ labels }} as own
    inner join {{ labels }} as others on own.label = others.label
),
{%- else %}
reached_once as (
    -- distinct: two may share several tokens.
    select distinct own.{{ node }}, others.{{ node }} as {{ other }}
    from {{ links }} as own
    inner join {{ links }} as others on own.{{ token }} = others.{{ token }}
),

reached_twice as (
    select distinct a.{{ node }}, b.{{ other }}
    from reached_once as a
    inner join reached_once as b on a.{{ other }} = b.{{ node }}
),

reached as (
    select distinct a.{{ node }}, b.{{ other }}
    from reached_twice as a
    inner join reached_twice as b on a.{{ other }} = b.{{ node }}
),
{%- endif %}
{%- endmacro %}

{% macro connected(links, node, token, ctes) -%}
    {#- The name of a table of (node, label): nodes that are connected have one label. -#}
    {%- set name = "spark_catalog.intermediate." ~ model.name ~ "__" -%}
    {%- do run_query("create table " ~ name ~ "links using parquet as with " ~ ctes ~ " select distinct " ~ node ~ " as node, " ~ token ~ " as token from " ~ links) -%}
    {%- do run_query("create table " ~ name ~ "0 using parquet as select distinct node, node as label from " ~ name ~ "links") -%}
    {%- set at = namespace(round=0, is_done=not has_rows(name ~ "links")) -%}
    {#- A chain of a million links takes twenty rounds. -#}
    {%- for _ in range(64) -%}
        {%- if not at.is_done -%}
            {%- set before = name ~ at.round -%}
            {%- set at.round = at.round + 1 -%}
            {%- set sql -%}
                create table {{ name ~ at.round }} using parquet as
                select least_labels.node, min(least(least_labels.label, of_label.label)) as label
                from (
                    select links.node, min(labels.label) over (partition by links.token) as label
                    from {{ name }}links as links
                    inner join {{ before }} as labels on links.node = labels.node
                ) as least_labels
                inner join {{ before }} as of_label on least_labels.label = of_label.node
                group by least_labels.node
            {%- endset -%}
            {%- do run_query(sql) -%}
            {%- set at.is_done = run_query(
                "select 1 from " ~ name ~ at.round ~ " as after inner join " ~ before ~ " as before "
                ~ "on after.node = before.node where after.label <> before.label limit 1"
            ).rows | length == 0 -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if not at.is_done -%} {%- do exceptions.raise_compiler_error("the users of " ~ model.name ~ " do not settle") -%} {%- endif -%}
    {{ return(name ~ at.round) }}
{%- endmacro %}

{#- Likeness -#}

{% macro likeness(one, other) -%} {{ return(adapter.dispatch("likeness")(one, other)) }} {%- endmacro %}
{% macro default__likeness(one, other) -%}
    {#- How alike two names are, from 0 to 1. Spark calls a session function of the same name, which its engine registers. -#}
    jaro_winkler_similarity({{ one }}, {{ other }})
{%- endmacro %}
