{% materialization table, adapter="duckdb", supported_languages=["sql"] %}
    {#-
        A table, made where it will stay. dbt-duckdb's own makes it beside the old one and then renames both, for readers of the old
        one. The build files have no readers: what fails is thrown away whole. It saves three statements a table.
    -#}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target_relation = this.incorporate(type="table") -%}
    {{ run_hooks(pre_hooks) }}
    {%- if existing is not none %}{% do adapter.drop_relation(existing) %}{% endif -%}
    {% call statement("main") -%}
        {{ create_table_as(False, target_relation, compiled_code) }}
    {%- endcall %}
    {{ run_hooks(post_hooks) }}
    {% do persist_docs(target_relation, model) %}
    {% do adapter.commit() %}
    {{ return({"relations": [target_relation]}) }}
{% endmaterialization %}
