{#- What the figures mean, each said once: the audit, `rollcall status` and the dashboard render these macros too. -#}

{% macro is_rostered() -%} roster_status = 'rostered' {%- endmacro %}

{% macro is_rostered_student() -%} user_type = 'student' and {{ is_rostered() }} {%- endmacro %}

{% macro percent(part, whole) -%}
    {#- NULL where there is nothing to be a part of. -#}
    100 * cast({{ part }} as double) / nullif({{ whole }}, 0)
{%- endmacro %}

{% macro roster_match_rate(rostered=none, users="count(distinct user_key)") -%}
    {#- `rostered` and `users` are counts of people; by default those of rows that have a user_key and a roster_status. -#}
    {{ percent(rostered or "count(distinct case when " ~ is_rostered() ~ " then user_key end)", users) }}
{%- endmacro %}

{% macro reach(rostered_users, rostered) -%}
    {{ percent(rostered_users, rostered) }}
{%- endmacro %}

{% macro pct_access(student_days, rostered_student_days) -%}
    {{ percent(student_days, rostered_student_days) }}
{%- endmacro %}

{% macro engagement_index(page_loads, rostered_student_days) -%}
    1000 * cast({{ page_loads }} as double) / nullif({{ rostered_student_days }}, 0)
{%- endmacro %}

{% macro holds_between(first, last) -%}
    {#- Whether a span of a mart (valid_to is exclusive; NULL: always so, or still so) holds on any of these days. -#}
    (valid_from is null or valid_from <= {{ last }}) and (valid_to is null or valid_to > {{ first }})
{%- endmacro %}
