{#-
    Schools whose names differ by what people leave out or shorten (Oak Hill, Oak Hill Elem., Oak Hill ES) or by one letter. Numbers and
    single letters must agree, and the kind of school too unless one name has none: PS 101 and PS 102 are two schools, and so are
    Lincoln High and Lincoln Middle. A name is repeated only if one of its words says that it is a school's.
-#}
with words (word, meaning, says_kind) as (
    values
    ('school', '', false), ('schools', '', false), ('sch', '', false), ('schl', '', false), ('the', '', false), ('public', '', false),
    ('senior', '', false), ('sr', '', false), ('st', 'saint', false), ('ste', 'saint', false), ('mt', 'mount', false), ('ft', 'fort', false),
    ('elementary', 'elementary', true), ('elem', 'elementary', true), ('elm', 'elementary', true), ('ele', 'elementary', true),
    ('el', 'elementary', true), ('es', 'elementary', true), ('primary', 'primary', true), ('prim', 'primary', true),
    ('middle', 'middle', true), ('mid', 'middle', true), ('ms', 'middle', true), ('intermediate', 'intermediate', true),
    ('inter', 'intermediate', true), ('int', 'intermediate', true), ('is', 'intermediate', true),
    ('junior', 'junior', true), ('jr', 'junior', true), ('jhs', 'junior high', true), ('jh', 'junior high', true),
    ('high', 'high', true), ('hs', 'high', true), ('shs', 'high', true), ('academy', 'academy', true), ('acad', 'academy', true),
    ('preparatory', 'preparatory', true), ('prep', 'preparatory', true), ('charter', 'charter', true), ('magnet', 'magnet', true),
    ('center', 'center', true), ('centre', 'center', true), ('ctr', 'center', true), ('preschool', 'preschool', true),
    ('kindergarten', 'kindergarten', true), ('alternative', 'alternative', true), ('alt', 'alternative', true)
),

schools as (
    select *, row_number() over (order by of_template nulls first, row_number, school_name) as number
    from named_schools
    -- A column that holds something else than schools has as many values as rows, each like many others.
    where plain <> '' and (select count(*) from named_schools) <= 5000
),

tokens as (
    select number, unnest(tokens) as token, generate_subscripts(tokens, 1) as position
    from (
        select number, string_split_regex(lower(strip_accents(replace(school_name, '.', ''))), '[^\p{L}\p{N}]+') as tokens
        from schools
    )
),

read_words as (
    select tokens.number, tokens.position, coalesce(words.meaning, tokens.token) as word, words.word is not null as is_known,
        -- Elementary misspelled is no name.
        coalesce(words.says_kind, damerau_levenshtein(tokens.token, 'elementary') = 1) as says_kind
    from tokens
    left join words on tokens.token = words.word
    where tokens.token <> ''
),

names as (
    select
        schools.number,
        any_value(schools.school_id) as school_id,
        any_value(schools.plain) as plain,
        any_value(schools.row_number) as row_number,
        any_value(schools.of_template) as of_template,
        case when bool_or(read_words.is_known or read_words.says_kind) then any_value(schools.school_name) end as shown,
        coalesce(string_agg(word, '' order by position) filter (not says_kind), '') as own_name,
        coalesce(string_agg(word, ' ' order by position) filter (length(word) = 1 or regexp_matches(word, '[0-9]')), '') as marks,
        coalesce(string_agg(distinct case when is_known then word else 'elementary' end, ' ') filter (says_kind), '') as school_kind
    from schools
    inner join read_words on schools.number = read_words.number
    group by schools.number
),

pairs as (
    select one.number as one, other.number as other
    from names as one
    inner join names as other on one.own_name = other.own_name and one.marks = other.marks
    where one.school_kind = other.school_kind or one.school_kind = '' or other.school_kind = ''
    union
    select one.number as one, other.number as other
    from names as one
    inner join names as other
        on one.school_kind = other.school_kind and one.marks = other.marks and left(one.own_name, 1) = left(other.own_name, 1)
    where length(one.own_name) > 5 and damerau_levenshtein(one.own_name, other.own_name) = 1
)

select
    other.row_number, 'school_name' as column_name, null as value,
    coalesce('''' || one.shown || '''', 'the school') || coalesce(' in line ' || one.row_number, ' in the last list of ' || one.of_template)
    || ' and '
    || coalesce('''' || other.shown || '''', 'the school') || coalesce(' in line ' || other.row_number, ' in the last list of ' || other.of_template)
        as detail
from pairs
inner join names as one on pairs.one = one.number
inner join names as other on pairs.other = other.number
-- Each name once. Two ids are two schools, equal names are one, and what two earlier lists say is not this one's.
where one.number < other.number
    and one.plain <> other.plain
    and one.own_name <> ''
    and (one.school_id is null or other.school_id is null)
    and (one.of_template is null or other.of_template is null)
qualify row_number() over (partition by other.number order by one.number) = 1
