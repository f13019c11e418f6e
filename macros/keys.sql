{#- The one place that defines keys: the first 15 hex digits of the md5 of the natural key, as BIGINT. -#}

{% macro key(parts) -%}
    {#- NULL in, NULL out; parts are trimmed, and kept apart by a character that no export contains. -#}
    case
        when {% for part in parts %}{{ part }} is not null{{ " and " if not loop.last }}{% endfor %}
            then {{ md5_to_bigint("concat_ws(chr(31), " ~ trimmed(parts) ~ ")") }}
    end
{%- endmacro %}

{% macro trimmed(parts) -%}
    {%- for part in parts -%} {{ trim_text("cast(" ~ part ~ " as string)") }}{{ ", " if not loop.last }} {%- endfor -%}
{%- endmacro %}

{% macro key_of_hash(hash) -%}
    {#- A keyed hash is as good as the md5 of one: its own first 15 hex digits are its key. -#}
    {{ hex_to_bigint(hash) }}
{%- endmacro %}
