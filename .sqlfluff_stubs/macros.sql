{#- Stand-ins for the project's macros, so that the linter can read models without opening a database. -#}
{% macro key(parts) %}md5({{ parts | join(" || ") }}){% endmacro %}
{% macro key_of_hash(hash) %}cast({{ hash }} as bigint){% endmacro %}
{% macro split_items(text, pattern=",") %}string_split({{ text }}, '{{ pattern }}'){% endmacro %}
{% macro sorted_text(expression, separator=";") %}string_agg({{ expression }}, '{{ separator }}'){% endmacro %}
{% macro host_suffixes(host) %}string_split({{ host }}, '.'){% endmacro %}
{% macro url_host(url) %}lower({{ url }}){% endmacro %}
{% macro url_path(url) %}lower({{ url }}){% endmacro %}
{% macro beginning_of_time() %}date '0001-01-01'{% endmacro %}
{% macro end_of_time() %}date '9999-12-31'{% endmacro %}
{% macro open_end(column) %}nullif({{ column }}, date '9999-12-31'){% endmacro %}
{% macro versions(relation, key_column) %}select *, 1 as valid_from, 2 as valid_to from {{ relation }}{% endmacro %}
{% macro merged_spans(relation, columns, carried=[]) %}select {{ columns | join(", ") }}, 1 as valid_from from {{ relation }}{% endmacro %}
{% macro contains_item(items, item) %}list_contains({{ items }}, {{ item }}){% endmacro %}
{% macro plain_name(name) %}lower({{ name }}){% endmacro %}
{% macro school_cell(school_id, school_name) %}concat({{ school_id }}, {{ school_name }}){% endmacro %}
{% macro listed_schools(listed, orgs) %}select * from {{ listed }} cross join {{ orgs }}{% endmacro %}
{% macro resolved_schools(cells, orgs, listed) %}select * from {{ cells }} cross join {{ orgs }} cross join {{ listed }}{% endmacro %}
{% macro refused_deliveries(deliveries) %}select *, null as covered_by from {{ deliveries }}{% endmacro %}
{% macro period_start(period, day) %}date_trunc('{{ period }}', {{ day }}){% endmacro %}
{% macro in_each_period(changes) %}select * from {{ changes }}{% endmacro %}
{% macro usable_seconds(seconds) %}stub{% endmacro %}
{% macro rolled_up(changes) %}select * from {{ changes }}{% endmacro %}
{% macro published(name, only_with=[]) %}{{ name }}{% endmacro %}
{% macro in_partitions_of(scope) %}true{% endmacro %}
{% macro clean(column) %}nullif("{{ column }}", ''){% endmacro %}
{% macro trim_text(text) %}trim({{ text }}){% endmacro %}
{% macro date_or_null(text) %}cast({{ text }} as date){% endmacro %}
{% macro replace_all(text, pattern, by) %}replace({{ text }}, '{{ pattern }}', '{{ by }}'){% endmacro %}
{% macro list_of(item) %}[{{ item }}]{% endmacro %}
{% macro item_count(items) %}len({{ items }}){% endmacro %}
{% macro item_at(items, position) %}list_extract({{ items }}, {{ position }}){% endmacro %}
{% macro unnest_items(items, item, position=none) %}unnest({{ items }}) as {{ item }}{% endmacro %}
{% macro text_in_order(expression, separator, order) %}string_agg({{ expression }}, '{{ separator }}'){% endmacro %}
{% macro last_labels(host, count) %}right({{ host }}, {{ count }}){% endmacro %}
{% macro with_recursive() %}with{% endmacro %}
{% macro reached_over(links, node, token, other) %}reached as (select * from {{ links }}),{% endmacro %}
