{% macro duckdb__persist_docs(relation, model, for_relation, for_columns) -%}
    {#-
        The comments of a mart in one statement. The contract has made sure that the columns are those of the model, so the
        catalog need not be asked; an increment goes on from a copy that has them.
    -#}
    {%- if config.persist_relation_docs() and not is_incremental() -%}
        {%- set comments = ["comment on table " ~ relation ~ " is " ~ duckdb_escape_comment(model.description)] -%}
        {%- for column in model.columns.values() -%}
            {%- do comments.append(
                "comment on column " ~ relation ~ "." ~ column.name ~ " is " ~ duckdb_escape_comment(column.description)
            ) -%}
        {%- endfor -%}
        {%- do run_query(comments | join(";\n")) -%}
    {%- endif -%}
{%- endmacro %}
