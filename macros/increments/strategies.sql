{#- The three ways in which a mart goes on from its published rows. docs/increments.md shows when each is right. -#}

{#- replace_scope: what is in scope is deleted, then what was counted again is inserted -#}

{% macro get_incremental_replace_scope_sql(arguments) -%}
    {#-
        A model's config says what is in scope: `scope` names a model it refers to, and `replaces` is a list of {keys, where}:
        rows of the mart whose `keys` are among the scope's, of those of its rows for which `where` is true.
    -#}
    {%- set scope = ref(config.require("scope")) -%}
    {%- for replaced in config.require("replaces") %}
        delete from {{ arguments["target_relation"] }}
        where ({{ replaced["keys"] | join(", ") }}) in (
            select {{ replaced["keys"] | join(", ") }} from {{ scope }} where {{ replaced["where"] }}
        );
    {%- endfor %}
    {%- set columns = arguments["dest_columns"] | map(attribute="quoted") | join(", ") %}
    insert into {{ arguments["target_relation"] }} ({{ columns }})
    select {{ columns }} from {{ arguments["temp_relation"] }}
{%- endmacro %}

{#- roll_up: signed sums are added to the sums that are there -#}

{% macro rolled_up(changes, is_summed_by_day=false) -%}
    {#-
        The query of a roll_up model: `changes`, rows with the model's `keys` and signed measures, summed by those keys. The
        other columns of the contract are the measures, of which each sum has the contract's type. A sum of nothing is left out.
        With `laid_down_by`, rows come in the order in which they are read, so that a reader of a part skips the rest. Where the
        changes of a day are one row for each of the keys, `is_summed_by_day`, they are taken as they are if no day is added to
        another: in the order in which they were counted, on DuckDB, which is that of people.
    -#}
    {%- set keys = config.require("keys") -%}
    {%- set laid_down_by = config.get("laid_down_by") if target.type == "duckdb" or not is_incremental() -%}
    {%- set measures = [] -%}
    {%- for column in model.columns.values() if column.name not in keys %}{% do measures.append(column) %}{% endfor -%}
    {%- set is_taken_as_it_is = is_summed_by_day and days_stand_alone() -%}
    {%- if is_taken_as_it_is -%}
    select
        {{ keys | join(", ") }},
        {% for measure in measures -%}
        cast({{ measure.name }} as {{ measure.data_type }}) as {{ measure.name }}{{ ", " if not loop.last }}
        {% endfor %}
    from {{ changes }}
    where {% for measure in measures %}{{ measure.name }} <> 0{{ " or " if not loop.last }}{% endfor %}
    {%- elif laid_down_by and target.type == "duckdb" -%}
    {{ summed_by_number(changes, keys, measures) }}
    {%- else -%}
    {{ summed_by(changes, keys, measures) }}
    {%- endif %}
    {%- if laid_down_by and not (is_taken_as_it_is and target.type == "duckdb") %}
    order by {{ in_order(laid_down_by) }}
    {%- endif %}
{%- endmacro %}

{% macro days_stand_alone() -%}
    {#- Whether this build changes one day of each district, and takes nothing back of it, as most nights do: no two days are summed then. -#}
    {%- set scope, taken_back = ref("int_increments__scope"), ref("int_increments__taken_back") -%}
    {%- if not execute or flags.WHICH not in ("build", "run") -%} {{ return(false) }} {%- endif -%}
    {%- set several -%}
        select district_id
        from (
            select district_id, usage_date, 1 as sign from {{ scope }}
            union
            select district_id, usage_date, -1 as sign from {{ taken_back }}
        ) as days
        group by district_id
        having count(*) > 1
        limit 1
    {%- endset -%}
    {{ return(not run_query(several).rows) }}
{%- endmacro %}

{% macro in_order(columns) -%}
    {#- Rows that lie side by side agree in these. Which word comes first does not matter: numbers are sorted in half the time. -#}
    {%- for column in columns -%}
        {{ "hash(" ~ column ~ ")" if is_word(column) and target.type == "duckdb" else column }}{{ ", " if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{% macro is_word(column) -%}
    {{ return(model.columns[column].data_type == api.Column.translate_type("string")) }}
{%- endmacro %}

{% macro summed_by(rows, keys, measures) -%}
    select
        {{ keys | join(", ") }},
        {% for measure in measures -%}
        cast(sum({{ measure.name }}) as {{ measure.data_type }}) as {{ measure.name }}{{ ", " if not loop.last }}
        {% endfor %}
    from {{ rows }}
    group by {{ keys | join(", ") }}
    having {% for measure in measures %}sum({{ measure.name }}) <> 0{{ " or " if not loop.last }}{% endfor %}
{%- endmacro %}

{% macro summed_by_number(rows, keys, measures) -%}
    {#- The same sums, with one number for all the keys that are words: DuckDB groups millions of rows by numbers in half the time. -#}
    {%- set words, others = [], [] -%}
    {%- for key in keys -%}
        {%- do (words if is_word(key) else others).append(key) -%}
    {%- endfor -%}
    select
        {{ keys | join(", ") }},
        {{ measures | map(attribute="name") | join(", ") }}
    from (
        with words as (
            select *, row_number() over (order by {{ words | join(", ") }}) as words_number
            from (select distinct {{ words | join(", ") }} from {{ rows }}) as distinct_words
        ),

        numbered as (
            select words.words_number, rows_of_words.* exclude ({{ words | join(", ") }})
            from {{ rows }} as rows_of_words
            inner join words
                on {% for word in words %}rows_of_words.{{ word }} is not distinct from words.{{ word }}{{ " and " if not loop.last }}{% endfor %}
        ),

        totals as (
            {{ summed_by("numbered", ["words_number"] + others, measures) }}
        )

        select totals.*, words.* exclude (words_number)
        from totals
        inner join words on totals.words_number = words.words_number
    ) as named
{%- endmacro %}

{% macro get_incremental_roll_up_sql(arguments) -%}
    {#-
        Adds the new rows to those with the same `keys` (a model's config), and deletes a row when its `gone_without`, a
        measure that every row has something of, comes to nothing. `parts` is the key whose values are named one by one in the
        statement, so that the parts that do not change are passed over unread. A key of which the contract says not_null is
        compared with =, any other so that NULL equals NULL.
    -#}
    {%- set keys = config.require("keys") -%}
    {%- set parts = config.require("parts") -%}
    {%- set gone_without = config.require("gone_without") -%}
    {%- set columns = arguments["dest_columns"] | map(attribute="name") | list -%}
    {%- set changed_parts = run_query("select distinct " ~ parts ~ " from " ~ arguments["temp_relation"]).columns[0].values() -%}
    merge into {{ arguments["target_relation"] }} as total
    using {{ arguments["temp_relation"] }} as changed
        on (
            {%- if changed_parts %}
            total.{{ parts }} in (
                {%- for part in changed_parts %}cast('{{ part }}' as {{ model.columns[parts].data_type }}){{ ", " if not loop.last }}{% endfor -%}
            ) and
            {%- endif %}
            {%- for key in keys %}
            {%- set is_never_null = model.columns[key].constraints | selectattr("type", "equalto", "not_null") | list %}
            total.{{ key }} {{ "=" if is_never_null else "is not distinct from" }} changed.{{ key }}{{ " and" if not loop.last }}
            {%- endfor %}
        )
    when matched and total.{{ gone_without }} + changed.{{ gone_without }} = 0 then delete
    when matched then update set
        {% for column in columns if column not in keys -%}
        {{ column }} = total.{{ column }} + changed.{{ column }}{{ ", " if not loop.last }}
        {%- endfor %}
    when not matched then insert ({{ columns | join(", ") }})
        values ({% for column in columns %}changed.{{ column }}{{ ", " if not loop.last }}{% endfor %})
{%- endmacro %}

{#- replace_districts: districts whose rosters were derived again get their new rows, of which most are there already -#}

{% macro get_incremental_replace_districts_sql(arguments) -%}
    {#-
        Deletes what is derived again and the new rows do not have, and inserts what the mart does not have yet: an equal row is left
        alone, so that the file does not grow by it. Derived again is every row of the districts in scope. A mart whose config has
        `replaces`, a list of {columns, among, named}, has new rows of some people only in the other districts and in those that are
        derived in part: there, what is derived again are rows whose `columns` are among the `named` ones of the model `among`.
    -#}
    {%- set target = arguments["target_relation"] -%}
    {%- set columns = arguments["dest_columns"] | map(attribute="quoted") | list -%}
    {%- set replaces = config.get("replaces", []) -%}
    delete from {{ target }}
    where (
        district_id in (
            select district_id from {{ ref("int_increments__roster_scope") }}
            where is_in_scope
            {%- if replaces %} and district_id not in (select district_id from {{ ref("int_increments__roster_parts") }}){% endif %}
        )
        {%- for each in replaces %}
        or {{ each["columns"] }} in (select {{ each["named"] }} from {{ ref(each["among"]) }})
        {%- endfor %}
    )
    and not exists (
        select 1
        from {{ arguments["temp_relation"] }} as derived
        where {% for column in columns %}derived.{{ column }} is not distinct from {{ target }}.{{ column }}{{ " and " if not loop.last }}{% endfor %}
    );
    insert into {{ target }} ({{ columns | join(", ") }})
    select {{ columns | join(", ") }}
    from {{ arguments["temp_relation"] }} as derived
    where not exists (
        select 1
        from {{ target }} as there
        where {% for column in columns %}derived.{{ column }} is not distinct from there.{{ column }}{{ " and " if not loop.last }}{% endfor %}
    )
{%- endmacro %}
