{% macro generate_schema_name(custom_schema_name, node) -%}
    {#- Schemas are called as in dbt_project.yml, without the target's in front: readers rely on `marts`. -#}
    {{ custom_schema_name | trim if custom_schema_name else target.schema }}
{%- endmacro %}
