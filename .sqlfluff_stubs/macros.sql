{#- Stand-ins for the project's macros, so that the linter can read models without opening a database. -#}
{% macro key(parts) %}md5({{ parts | join(" || ") }}){% endmacro %}
{% macro key_of_hash(hash) %}cast({{ hash }} as bigint){% endmacro %}
{% macro split_items(text, pattern=",") %}string_split({{ text }}, '{{ pattern }}'){% endmacro %}
{% macro sorted_text(expression, separator=";") %}string_agg({{ expression }}, '{{ separator }}'){% endmacro %}
{% macro host_suffixes(host) %}string_split({{ host }}, '.'){% endmacro %}
{% macro url_host(url) %}lower({{ url }}){% endmacro %}
{% macro url_path(url) %}lower({{ url }}){% endmacro %}
{% macro lake_rows(table) %}read_parquet('{{ table }}'){% endmacro %}
{% macro run_ledger(columns) %}read_json('{{ columns }}'){% endmacro %}
{% macro lake_files(table) %}read_parquet('{{ table }}'){% endmacro %}
{% macro page_loads_in_scope(scope) %}read_parquet('{{ scope }}'){% endmacro %}
{% macro beginning_of_time() %}date '0001-01-01'{% endmacro %}
{% macro end_of_time() %}date '9999-12-31'{% endmacro %}
{% macro open_end(column) %}nullif({{ column }}, date '9999-12-31'){% endmacro %}
{% macro versions(relation, key_column) %}select *, 1 as valid_from, 2 as valid_to from {{ relation }}{% endmacro %}
{% macro merged_spans(relation, columns, carried=[]) %}select {{ columns | join(", ") }}, 1 as valid_from from {{ relation }}{% endmacro %}
{% macro published(name) %}{{ name }}{% endmacro %}
{% macro accepted_rows(table) %}read_parquet('{{ table }}'){% endmacro %}
{% macro contains_item(items, item) %}list_contains({{ items }}, {{ item }}){% endmacro %}
{% macro plain_name(name) %}lower({{ name }}){% endmacro %}
{% macro school_cell(school_id, school_name) %}concat({{ school_id }}, {{ school_name }}){% endmacro %}
{% macro resolved_schools(cells, orgs) %}select * from {{ cells }} cross join {{ orgs }}{% endmacro %}
{% macro period_start(period, day) %}date_trunc('{{ period }}', {{ day }}){% endmacro %}
{% macro rolled_up(changes, keys, measures) %}select * from {{ changes }}{% endmacro %}
{% macro facts_in_scope(facts) %}select * from {{ facts }}{% endmacro %}
{% macro in_each_period(changes) %}select * from {{ changes }}{% endmacro %}
{% macro usable_seconds(seconds) %}stub{% endmacro %}
{% macro lake_path(path) %}stub{% endmacro %}
