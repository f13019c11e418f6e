{#- What a build goes on from: the marts of the version before, as sources with a fallback for where there is none. -#}

{% macro has_published(name) -%}
    {#- Whether the candidate holds the mart `name` as the last version had it, for this build to go on from. -#}
    {%- if not execute or flags.FULL_REFRESH -%} {{ return(false) }} {%- endif -%}
    {%- set any = source("published", "fct_product_usage") -%}
    {{ return(adapter.get_relation(database=any.database, schema=any.schema, identifier=name) is not none) }}
{%- endmacro %}

{% macro published(name, only_with=[]) -%}
    {#-
        The mart `name` as the last version has it, for a FROM: or a table without rows that has its columns, where there is no
        last version, or it lacks one of the marts `only_with`.
    -#}
    {%- set before = source("published", name) -%}
    {%- set found = namespace(all=has_published(name)) -%}
    {%- for other in only_with if not has_published(other) %}{% set found.all = false %}{% endfor -%}
    {%- if found.all or not execute -%}
        {{ before }}
    {%- else -%}
        {#- The types are those of the mart's contract, which is the one place that says them. -#}
        {%- set mart = graph.nodes["model." ~ project_name ~ "." ~ name] -%}
        (
            select
                {% for column in mart.columns.values() -%}
                cast(null as {{ column.data_type }}) as {{ column.name }}{{ ", " if not loop.last }}
                {% endfor %}
            where false
        )
    {%- endif -%}
{%- endmacro %}

{% macro counted_marts() -%}
    {#- What the last version's usage was counted with: all of it, or nothing, since a part would leave the rest as it is, unseen. -#}
    {{ return([
        "fct_usage_days", "bridge_usage_identities", "bridge_product_hosts", "fct_product_usage", "agg_product_days",
    ]) }}
{%- endmacro %}

{% macro in_partitions_of(scope) -%} {{ return(adapter.dispatch("in_partitions_of")(scope)) }} {%- endmacro %}
{% macro default__in_partitions_of(scope) -%}
    {#-
        A condition on the lake's page loads: those of the partitions in scope, of accepted deliveries. DuckDB leaves the files
        of other partitions unopened when districts and days are named in the statement, and not when they are joined.
    -#}
    {%- if not execute or flags.WHICH not in ("build", "run", "test") -%} {{ return("false") }} {%- endif -%}
    {%- set all_partitions = run_query(
        "select count(*) from " ~ ref("int_usage__partitions") ~ " as partitions "
        ~ "anti join " ~ scope ~ " as scope on partitions.district_id = scope.district_id "
        ~ "and partitions.usage_date = scope.usage_date"
    ).columns[0].values()[0] == 0 -%}
    {%- set conditions = [] -%}
    {%- if not all_partitions -%}
        {%- set conditions = run_query(
            "select '(district_id = ''' || replace(district_id, '''', '''''') || ''' and usage_date in (' "
            ~ "|| string_agg(distinct 'date ''' || cast(usage_date as string) || '''', ', ') || '))' "
            ~ "from " ~ scope ~ " group by district_id order by district_id"
        ).columns[0].values() | list -%}
    {%- endif -%}
    {%- set refused = run_query(
        "select '''' || replace(files.file_path, '''', '''''') || '''' "
        ~ "from " ~ ref("stg_extension__page_load_files") ~ " as files "
        ~ "anti join " ~ ref("int_deliveries__accepted") ~ " as accepted "
        ~ "on files.district_id = accepted.district_id and files.delivery_id = accepted.delivery_id "
        ~ "where files.usage_date > " ~ beginning_of_time() ~ " order by 1"
    ).columns[0].values() | list -%}
    {%- if all_partitions -%} true
    {%- else -%} ({{ conditions | join(" or ") or "false" }})
    {%- endif -%}
    {%- if refused %} and file_path not in ({{ refused | join(", ") }}){% endif %}
{%- endmacro %}
{% macro spark__in_partitions_of(scope) -%}
    {#- The same condition; Spark, too, lists and opens only the folders that are named. -#}
    {%- if not execute or flags.WHICH not in ("build", "run", "test") -%} {{ return("false") }} {%- endif -%}
    {%- set all_partitions = run_query(
        "select count(*) from " ~ ref("int_usage__partitions") ~ " as partitions "
        ~ "anti join " ~ scope ~ " as scope on partitions.district_id = scope.district_id "
        ~ "and partitions.usage_date = scope.usage_date"
    ).columns[0].values()[0] == 0 -%}
    {%- set days = {} -%}
    {%- if not all_partitions -%}
        {%- for district_id, day in run_query(
            "select district_id, cast(usage_date as string) as day from " ~ scope ~ " group by 1, 2 order by 1, 2"
        ).rows -%}
            {%- do days.setdefault(text_literal(district_id), []).append("'" ~ day ~ "'") -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set conditions = [] -%}
    {%- for district, named in days.items() -%}
        {%- do conditions.append("(district_id = " ~ district ~ " and cast(usage_date as string) in (" ~ named | join(", ") ~ "))") -%}
    {%- endfor -%}
    {%- set refused = [] -%}
    {%- for (file_path,) in run_query(
        "select files.file_path from " ~ ref("stg_extension__page_load_files") ~ " as files "
        ~ "anti join " ~ ref("int_deliveries__accepted") ~ " as accepted "
        ~ "on files.district_id = accepted.district_id and files.delivery_id = accepted.delivery_id order by 1"
    ).rows -%}
        {%- do refused.append(text_literal(file_path)) -%}
    {%- endfor -%}
    {%- if all_partitions -%} true
    {%- else -%} ({{ conditions | join(" or ") or "false" }})
    {%- endif -%}
    {%- if refused %} and file_path not in ({{ refused | join(", ") }}){% endif %}
{%- endmacro %}
