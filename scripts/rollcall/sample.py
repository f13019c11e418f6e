"""A realistic, invented district: rosters, catalog and usage, the same bytes for the same seed.

Everything is a function of (seed, purpose, number) through md5, so DuckDB streams it and nothing is kept of it in memory
but the list of people.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from rollcall.files import quote
from rollcall.rules import schema

DISTRICT = "maplewood"
DOMAIN = "maplewood.k12.example"
ZONE = ZoneInfo("America/Chicago")
_GIVEN = [
    "Ada",
    "Amir",
    "Ana",
    "Ben",
    "Bo",
    "Carla",
    "Chen",
    "Dara",
    "Diego",
    "Ella",
    "Emre",
    "Fatima",
    "Finn",
    "Grace",
    "Hana",
    "Hugo",
    "Ida",
    "Ivan",
    "Jade",
    "Jonas",
    "Kai",
    "Lena",
    "Leo",
    "Lucia",
    "Mae",
    "Malik",
    "Mia",
    "Nadia",
    "Noah",
    "Nora",
    "Omar",
    "Otis",
    "Pia",
    "Priya",
    "Quinn",
    "Rosa",
    "Ravi",
    "Sami",
    "Sara",
    "Tariq",
    "Tess",
    "Theo",
    "Uma",
    "Vera",
    "Wei",
    "Yara",
    "Zoe",
]
_FAMILY = [
    "Abara",
    "Adler",
    "Baker",
    "Bianchi",
    "Castro",
    "Chandra",
    "Cohen",
    "Dahl",
    "Diaz",
    "Eze",
    "Farouk",
    "Fischer",
    "Garcia",
    "Greene",
    "Haddad",
    "Hansen",
    "Ito",
    "Ivanov",
    "Jensen",
    "Kaur",
    "Khan",
    "Kim",
    "Kowalski",
    "Lam",
    "Lopez",
    "Mbeki",
    "Mehta",
    "Moreau",
    "Nguyen",
    "Novak",
    "Okafor",
    "Olsen",
    "Park",
    "Patel",
    "Quist",
    "Reyes",
    "Rossi",
    "Sato",
    "Silva",
    "Sorensen",
    "Tanaka",
    "Torres",
    "Ueda",
    "Varga",
    "Vogel",
    "Walsh",
    "Weber",
    "Yilmaz",
    "Young",
    "Zhang",
]
_SCHOOL_WORDS = [
    "Oak",
    "Cedar",
    "Maple",
    "Birch",
    "Willow",
    "Aspen",
    "Elm",
    "Juniper",
    "Laurel",
    "Spruce",
    "Hazel",
    "Linden",
]
_PLACES = ["Hill", "Creek", "Park", "Valley", "Ridge", "Grove", "Lake", "Field"]
# (name, provider, urls, sector, function): several share a host and differ by path or by the longer host.
_KNOWN = [
    ("Google Docs", "Google", "https://docs.google.com/document", "Productivity", "Collaboration"),
    ("Google Forms", "Google", "https://docs.google.com/forms;https://forms.gle", "Productivity", "Assessment"),
    ("Google Workspace", "Google", "https://docs.google.com;https://drive.google.com", "Productivity", "Collaboration"),
    ("Google Classroom", "Google", "https://classroom.google.com", "Learning", "Learning management"),
    ("Google Search", "Google", "https://google.com", "Reference", "Search"),
    ("Numbernest", "Numbernest Inc", "https://app.numbernest.example", "Mathematics", "Practice"),
    ("Numbernest Teacher", "Numbernest Inc", "https://teach.numbernest.example", "Mathematics", "Lesson planning"),
    ("Readwell", "Readwell", "https://readwell.example;https://cdn.readwell.example", "Language arts", "Reading"),
    ("Labtable", "Openlab", "https://labtable.example", "Science", "Simulation"),
    ("Mapmakers", "Openlab", "https://maps.openlab.example", "Social studies", "Reference"),
]
_SECTORS = ["Mathematics", "Language arts", "Science", "Social studies", "Languages", "Arts", "Productivity"]
_FUNCTIONS = ["Practice", "Reading", "Assessment", "Simulation", "Reference", "Collaboration"]
_STATUSES = ["approved", "approved", "approved", "under review", "not approved"]
_LEVELS = [
    ("Elementary School", ["KG", "01", "02", "03", "04", "05"]),
    ("Elementary School", ["KG", "01", "02", "03", "04", "05"]),
    ("Elementary School", ["PK", "KG", "01", "02", "03", "04", "05"]),
    ("Middle School", ["06", "07", "08"]),
    ("High School", ["09", "10", "11", "12"]),
]
_SUBJECTS = ["Mathematics", "English", "Science", "History"]
_CATALOGUED = 120
_HOSTS = 200  # visited hosts: the catalogue's, then a tail that no catalogue lists
_EVERYWHERE = 7  # the first of them: what every school uses


def school_days(start: date, days: int) -> list[date]:
    """The first `days` weekdays from `start` on."""
    found, day = [], start
    while len(found) < days:
        if day.weekday() < 5:
            found.append(day)
        day += timedelta(1)
    return found


def make(
    folder: Path, users: int, days: int, seed: int, start: date, events_per_day: int | None = None
) -> Iterator[str]:
    """Writes the district's landing folder into `folder`, yielding the name of each file when it is complete.

    Roster deliveries are dated the first school day and, where there are three days or more, a third and two thirds on.
    """
    target = folder / DISTRICT
    target.mkdir(parents=True, exist_ok=True)
    (target / "district.toml").write_text(
        f'name = "Maplewood Unified School District"\ntime_zone = "{ZONE.key}"\nemail_domains = ["{DOMAIN}"]\n'
        "# A sample gets no newer data. Without this line, `rollcall status` would ask for it.\n"
        "freshness_days = {oneroster = 0, products = 0, usage = 0}\n",
        "utf-8",
    )
    calendar = school_days(start, days)
    with (
        tempfile.TemporaryDirectory(prefix="rollcall-sample-") as scratch,
        duckdb.connect(config={"temp_directory": scratch}) as connection,
    ):
        _people(connection, users, seed)
        phases = sorted({0, days // 3, 2 * days // 3}) if days >= 3 else [0]
        for phase, index in enumerate(phases):
            name = f"roster_{calendar[index]}.zip"
            _roster(connection, Path(scratch), target / name, phase, start)
            yield name
        _products(connection, target / f"products_{calendar[0]}.csv", seed)
        yield f"products_{calendar[0]}.csv"
        _adoption(connection)
        for number, day in enumerate(calendar):
            name = f"usage_{day}.csv"
            events = events_per_day or round(10 * users * _busy(day, number / days, seed))
            _usage(connection, target / name, day, events, users, seed, is_late=number >= days * 2 // 3)
            yield name


def _values(name: str, rows: list[tuple], connection: duckdb.DuckDBPyConnection, columns: str) -> None:
    connection.execute(f"create table {name} ({columns})")
    connection.executemany(f"insert into {name} values ({', '.join('?' * len(rows[0]))})", rows)


def _people(c: duckdb.DuckDBPyConnection, users: int, seed: int) -> None:
    c.execute(f"create macro rnd(purpose, n) as (md5_number(concat('{seed}', purpose, n)) % 1000003)::double / 1000003")
    c.execute("create macro pick(list, purpose, n) as list[1 + floor(rnd(purpose, n) * len(list))::int]")
    c.execute("create macro school_id(k) as format('SCH{:04d}', k)")
    count = max(5, round(users / 550 / 5) * 5)
    schools = []
    for k in range(count):
        level, grades = _LEVELS[k % 5]
        word, place = _SCHOOL_WORDS[k % 12], _PLACES[(k // 12 + k) % 8]
        number = f" {k // 96 + 1}" if k >= 96 else ""
        schools.append((k, f"{word} {place}{number} {level}", grades))
    _values("named", schools, c, "k int, name varchar, grades varchar[]")
    c.execute("create table school as select k, school_id(k) as id, name, grades from named order by k")
    given, family = f"[{', '.join(map(quote, _GIVEN))}]", f"[{', '.join(map(quote, _FAMILY))}]"
    c.execute(
        f"""create table person as
        with base as (
            select i::int as i,
                case when i % 100 < 89 then 'student' when i % 100 < 97 then 'teacher' when i % 100 = 97 then 'aide'
                    when i % 100 = 98 then 'administrator' else 'parent' end as role,
                floor(rnd('school', i) * {count})::int as k,
                pick({given}, 'given', i) as given, pick({family}, 'family', i) as family,
                rnd('move', i) as move, rnd('join', i) as joins, rnd('leave', i) as leaves
            from range({users}) as r(i)
        )
        select base.*, left(upper(role), 1) || lpad((100000 + i)::varchar, 8, '0') as id,
            lower(given || '.' || family) || i as username,
            pick(grades, 'grade', i) as grade,
            case when k % 5 < 3 then k - k % 5 + (k % 5 + 1) % 3 else (k + 5) % {count} end as next_k,
            case when role = 'teacher' then
                list_distinct([k] || case when rnd('second', i) < 0.12 then [(k + 1) % {count}] else [] end
                    || case when rnd('third', i) < 0.03 then [(k + 2) % {count}] else [] end)
                else [k] end as ks,
            -- A few students go to the school next door, too: another of their level, or from the middle to the high school.
            case when role = 'student' and k % 5 in (0, 1, 3) and rnd('shared', i) < 0.02 then k + 1 end as shared_k,
            role = 'teacher' and rnd('split', i) < 0.02 as is_split,
            role = 'teacher' and rnd('classes', i) >= 0.1 and rnd('split', i) >= 0.02 as has_classes,
            role = 'administrator' and rnd('central', i) < 0.4 as is_central,
            role = 'teacher' and rnd('head', i) < 0.02 as is_also_administrator,
            rnd('disabled', i) >= 0.01 as is_enabled
        from base inner join school using (k)
        order by i"""
    )
    c.execute(
        """create table class as
        with numbered as (
            select i, j::int as j, ks[1 + j % len(ks)] as k from person, range(1 + floor(rnd('load', i) * 5)::int) as r(j)
            where has_classes
        ),
        graded as (
            select numbered.*, 'CLS' || i || '-' || j as id, school.id as school_id, school.grades,
                1 + floor(rnd('class_grade', i || '-' || j % len(school.grades)) * len(school.grades))::int as g
            from numbered inner join school using (k)
        )
        select *, grades[g] as grade, 1 + (i + j) % 4 as subject,
            case when rnd('blank', id) < 0.06 then null
                when rnd('two', id) < 0.1 and g < len(grades) then grades[g] || ',' || grades[g + 1]
                else grades[g] end as grade_list
        from graded order by i, j"""
    )
    c.execute("create table class_list as select k, grade, list(id order by i, j) as ids from class group by k, grade")
    c.execute(
        """create table visible as
        select i, row_number() over (order by i) - 1 as n from person where role <> 'parent' order by i"""
    )


def _roster(c: duckdb.DuckDBPyConnection, scratch: Path, target: Path, phase: int, start: date) -> None:
    year = start.year if start.month >= 7 else start.year - 1
    first, last = f"{year}-08-18", f"{year + 1}-06-12"
    winter, spring = f"{year}-12-19", f"{year + 1}-01-05"
    subjects = f"[{', '.join(map(quote, _SUBJECTS))}]"
    present = f"""(select *,
            case when ({phase} >= 1 and move < 0.02) or ({phase} >= 2 and move < 0.03) then next_k else k end as now_k
        from person
        where role <> 'student' or ((joins >= 0.01 or {phase} >= 1) and (leaves >= 0.01 or {phase} < 2)))"""
    queries = {
        "orgs.csv": """select 'DIST' as "sourcedId", null, null, 'Maplewood Unified School District', 'district', null, null
            union all select id, null, null, name, 'school', null, 'DIST' from school""",
        "academicSessions.csv": f"""values
            ('TERM-Y', null, null, '{year}-{year + 1}', 'schoolYear', '{first}', '{last}', null, '{year + 1}'),
            ('TERM-F', null, null, 'Fall', 'semester', '{first}', '{winter}', 'TERM-Y', '{year + 1}'),
            ('TERM-S', null, null, 'Spring', 'semester', '{spring}', '{last}', 'TERM-Y', '{year + 1}')""",
        "courses.csv": f"""select 'CRS-' || grade || '-' || s, null, null, 'TERM-Y', {subjects}[s] || ' ' || grade,
                {subjects}[s] || grade, grade, 'DIST', {subjects}[s], null
            from (select distinct unnest(grades) as grade from school), range(1, 5) as r(s) order by 1""",
        "classes.csv": f"""select id, null, null, {subjects}[subject] || ' ' || grade || ' ' || j, grade_list,
                'CRS-' || grade || '-' || subject, null, 'scheduled', null, school_id, 'TERM-F,TERM-S', {subjects}[subject],
                null, j + 1
            from class""",
        "users.csv": f"""with now as (select p.*, s.id as school_id from {present} as p inner join school as s on s.k = p.now_k)
            select id, null, null, is_enabled::varchar as enabled,
                case when is_central then 'DIST'
                    when len(ks) > 1 then array_to_string(list_transform(ks, lambda each: school_id(each)), ', ')
                    when shared_k <> now_k then school_id || ', ' || school_id(shared_k)
                    else school_id end as orgs,
                role, username, null as user_ids, given, family, null as middle,
                case when role in ('teacher', 'administrator', 'aide') then 'E' || (500000 + i)
                    when role = 'student' then (7000000 + i)::varchar end as identifier,
                case when role <> 'parent' then username || '@{DOMAIN}' end as email, null as sms,
                case when role in ('student', 'parent') then '555-' || lpad((i % 10000)::varchar, 4, '0') end as phone, null as agents,
                case when role = 'student' then grade
                    when role = 'aide' then grade
                    when role = 'teacher' and not has_classes then
                        case when len(ks) > 1 then '03, 06' else grade end end as grades,
                null as password
            from now where not is_split
            union all
            select p.id || '-' || n, null, null, p.is_enabled::varchar, s.id, 'teacher', p.username || '-' || n, null, p.given,
                p.family, null, 'E' || (500000 + i), p.username || '@{DOMAIN}', null, null, null, s.grades[1], null
            from (select *, unnest(ks) as own_k, generate_subscripts(ks, 1) as n from person where is_split) as p
            inner join school as s on s.k = p.own_k
            union all
            select 'H' || substr(id, 2), null, null, is_enabled::varchar, school_id, 'administrator', username || '-admin', null,
                given, family, null, null, username || '@{DOMAIN}', null, null, null, null, null
            from now where is_also_administrator
            order by 1""",
        "enrollments.csv": f"""with now as (select * from {present}),
            student as (
                select now.id, now.i, coalesce(l.ids, []) as ids
                from now left join class_list as l on l.k = now.now_k and l.grade = now.grade where role = 'student'
            ),
            taken as (
                select id, i, j, ids[1 + (floor(rnd('taken', i) * len(ids))::int + j) % len(ids)] as class_id
                from student, range(6) as r(j) where j < len(ids)
            )
            select 'ENR-' || class.id || '-T', null, null, class.id, school_id, person.id, 'teacher', 'true', '{first}',
                case when rnd('fall_only', class.id) < 0.1 then '{winter}' else '{last}' end
            from class inner join person using (i)
            union all
            select 'ENR-' || taken.i || '-' || taken.j || '-' || class.k, null, null, class.id, class.school_id, taken.id,
                'student', null, '{first}', '{last}'
            from taken inner join class on class.id = taken.class_id
            order by 1""",
        "demographics.csv": f"""select id, null, null, (date '2008-01-01' + (i % 3650)::int)::varchar,
                case when i % 2 = 0 then 'female' else 'male' end, 'false', 'false', 'false', 'false', 'false', 'false', 'false',
                null, null, null, null
            from {present} where role = 'student' order by 1""",
    }
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        manifest = ["propertyName,value", "manifest.version,1.0", "oneroster.version,1.1"]
        manifest += [
            f"file.{schema.table_name(name)},{'bulk' if name in queries else 'absent'}"
            for name in schema.oneroster_files("1.1")
            if name != "manifest.csv"
        ]
        manifest += ["source.systemName,Rollcall sample", "source.systemCode,sample"]
        _add(archive, "manifest.csv", "\n".join(manifest).encode() + b"\n")
        for name, query in queries.items():
            columns = ", ".join(f'"{column.name}"' for column in schema.oneroster_files("1.1")[name])
            file = scratch / name
            c.execute(f"copy (select * from ({query}) as rows({columns})) to {quote(file)} (format csv, header)")
            _add(archive, name, file)
            file.unlink()


def _add(archive: zipfile.ZipFile, name: str, content: bytes | Path) -> None:
    """Adds an entry with a fixed time, so that the same seed gives the same bytes."""
    info = zipfile.ZipInfo(name, (2025, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    with archive.open(info, "w", force_zip64=True) as sink:
        if isinstance(content, bytes):
            sink.write(content)
        else:
            with content.open("rb") as source:
                shutil.copyfileobj(source, sink, 1 << 20)


def _products(c: duckdb.DuckDBPyConnection, target: Path, seed: int) -> None:
    rows = [
        (f"P{n:03d}", *product, "approved", "agreement signed")
        for n, product in enumerate(_KNOWN, 1)
    ]  # fmt: skip
    for n in range(len(_KNOWN) + 1, _CATALOGUED + 1):
        name = f"{_SCHOOL_WORDS[n % 12]}{_PLACES[(n // 12) % 8].lower()}"
        rows.append(
            (
                f"P{n:03d}", f"{name} {n}", f"{name} Ltd", f"https://{name.lower()}{n}.example", _SECTORS[n % 7],
                _FUNCTIONS[(n * 5 + seed) % 6], _STATUSES[n % 5], ["agreement signed", "pending", "none"][n % 3],
            )
        )  # fmt: skip
    columns = ", ".join(f'"{column}" varchar' for column in schema.PRODUCT_COLUMNS)
    _values("catalogue", [(p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]) for p in rows], c, columns)
    c.execute(f"copy (select * from catalogue order by product_id) to {quote(target)} (format csv, header)")
    urls = [url for row in rows for url in row[3].split(";")]
    hosts = [(n, url.removeprefix("https://")) for n, url in enumerate(urls)]
    hosts += [(n, f"www.site{n}.example") for n in range(len(urls), _HOSTS)]
    _values("address", hosts, c, "n int, address varchar")


def _busy(day: date, through: float, seed: int) -> float:
    """How busy a day is, around 1: weekdays differ, no day is quite like another, and use grows through the weeks."""
    return (
        [0.96, 1.04, 1.08, 1.02, 0.84][day.weekday()]
        * random.Random(f"{seed} {day}").uniform(0.93, 1.07)
        * (0.9 + 0.2 * through)
    )


def _adoption(c: duckdb.DuckDBPyConnection) -> None:
    """Ten products for each school and grade: some the level has in common, some the school, some the grade alone."""
    c.execute(
        f"""create table adopted as
        select k, grade, slot::int as slot, (
                {_EVERYWHERE} + floor({_HOSTS - _EVERYWHERE} * power(rnd('adopted', case
                    when slot < 4 then concat('level ', least(k % 5, 3), ' ', slot) when slot < 8 then concat('school ', k, ' ', slot)
                    else concat('grade ', k, ' ', grade, ' ', slot) end), 2))
            )::int as host_n
        from (select k, unnest(grades) as grade from school), range(10) as r(slot)
        order by k, grade, slot"""
    )


def _usage(
    c: duckdb.DuckDBPyConnection, target: Path, day: date, events: int, users: int, seed: int, *, is_late: bool
) -> None:
    offset = f"{datetime(day.year, day.month, day.day, 12, tzinfo=ZONE):%z}"
    offset = f"{offset[:3]}:{offset[3:]}"
    # Who is online that day: the younger the fewer, fewer on Fridays, and one in twenty-five never.
    c.execute(
        f"""create or replace temp table online as
        select row_number() over (order by i) - 1 as n, person.*
        from visible inner join person using (i)
        where rnd('never', i) >= 0.04 and rnd('online {day}', i) < {0.9 if day.weekday() == 4 else 1.0} * case
            when role <> 'student' then 0.9 when grade in ('PK', 'KG') then 0.3 when grade in ('01', '02') then 0.5
            when grade in ('03', '04', '05') then 0.72 else 0.87 end"""
    )
    (online,) = c.execute("select count(*) from online").fetchone()
    c.execute(
        f"""copy (
            with event as (
                -- One event in a thousand arrives twice, as collectors that retry make it.
                select e - (e % 1000 = 999)::int as e, md5(concat('{seed}', '{day}', e - (e % 1000 = 999)::int)) as id
                from range({events}) as r(e)
            ),
            drawn as (
                select e, id,
                    ('0x' || substr(id, 1, 6))::int / 16777216.0 as r1, ('0x' || substr(id, 7, 6))::int / 16777216.0 as r2,
                    ('0x' || substr(id, 13, 6))::int / 16777216.0 as r3, ('0x' || substr(id, 19, 6))::int / 16777216.0 as r4
                from event
            ),
            chosen as (
                -- A third goes to what everybody has, most to what the school and grade have adopted, the rest anywhere.
                select *, floor({online} * power(r1, 1.6))::int as n,
                    case when r2 < 0.3 then floor({_EVERYWHERE} * power(r2 / 0.3, 1.5))::int
                        when r2 >= 0.94 then floor({_HOSTS} * (r2 - 0.94) / 0.06)::int end as any_host_n,
                    floor(10 * power(least(greatest(r2 - 0.3, 0) / 0.64, 0.999), 1.5))::int as slot,
                    -- Most of the day's use falls into school hours, the rest into the evening.
                    case when r3 < 0.85 then 28800 + r3 / 0.85 * 27000 else 55800 + (r3 - 0.85) / 0.15 * 19800 end as second
                from drawn
            ),
            visited as (
                select chosen.*, online.username, online.id as person_id, online.is_split, coalesce(any_host_n, host_n) as host_n
                from chosen
                inner join online on online.n = chosen.n
                inner join adopted on adopted.k = online.k and adopted.grade = online.grade and adopted.slot = chosen.slot
            )
            select
                strftime(timestamp '{day}' + to_microseconds((second * 1000000)::bigint), '%Y-%m-%dT%H:%M:%S.%g') || '{offset}'
                    as occurred_at,
                case when r4 < 0.01 then null
                    when r4 < 0.03 then 'guest' || floor(r1 * {users} / 40)::int || '@mail.example'
                    when r4 < 0.08 then null
                    else username || '@{DOMAIN}' end as user_email,
                case when r4 < 0.03 then null when r4 < 0.18 and not is_split then person_id end as user_id,
                'https://' || address || '/' || substr(visited.id, 1, 8) || '?s=' || substr(visited.id, 9, 4) as url,
                1 + floor(r1 * r2 * 240)::int as duration_seconds,
                visited.id as event_id,
                'chrome-extension' as collector
            from visited
            -- Some products come into use late.
            inner join address on address.n = case when host_n % 23 = 11 and not {is_late} then 0 else host_n end
        ) to {quote(target)} (format csv, header)"""
    )
