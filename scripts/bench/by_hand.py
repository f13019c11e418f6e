"""The yardstick: one hand-written DuckDB script from the same CSVs to the same marts.

For one roster delivery, one template of educators, one catalogue and one usage file, with no lake, no history, no checks, no tests, no audit and no
safety: `python by_hand.py LANDING_DISTRICT_FOLDER OUT.duckdb PII_KEY_HEX`. The benchmark holds its marts to the published ones.
"""

from __future__ import annotations

import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

import duckdb

from rollcall.intake import privacy, usage
from rollcall.paths import PROJECT


def csv(path: Path) -> str:
    return f"""read_csv('{path}', header = true, all_varchar = true, delim = ',', quote = '"', escape = '"')"""


def key(*parts: str) -> str:
    return f"cast('0x' || substr(md5(concat_ws(chr(31), {', '.join(parts)})), 1, 15) as bigint)"


def main(folder: Path, out: Path, pii_key: bytes) -> None:
    district = folder.name
    settings = tomllib.loads((folder / "district.toml").read_text())
    zone, domains = settings["time_zone"], ", ".join(f"'{domain}'" for domain in settings["email_domains"])
    roster, template, products, loads = (
        next(folder.glob(pattern)) for pattern in ("roster_*.zip", "educators_*.csv", "products_*.csv", "usage_*.csv")
    )
    day = roster.stem[-10:]
    with tempfile.TemporaryDirectory(dir=out.parent) as scratch, duckdb.connect(str(out)) as c:
        with zipfile.ZipFile(roster) as archive:
            archive.extractall(scratch)
        csvs = {path.stem: csv(path) for path in Path(scratch).glob("*.csv")}
        seeds = {path.stem: csv(path) for path in (PROJECT / "seeds").glob("*.csv")}
        c.execute(f"set memory_limit = '3GB'; set timezone = 'UTC'; set temp_directory = '{scratch}/spill'")
        c.execute("set preserve_insertion_order = false")
        for statement in privacy.macros(pii_key):
            c.execute(statement)
        # The one school year of the sample, from its roster.
        (first_day,) = c.execute(
            f"""select min("startDate") from {csvs["academicSessions"]} where type = 'schoolYear'"""
        ).fetchone()
        year_start = f"date '{first_day}'"
        paths = c.execute(
            f"""select split_part(url, '/', 1), regexp_extract(url, '/.*$') as prefix
            from (select regexp_replace(trim(unnest(string_split(url, ';'))), '^[a-z]+://', '') as url from {csv(products)})
            where prefix <> '' order by length(prefix) desc"""
        ).fetchall()
        c.execute(
            f"""
            create temp table org as
            select {key(f"'{district}'", '"sourcedId"')} as org_key, "sourcedId" as id, name, type, "parentSourcedId" as parent
            from {csvs["orgs"]};

            create temp table person_row as
            select "sourcedId" as id, {key(f"'{district}'", '"sourcedId"')} as row_key, u.role, r.user_type, r.user_type_rank,
                coalesce(r.is_staff = 'true', false) as is_staff, coalesce(r.is_on_roster = 'true', false) as is_on_roster,
                lower("enabledUser") = 'true' and coalesce(r.is_on_roster = 'true', false) as is_enabled,
                "orgSourcedIds" as orgs, grades, identifier, lower(email) as email, username,
                concat_ws(' ', "givenName", "familyName") as name, keyed_hash("sourcedId") as id_hash,
                keyed_hash(identifier) as identifier_hash, keyed_hash(lower(email)) as email_hash,
                keyed_hash(lower(username)) as username_hash, nullif(regexp_extract(lower(email), '@(.+)$', 1), '') as email_domain
            from {csvs["users"]} as u left join {seeds["roles"]} as r on u.role = r.role and r.oneroster_version = '1.1';

            -- Staff are one person by identifier, else by email (no mailbox is shared by different identifiers here).
            create temp table person as
            with by_identifier as (
                select id, identifier, email_hash,
                    case when is_staff and identifier is not null then min(id) over (partition by is_staff, identifier) else id end as anchor
                from person_row
            ),
            by_email as (
                select b.id, case when p.is_staff and b.email_hash is not null
                    then min(anchor) over (partition by p.is_staff, b.email_hash) else anchor end as anchor
                from by_identifier b join person_row p using (id)
            )
            select id, anchor, {key(f"'{district}'", "anchor")} as user_key from by_email;

            create temp table class_grade as
            select c."sourcedId" as class, o.org_key, a.grade_code
            from (
                select c.*, unnest(string_split(coalesce(c.grades, k.grades), ',')) as grade
                from {csvs["classes"]} c left join {csvs["courses"]} k on c."courseSourcedId" = k."sourcedId"
            ) c
            join org o on o.id = c."schoolSourcedId"
            left join {seeds["grade_aliases"]} a on lower(trim(c.grade)) = a.grade_alias;

            create temp table taught as
            select e."userSourcedId" as id, c.class, c.org_key, c.grade_code
            from (
                select * from {csvs["enrollments"]}
                where role <> 'student' and coalesce("beginDate", '{day}') <= '{day}' and coalesce("endDate", '9999') > '{day}'
            ) e
            join class_grade c on e."classSourcedId" = c.class
            where e."userSourcedId" in (select id from person_row where user_type = 'educator' and is_enabled);

            create temp table membership_row as
            with class_org as (
                select id, org_key, count(distinct class) as classes from taught group by all
            ),
            listed as (
                select p.id, p.role, generate_subscripts(string_split(p.orgs, ','), 1) as position,
                    trim(unnest(string_split(p.orgs, ','))) as org_id
                from person_row p where is_enabled
            ),
            listed_org as (
                select l.*, o.org_key, count(*) over (partition by l.id) as orgs
                from listed l join org o on l.org_id = o.id where not (l.role = 'administrator' and o.type = 'district')
            ),
            listed_grade as (
                select id, grade_code, count(*) over (partition by id) as grades
                from (
                    select distinct id, grade_code
                    from (select id, lower(trim(unnest(string_split(grades, ',')))) as grade from person_row where is_enabled)
                    join {seeds["grade_aliases"]} on grade = grade_alias
                )
            ),
            pair as (
                select l.id, l.role, l.org_key, g.grade_code, l.position,
                    case when g.grade_code is null then 6 when l.orgs > 1 and g.grades > 1 then 5 else 3 end as basis
                from listed_org l
                left join class_org c on l.id = c.id and l.org_key = c.org_key
                left join listed_grade g on l.id = g.id and l.id not in (select id from class_org)
                where c.org_key is null
            ),
            -- What a school's classes have, and its students where their lists say which school has which grade.
            served as (
                select org_key, grade_code from class_grade where grade_code is not null
                union
                select l.org_key, g.grade_code from listed_org l join listed_grade g using (id)
                where l.role = 'student' and (l.orgs = 1 or g.grades = 1)
            ),
            judged as (
                select p.*, s.org_key is null and p.org_key in (select org_key from served)
                    and count(s.org_key) over (partition by p.id, p.grade_code) > 0 as is_left_out
                from pair p left join served s using (org_key, grade_code) where basis = 5
            ),
            product as (
                select *, bool_or(is_left_out) over (partition by id) as is_cut,
                    bool_and(is_left_out) over (partition by id, org_key) as is_gone
                from judged
            )
            select distinct t.id, p.role, t.org_key, t.grade_code, 2 as basis, c.classes, null::bigint as position
            from taught t join class_org c using (id, org_key) join person_row p using (id)
            union all
            select id, role, org_key, grade_code, basis, 0, position from pair where basis <> 5
            union all
            select id, role, org_key, grade_code, if(is_cut, 4, 5), 0, position from product where not is_left_out
            union all
            select distinct id, role, org_key, null, 6, 0, position from product where is_gone
            union all
            -- The template's ids are the roster's here, and its schools and grades one a row.
            select t.sis_id, t.role, o.org_key, a.grade_code, 8, 0, 1
            from {csv(template)} t join org o on t.school_id = o.id
            left join {seeds["grade_aliases"]} a on lower(t.grade_level) = a.grade_alias;

            create table bridge_rows as
            with keyed as (
                select user_key, role, org_key, grade_code, min(basis) as basis, max(classes) as classes, min(position) as position
                from membership_row join person using (id) group by all
            ),
            defaulted as (
                select distinct user_key, 'administrator' as role, (select org_key from org where type = 'district') as org_key,
                    null::varchar as grade_code, 7 as basis, 0 as classes, 1 as position
                from person join person_row using (id)
                where role = 'administrator' and is_enabled
                    and user_key not in (select user_key from keyed where role = 'administrator')
            )
            select k.*, row_number() over (
                partition by user_key order by classes desc, case when classes = 0 then position end, o.id,
                    r.user_type_rank::int, k.role, g.sort_order::int nulls last
            ) = 1 as is_primary
            from (from keyed union all from defaulted) k
            join org o using (org_key)
            left join {seeds["roles"]} r on k.role = r.role and r.oneroster_version = '1.1'
            left join {seeds["grades"]} g using (grade_code);

            create table fct_memberships as
            select {key("user_key", "org_key", "coalesce(grade_code, '')", "role", f"'{day}'")} as membership_key, user_key, org_key,
                grade_code, role, ['', 'class_enrollment', 'listed', 'served_grades', 'cross_product', 'org_only', 'district_default', 'explicit_row'][basis] as pairing_basis,
                is_primary, date '{day}' as valid_from
            from bridge_rows;

            create temp table person_group as
            select user_key, {key("string_agg(r, ';' order by r)")} as membership_group_key
            from (select user_key, concat_ws(':', org_key, coalesce(grade_code, ''), role) as r from bridge_rows) group by user_key;

            create table bridge_membership_groups as
            select distinct membership_group_key, org_key, grade_code, role from bridge_rows join person_group using (user_key);

            create table dim_users as
            with best as (
                select p.user_key, p.anchor, r.*, row_number() over (partition by user_key order by user_type_rank, r.id) as rank,
                    max(r.is_enabled) over (partition by user_key) as any_enabled
                from person p join person_row r using (id)
            )
            select user_key, anchor as user_sourced_id, user_type, case when is_staff then name end as display_name,
                case when is_staff then email end as email, email_hash, any_enabled as is_enabled
            from best where rank = 1 and is_on_roster;

            create table bridge_user_identifiers as
            select user_key, kind as identifier_type, min(value) as identifier_value
            from person join (
                select id, 'sourcedId' as kind, id_hash as hash, case when is_staff then id else id_hash end as value from person_row
                union all select id, 'identifier', identifier_hash, case when is_staff then identifier else identifier_hash end from person_row
                union all select id, 'email', email_hash, case when is_staff then email else email_hash end from person_row
                union all select id, 'username', username_hash, case when is_staff then username else username_hash end from person_row
            ) using (id)
            where hash is not null group by user_key, kind, hash
            union all
            select user_key, unnest(['identifier', 'email']), unnest([sis_id, email])
            from (select distinct user_key, sis_id, lower(t.email) as email from {csv(template)} t join person on sis_id = id);

            create temp table event as
            select {usage._event_key()} as event_key, lower(trim(user_email)) as user_email, trim(user_id) as user_id, host, path_prefix,
                {usage._TIME} as moment, greatest(try_cast(duration_seconds as double), 0) as seconds
            from {usage.addressed(csv(loads), paths)};

            create temp table host as
            with host as (
                select distinct host, path_prefix from event
            ),
            address as (
                select product_id, {key(f"'{district}'", "'product'", "product_id")} as product_key,
                    regexp_replace(trim(unnest(string_split(url, ';'))), '^[a-z]+://', '') as url
                from {csv(products)}
            ),
            known as (
                select *, split_part(url, '/', 1) as address, regexp_extract(url, '/.*$') as prefix from address
            ),
            suffix as (
                select host, path_prefix, unnest(list_transform(range(1, len(string_split(host, '.')) + 1),
                    lambda i: array_to_string(string_split(host, '.')[i:], '.'))) as suffix
                from host
            ),
            matched as (
                select host, path_prefix, product_key, row_number() over (
                    partition by host, path_prefix order by length(address) desc, length(prefix) desc, product_id
                ) as rank
                from suffix join known on suffix = address and (prefix = '' or prefix = path_prefix)
            )
            select h.host, h.path_prefix, coalesce(m.product_key,
                {key(f"'{district}'", "'domain'", "array_to_string(string_split(h.host, '.')[-2:], '.')")}) as product_key
            from host h left join matched m on h.host = m.host and h.path_prefix = m.path_prefix and m.rank = 1;

            create temp table identity as
            with pair as (
                select user_email, user_id, nullif(user_email, '') as email, nullif(user_id, '') as uid from event
                where user_email <> '' or user_id <> '' group by all
            ),
            hashed as (
                select *, keyed_hash(email) as email_hash, keyed_hash(uid) as uid_hash,
                    case when split_part(email, '@', 2) in ({domains}) then keyed_hash(split_part(email, '@', 1)) end as local_hash
                from pair
            ),
            claim as (
                select id_hash as hash, 1 as kind, user_key from person_row join person using (id)
                union select identifier_hash, 1, user_key from person_row join person using (id)
                union select email_hash, 2, user_key from person_row join person using (id)
                union select username_hash, 3, user_key from person_row join person using (id)
            ),
            candidate as (
                select user_email, user_id, kind, user_key from hashed join claim on hash = uid_hash and kind = 1
                union select user_email, user_id, kind, user_key from hashed join claim on hash = email_hash and kind in (2, 3)
                union select user_email, user_id, kind, user_key from hashed join claim on hash = local_hash and kind = 3
            ),
            best as (
                select user_email, user_id, case when min(user_key) = max(user_key) then min(user_key) end as user_key
                from (from candidate qualify kind = min(kind) over (partition by user_email, user_id)) group by all
            )
            select h.user_email, h.user_id,
                case when b.user_email is not null or b.user_id is not null then b.user_key
                    else {key(f"'{district}'", "'usage'", "coalesce(h.email_hash, h.uid_hash)")} end as user_key
            from hashed h left join best b
                on h.user_email is not distinct from b.user_email and h.user_id is not distinct from b.user_id;

            create table fct_product_usage as
            with once as (
                select any_value(user_email) as user_email, any_value(user_id) as user_id, any_value(host) as host, any_value(path_prefix) as path_prefix,
                    any_value(moment) as moment, any_value(seconds) as seconds
                from event group by event_key
            )
            select timezone('{zone}', moment)::date as usage_date, i.user_key, h.product_key, g.membership_group_key,
                case when i.user_key is null then 'unidentified' when e.user_key is null then 'unrostered' else 'rostered' end as roster_status,
                count(*) as page_loads, sum(coalesce(seconds, 0)) as active_seconds, min(moment::timestamp) as first_seen_at,
                max(moment::timestamp) as last_seen_at
            from once
            join host h using (host, path_prefix)
            left join identity i
                on once.user_email is not distinct from i.user_email and once.user_id is not distinct from i.user_id
            left join person_group g on i.user_key = g.user_key
            left join (select user_key from dim_users where is_enabled) e on i.user_key = e.user_key
            group by all;

            create table fct_usage_days as
            select usage_date, sum(page_loads)::bigint as page_loads from fct_product_usage group by usage_date;

            create temp table typed as
            select f.*, coalesce(d.user_type, 'other') as user_type from fct_product_usage f left join dim_users d using (user_key);

            create table agg_inventory_usage as
            with monthly as (
                select date_trunc('month', usage_date)::date as period_start, user_key, product_key, user_type, roster_status,
                    membership_group_key, count(*) as active_days, sum(page_loads)::bigint as page_loads,
                    sum(active_seconds)::decimal(18, 3) as active_seconds
                from typed group by all
            )
            select 'week' as period, date_trunc('week', usage_date)::date as period_start, user_key, product_key, user_type,
                roster_status, membership_group_key, count(*) as active_days, sum(page_loads)::bigint as page_loads,
                sum(active_seconds)::decimal(18, 3) as active_seconds
            from typed group by all
            union all
            select 'month', * from monthly
            union all
            select 'school_year', {year_start} as year_start, user_key, product_key, user_type, roster_status, membership_group_key,
                count(*), sum(page_loads)::bigint, sum(active_seconds)::decimal(18, 3)
            from typed group by all;

            create table agg_inventory_users as
            with person_day as (
                select usage_date, user_key, user_type, roster_status, membership_group_key, sum(page_loads) as page_loads,
                    sum(active_seconds) as active_seconds
                from typed group by all
            )
            select period, case period when 'week' then date_trunc('week', usage_date)::date
                    when 'month' then date_trunc('month', usage_date)::date
                    else {year_start} end as period_start,
                user_key, user_type, roster_status, membership_group_key, count(*) as active_days,
                sum(page_loads)::bigint as page_loads, sum(active_seconds)::decimal(18, 3) as active_seconds
            from person_day, (select unnest(['week', 'month', 'school_year']) as period) group by all;

            create table agg_inventory_days as
            select usage_date, user_type, roster_status, membership_group_key, count(distinct user_key) as users,
                sum(page_loads)::bigint as page_loads, sum(active_seconds)::decimal(18, 3) as active_seconds
            from typed group by all;

            create table agg_product_days as
            select usage_date, product_key, count(user_key) as users, sum(page_loads)::bigint as page_loads,
                sum(active_seconds)::decimal(18, 3) as active_seconds
            from typed group by all;

            create table fct_roster_counts as
            select usage_date, user_type, membership_group_key, count(*) as rostered_users
            from dim_users left join person_group using (user_key), fct_usage_days where is_enabled group by all;
            """
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), bytes.fromhex(sys.argv[3]))
