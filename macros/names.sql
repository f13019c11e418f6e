{% macro generate_schema_name(custom_schema_name, node) -%}
    {#- Schemas are called as in dbt_project.yml, without the target's in front: readers rely on `marts`. -#}
    {%- set schema = custom_schema_name | trim if custom_schema_name else target.schema -%}
    {#- On Spark, marts alone are in the Iceberg catalog; what is before them is of the session. -#}
    {%- if target.type != "spark" or schema == "marts" -%} {{ schema }}
    {%- elif node.config.materialized == "view" -%} global_temp
    {%- else -%} spark_catalog.{{ schema }}
    {%- endif -%}
{%- endmacro %}
