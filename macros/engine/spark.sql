{#- What dbt does otherwise on Spark: where relations are, how seeds get there, and how a mart goes on from its published rows. -#}

{% macro text_literal(text) -%} {{ return(adapter.dispatch("text_literal")(text)) }} {%- endmacro %}
{% macro default__text_literal(text) -%} '{{ text | replace("'", "''") }}' {%- endmacro %}
{% macro spark__text_literal(text) -%} '{{ text | replace("\\", "\\\\") | replace("'", "\\'") }}' {%- endmacro %}

{% macro spark__create_schema(relation) -%}
    {#- Views are of the session, in a schema that is always there. -#}
    {%- if relation.schema != "global_temp" -%}
        {%- call statement("create_schema") -%} create schema if not exists {{ relation }} {%- endcall -%}
    {%- endif -%}
{%- endmacro %}

{% macro spark__list_relations_without_caching(relation) -%}
    {%- call statement("list_relations_without_caching", fetch_result=True) -%}
        {#- A view is made anew in each session: there is none that dbt need know of. -#}
        {%- if relation.schema == "global_temp" %}
        select '' as a, '' as b, '' as c, '' as d where false
        {%- else %}
        show table extended in {{ relation.schema }} like '*'
        {%- endif %}
    {%- endcall -%}
    {{ return(load_result("list_relations_without_caching").table) }}
{%- endmacro %}

{% macro spark__create_view_as(relation, sql) -%}
    {#- A view of the session: an Iceberg catalog of folders has none. -#}
    create or replace global temporary view {{ relation.identifier }} as
    {{ sql }}
{%- endmacro %}

{% macro spark__persist_docs(relation, model, for_relation, for_columns) -%}
    {#- A statement, and a commit, for each column: the published file has the comments, and the tables have none. -#}
{%- endmacro %}

{% macro spark__persist_constraints(relation, model) -%}
    {#- Neither Spark's tables nor Iceberg's enforce a contract's not_null: it is looked for, before anything goes on from there. -#}
    {%- set required = [] -%}
    {%- for column in model.columns.values() if column.constraints | selectattr("type", "equalto", "not_null") | list -%}
        {%- do required.append(column.name) -%}
    {%- endfor -%}
    {%- if required and config.get("contract").enforced -%}
        {%- set sql -%}
            select case {% for name in required %}when {{ name }} is null then '{{ name }}' {% endfor %}end
            from {{ relation }}
            where {% for name in required %}{{ name }} is null{{ " or " if not loop.last }}{% endfor %}
            limit 1
        {%- endset -%}
        {%- for (name,) in run_query(sql).rows -%}
            {%- do exceptions.raise_database_error("NOT NULL constraint failed: " ~ model.name ~ "." ~ name) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{% macro spark__partition_cols(label, required=false) -%}
    {#- Files of its own for each value that a build names: what it does not name is neither read nor written. -#}
    {%- if model.resource_type == "model" and config.get("materialized") == "incremental" %}
    {{ label }} ({{ config.get("parts", "district_id") }})
    {%- endif -%}
{%- endmacro %}

{% macro spark__load_csv_rows(model, agate_table) -%}
    {#- All rows as one text of JSON: Spark reads ten thousand values one by one for minutes, and a NULL as 'None' (dbt-spark#901). -#}
    {%- set kinds = model["config"]["column_types"] -%}
    {%- set rows = [] -%}
    {%- for row in agate_table.rows -%}
        {%- set cells = {} -%}
        {%- for name in agate_table.column_names -%}
            {%- do cells.update({name: none if row[name] is none else row[name] | string}) -%}
        {%- endfor -%}
        {%- do rows.append(cells) -%}
    {%- endfor -%}
    {%- set sql -%}
        insert into {{ this }}
        select {% for name in agate_table.column_names %}cast({{ name }} as {{ kinds[name] }}) as {{ name }}{{ ", " if not loop.last }}{% endfor %}
        from (
            select inline(from_json(
                {{ text_literal(tojson(rows)) }},
                'array<struct<{% for name in agate_table.column_names %}{{ name }}: string{{ ", " if not loop.last }}{% endfor %}>>'
            ))
        )
    {%- endset -%}
    {%- do adapter.add_query(sql, abridge_sql_log=True) -%}
    {{ return("-- " ~ rows | length ~ " rows") }}
{%- endmacro %}

{% materialization incremental, adapter="spark", supported_languages=["sql"] -%}
    {#-
        As dbt-spark's own, but for three things: a table that is built anew is replaced and not dropped, since its tags are the
        published versions; what was derived is a table, since a view would be computed again at each use; and the strategies
        are this project's, each a list of statements.
    -#}
    {%- set target_relation = this.incorporate(type="table") -%}
    {{ run_hooks(pre_hooks) }}
    {%- if load_cached_relation(this) is none or should_full_refresh() -%}
        {%- call statement("main") -%} {{ create_table_as(False, target_relation, compiled_code) }} {%- endcall -%}
        {%- do persist_constraints(target_relation, model) -%}
    {%- else -%}
        {%- set derived = api.Relation.create(
            schema="spark_catalog.intermediate", identifier=this.identifier ~ "__derived", type="table"
        ) -%}
        {%- call statement("create_derived") -%}
            create table {{ derived }} using parquet as
            {{ compiled_code }}
        {%- endcall -%}
        {%- do persist_constraints(derived, model) -%}
        {%- do process_schema_changes(config.get("on_schema_change"), derived, target_relation) -%}
        {%- set columns = model.columns.values() | map(attribute="name") | list -%}
        {%- set strategies = {
            "replace_scope": spark_replace_scope, "replace_districts": spark_replace_districts, "roll_up": spark_roll_up,
        } -%}
        {%- for sql in strategies[config.get("incremental_strategy")](target_relation, derived, columns) -%}
            {%- do run_query(sql) -%}
        {%- endfor -%}
        {%- call statement("main") -%} drop table {{ derived }} {%- endcall -%}
    {%- endif -%}
    {{ run_hooks(post_hooks) }}
    {{ return({"relations": [target_relation]}) }}
{%- endmaterialization %}

{% macro has_rows(relation) -%}
    {{ return(run_query("select 1 from " ~ relation ~ " limit 1").rows | length > 0) }}
{%- endmacro %}

{% macro insert_all(target_relation, derived, columns) -%}
    insert into {{ target_relation }} ({{ columns | join(", ") }})
    select {{ columns | join(", ") }} from {{ derived }}
{%- endmacro %}

{% macro spark_replace_scope(target_relation, derived, columns) -%}
    {%- set scope = ref(config.require("scope")) -%}
    {%- set parts = config.get("parts") -%}
    {%- set statements = [] -%}
    {%- for replaced in config.require("replaces") -%}
        {%- set named = run_query(
            "select distinct " ~ (parts or "district_id") ~ " from " ~ scope ~ " where " ~ replaced["where"]
        ).columns[0].values() -%}
        {%- if named -%}
            {%- set sql -%}
                delete from {{ target_relation }}
                where
                    {% if parts -%} {{ in_parts(parts, named) }} and {% endif -%}
                    ({{ replaced["keys"] | join(", ") }}) in (
                        select {{ replaced["keys"] | join(", ") }} from {{ scope }} where {{ replaced["where"] }}
                    )
            {%- endset -%}
            {%- do statements.append(sql) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if has_rows(derived) -%} {%- do statements.append(insert_all(target_relation, derived, columns)) -%} {%- endif -%}
    {{ return(statements) }}
{%- endmacro %}

{% macro in_parts(column, values) -%}
    {{ column }} in (
        {%- for value in values %}cast('{{ value }}' as {{ model.columns[column].data_type }}){{ ", " if not loop.last }}{% endfor -%}
    )
{%- endmacro %}

{% macro spark_roll_up(target_relation, derived, columns) -%}
    {%- if not has_rows(derived) -%} {{ return([]) }} {%- endif -%}
    {{ return([get_incremental_roll_up_sql({
        "target_relation": target_relation, "temp_relation": derived, "dest_columns": model.columns.values() | list,
    })]) }}
{%- endmacro %}

{% macro spark_replace_districts(target_relation, derived, columns) -%}
    {#- What goes and what comes is found first; on most days it is nothing, and the table stays as it is. -#}
    {%- set scope = ref("int_increments__roster_scope") -%}
    {%- set districts = [] -%}
    {%- for (district_id,) in run_query(
        "select district_id from " ~ scope ~ " where is_in_scope union select district_id from " ~ derived
    ).rows -%}
        {%- do districts.append(text_literal(district_id)) -%}
    {%- endfor -%}
    {%- if not districts -%} {{ return([]) }} {%- endif -%}
    {%- set named -%} district_id in ({{ districts | join(", ") }}) {%- endset -%}
    {%- set changes = derived.incorporate(path={"identifier": derived.identifier ~ "_changes"}) -%}
    {%- do run_query("drop table if exists " ~ changes) -%}
    {%- set sql -%}
        create table {{ changes }} using parquet as
        select 'gone' as change, gone.* from (
            select {{ columns | join(", ") }} from {{ target_relation }}
            where {{ named }} and (
                district_id in (select district_id from {{ scope }} where is_in_scope)
                {%- for each in config.get("replaces", []) %}
                or {{ each["columns"] }} in (select {{ each["named"] }} from {{ ref(each["among"]) }})
                {%- endfor %}
            )
            except
            select {{ columns | join(", ") }} from {{ derived }}
        ) as gone
        union all
        select 'come' as change, come.* from (
            select {{ columns | join(", ") }} from {{ derived }}
            except
            select {{ columns | join(", ") }} from {{ target_relation }} where {{ named }}
        ) as come
    {%- endset -%}
    {%- do run_query(sql) -%}
    {%- if not has_rows(changes) -%} {{ return(["drop table " ~ changes]) }} {%- endif -%}
    {%- set merge -%}
        merge into {{ target_relation }} as there
        using {{ changes }} as changes
            on changes.change = 'gone' and there.{{ named }}
            {%- for column in columns %} and there.{{ column }} <=> changes.{{ column }}{% endfor %}
        when matched then delete
        when not matched and changes.change = 'come' then insert ({{ columns | join(", ") }})
            values ({% for column in columns %}changes.{{ column }}{{ ", " if not loop.last }}{% endfor %})
    {%- endset -%}
    {{ return([merge, "drop table " ~ changes]) }}
{%- endmacro %}

{% macro on_days_of(scope, column="usage_date", days=["usage_date"]) -%}
    {{ return(adapter.dispatch("on_days_of")(scope, column, days)) }}
{%- endmacro %}
{% macro default__on_days_of(scope, column, days) -%} true {%- endmacro %}
{% macro spark__on_days_of(scope, column, days) -%}
    {#- Named one by one, the days are found without opening the files of others; joined, they are not. -#}
    {%- if not execute or flags.FULL_REFRESH or flags.WHICH not in ("build", "run", "test") -%} {{ return("true") }} {%- endif -%}
    {%- set named = [] -%}
    {%- for (day,) in run_query("select distinct explode(array(" ~ days | join(", ") ~ ")) as day from " ~ scope ~ " order by 1").rows -%}
        {%- do named.append("date '" ~ day ~ "'") -%}
    {%- endfor -%}
    {{ return(column ~ " in (" ~ named | join(", ") ~ ")" if named else "false") }}
{%- endmacro %}
