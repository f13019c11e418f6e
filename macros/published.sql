{% macro published(name) -%}
    {#-
        The mart `name` as the version that this build goes on from has it, or none where there is no such version.
        Not a ref: the mart itself is built later in the same run, from what is decided here.
    -#}
    {%- if execute and not flags.FULL_REFRESH -%}
        {{ return(adapter.get_relation(database=target.database, schema="marts", identifier=name)) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{% macro generate_schema_name(custom_schema_name, node) -%}
    {#- Schemas are called as in dbt_project.yml, without the target's in front: readers rely on `marts`. -#}
    {{ custom_schema_name | trim if custom_schema_name else target.schema }}
{%- endmacro %}

{% macro get_incremental_replace_scope_sql(arguments) -%}
    {#- Deletes what `replaces` (a model's config: conditions on the target) names, then inserts the new rows. -#}
    {%- for condition in config.require("replaces") %}
        delete from {{ arguments["target_relation"] }} where {{ condition }};
    {%- endfor %}
    {%- set columns = arguments["dest_columns"] | map(attribute="quoted") | join(", ") %}
    insert into {{ arguments["target_relation"] }} ({{ columns }})
    select {{ columns }} from {{ arguments["temp_relation"] }}
{%- endmacro %}
