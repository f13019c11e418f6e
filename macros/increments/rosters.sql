{#- Whose rosters a build derives again: int_increments__roster_scope decides, and nobody else's are read from the lake. -#}

{% macro in_roster_scope() -%}
    {#-
        A condition on rows of the lake: those of the districts in scope. They are named in the statement, so that the files of
        the others stay unopened. Elsewhere than in a build there is no scope yet, and every row is meant.
    -#}
    {%- set scope = ref("int_increments__roster_scope") -%}
    {%- if not execute or flags.WHICH not in ("build", "run", "test") -%} {{ return("true") }} {%- endif -%}
    {%- set in_scope = [] -%}
    {%- set carried_over = [] -%}
    {%- for district_id, is_in_scope in run_query("select district_id, is_in_scope from " ~ scope ~ " order by 1").rows -%}
        {%- do (in_scope if is_in_scope else carried_over).append(text_literal(district_id)) -%}
    {%- endfor -%}
    {{ return("district_id in (" ~ in_scope | join(", ") ~ ")" if in_scope and carried_over else "false" if carried_over else "true") }}
{%- endmacro %}

{% macro code_fingerprint() -%} {{ return(adapter.dispatch("code_fingerprint")()) }} {%- endmacro %}
{% macro default__code_fingerprint() -%}
    {#- Changes with the models, macros and seeds: what others have derived is derived again. Set by rollcall.lake_plugin. -#}
    cast(getvariable('rollcall_code') as string)
{%- endmacro %}
{% macro spark__code_fingerprint() -%}
    {#- Set by rollcall.engines.spark; Spark puts the value in as it reads the statement. -#}
    '${rollcall.code}'
{%- endmacro %}

{% macro roster_marts() -%}
    {#- The marts whose rows are carried over. What a district's rosters were derived from is said when all of them are made. -#}
    {{ return([
        "dim_districts", "dim_orgs", "dim_users", "bridge_user_sources", "bridge_user_identifiers", "bridge_user_groups",
        "bridge_membership_groups", "fct_memberships", "school_name_check", "fct_roster_counts", "bridge_usage_identities",
        "bridge_user_access",
    ]) }}
{%- endmacro %}
