"""`make bench`: the refresh beside one hand-written DuckDB script that makes the same marts, and what a further day costs.

Everything is generated here and timed in this run; the marts of both are held to each other. `--quick` leaves the larger
tiers out, `--only PART` runs one part. `--code` is the checkout whose `rollcall` is timed, this one if not given:
`make bench ONLY=nightly BASE=<commit>` times the commit first and then this checkout. Figures are wall-clock seconds of whole
processes, and the peak memory of the process and its children.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
from by_hand import csv

SOURCE = Path(__file__).parents[2] / "scripts"  # of the `rollcall` that is timed
ROOMS = ("landing", "archive", "lake", "build", "warehouse", "quarantine", "state")
# Columns of the published marts that the script by hand makes too: the same rows, or the benchmark says which differ.
COMPARED = {
    "fct_memberships": "membership_key, user_key, org_key, grade_code, role, pairing_basis, is_primary, valid_from",
    "bridge_membership_groups": "membership_group_key, org_key, grade_code, role",
    "dim_users": "user_key, user_sourced_id, user_type, display_name, email, email_hash, is_enabled",
    "bridge_user_identifiers": "user_key, identifier_type, identifier_value",
    "fct_product_usage": (
        "usage_date, user_key, product_key, membership_group_key, roster_status, page_loads, active_seconds, "
        "first_seen_at, last_seen_at"
    ),
    "fct_usage_days": "usage_date, page_loads",
    "agg_inventory_usage": (
        "period, period_start, user_key, product_key, user_type, roster_status, membership_group_key, active_days, "
        "page_loads, active_seconds"
    ),
    "agg_inventory_users": (
        "period, period_start, user_key, user_type, roster_status, membership_group_key, active_days, page_loads, "
        "active_seconds"
    ),
    "agg_inventory_days": "usage_date, user_type, roster_status, membership_group_key, users, page_loads, active_seconds",
    "agg_product_days": "usage_date, product_key, users, page_loads, active_seconds",
    "fct_roster_counts": "usage_date, user_type, membership_group_key, rostered_users",
}


# The script has no table of people who are seen in usage only, and looks at one day: what begins when classes end is not its.
_KNOWN_BY_HAND = {
    "dim_users": "is_rostered",
    "fct_memberships": "is_current",
    "bridge_membership_groups": """membership_group_key in (
        select membership_group_key from a.marts.bridge_user_groups
        where valid_from is null)""",
}


@dataclass
class Timed:
    seconds: float
    peak_gb: float
    output: str
    processor: float  # seconds of it, children included: what a machine that is busy with other things changes least


def timed(command: list[str], environment: dict[str, str], code: int = 0, cwd: Path | None = None) -> Timed:
    """Runs a command; its time, its output, and the most memory that it and its children held together."""
    os.sync()  # what was written before is not this command's to wait for
    environment = environment | {"PYTHONPATH": str(SOURCE)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started, peak, used = time.perf_counter(), 0, {}
    process = subprocess.Popen(
        command, env=environment, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.2):
            now = dict(_tree(process.pid))
            peak = max(peak, sum(memory for memory, _ in now.values()))
            used.update({pid: processor for pid, (_, processor) in now.items()})

    watcher = threading.Thread(target=watch)
    watcher.start()
    output, error = process.communicate()
    done.set()
    watcher.join()
    if process.returncode != code:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}\n{output}\n{error}")
    took, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    # Spark's own process outlives the one that has started it, so that nobody is given its account: then the samples have more.
    return Timed(took, peak / 2**30, output, max(processor, sum(used.values())))


def _tree(pid: int, starter: bytes = b"") -> Iterator[tuple[int, tuple[int, float]]]:
    """Of a process and all below it: (resident bytes, processor seconds). Nothing where /proc is not there or a process is gone."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        children = [file.read_text().split() for file in Path(f"/proc/{pid}/task").glob("*/children")]
    except (OSError, IndexError):
        return
    if b"/java\0" in command and command == starter:
        resident = 0  # it is about to become another program, and has Java's own memory until then
    yield pid, (resident, sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"))
    for child in (int(child) for listed in children for child in listed):
        yield from _tree(child, command)


class House:
    def __init__(self, root: Path):
        self.root = root
        rooms = {f"ROLLCALL_{name.upper()}": str(root / name) for name in ROOMS}
        self.environment = os.environ | rooms | {"ROLLCALL_SETTLE_SECONDS": "0"}
        self.landing = root / "landing" / "maplewood"
        self.landing.mkdir(parents=True)

    def refresh(self) -> tuple[Timed, dict]:
        result = timed([sys.executable, "-m", "rollcall", "refresh", "--json"], self.environment, cwd=self.root)
        return result, json.loads(result.output)

    def give(self, *files: Path) -> None:
        for file in files:
            os.link(file, self.landing / file.name)


def sample(folder: Path, users: int, days: int, events: int) -> Path:
    command = [sys.executable, "-m", "rollcall", "sample", str(folder), "--users", str(users), "--days", str(days)]
    timed([*command, "--events", str(events)], dict(os.environ))
    return folder / "maplewood"


def add_template(landing: Path) -> None:
    """A template in which every tenth teacher of the roster has a row for each of two more schools."""
    (roster,) = landing.glob("roster_*.zip")
    with zipfile.ZipFile(roster) as archive, tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        archive.extract("users.csv", folder)
        archive.extract("orgs.csv", folder)
        connection.execute(
            f"""copy (
                with school as (
                    select "sourcedId" as id, row_number() over (order by "sourcedId") as n, count(*) over () as schools
                    from {csv(Path(folder) / "orgs.csv")} where type = 'school'
                )
                select "sourcedId" as sis_id, "givenName" as first_name, "familyName" as last_name, email, role,
                    school.id as school_id, '' as school_name, '03' as grade_level
                from (
                    select *, row_number() over (order by "sourcedId") as number
                    from {csv(Path(folder) / "users.csv")}
                    where role = 'teacher' and "enabledUser" = 'true'
                ) as teacher, range(2) as r(another)
                inner join school on school.n = 1 + (number + another) % schools
                where number % 10 = 0
                order by sis_id, school_id
            ) to '{landing / roster.name.replace("roster", "educators").replace(".zip", ".csv")}' (header)"""
        )


def differing(published: Path, by_hand: Path) -> list[str]:
    """The marts in which the two differ."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{published}' as a (read_only); attach '{by_hand}' as b (read_only)")
        found = []
        for mart, columns in COMPARED.items():
            known = _KNOWN_BY_HAND.get(mart, "true")
            left = f"select {columns} from a.marts.{mart} where {known}"
            right = f"select {columns} from b.main.{mart}"
            (rows,) = connection.execute(
                f"select count(*) from (({left} except all {right}) union all ({right} except all {left}))"
            ).fetchone()
            if rows:
                found.append(f"{mart} ({rows:,} rows)")
        return found


def tier(root: Path, name: str, users: int, events: int) -> None:
    made = sample(root / f"{name}-made", users, 1, events)
    add_template(made)
    house = House(root / name)
    house.give(*made.iterdir())
    refresh, run = house.refresh()
    out = root / f"{name}.duckdb"
    key = (house.root / "lake" / ".pii_key").read_text()
    script = Path(__file__).with_name("by_hand.py")
    hand = timed([sys.executable, str(script), str(made), str(out), key], dict(os.environ))
    nothing, _ = house.refresh()
    differences = differing(house.root / "warehouse" / "rollcall.duckdb", out)
    stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in run["seconds"].items())
    print(f"\n{name}: {users:,} people, {events:,} page loads, from files to published, cold build")
    print(f"  refresh              {refresh.seconds:7.1f} s   peak {refresh.peak_gb:.1f} GB   ({stages})")
    print(f"  script by hand       {hand.seconds:7.1f} s   peak {hand.peak_gb:.1f} GB")
    print(
        f"  ratio                {refresh.seconds / hand.seconds:7.2f}     beyond 1.5 x by hand: {refresh.seconds - 1.5 * hand.seconds:+.1f} s"
    )
    print(f"  refresh, no change   {nothing.seconds:7.2f} s")
    print(f"  the same marts       {'yes' if not differences else 'NO: ' + ', '.join(differences)}")
    shutil.rmtree(made.parent)
    shutil.rmtree(house.root)
    out.unlink()
    if differences:
        sys.exit(1)


def further_day(root: Path, users: int, events: int, long: int) -> None:
    """One more day on a long history, against one more on a short history; of three such days, the quickest."""
    made = sample(root / "days-made", users, long + 3, events)
    usage = sorted(made.glob("usage_*.csv"))
    others = [path for path in made.iterdir() if path not in usage]
    seconds = {}
    for name, days in (("short", 2), ("long", long)):
        house = House(root / name)
        house.give(*others, *usage[-3 - days : -3])
        house.refresh()
        took = []
        for day in usage[-3:]:
            house.give(day)
            took.append(house.refresh()[0].seconds)
        seconds[name] = min(took)
        shutil.rmtree(house.root)
    print(f"\none more day: {users:,} people, {events:,} page loads a day")
    print(f"  after 2 days         {seconds['short']:7.1f} s")
    print(f"  after {long:3} days       {seconds['long']:7.1f} s")
    print(f"  ratio                {seconds['long'] / seconds['short']:7.2f}")


def interactions(root: Path, name: str, users: int, days: int, events: int, limit: int) -> None:
    """A month of use on the dashboard: from a filter's change to the painted figures."""
    made = sample(root / f"{name}-made", users, days, events)
    house = House(root / name)
    house.give(*made.iterdir())
    shutil.rmtree(made.parent)
    house.refresh()
    with duckdb.connect(str(house.root / "warehouse" / "rollcall.duckdb"), read_only=True) as connection:
        (rows,) = connection.execute("select count(*) from marts.fct_product_usage").fetchone()
    print(f"\ndashboard, {name}: {users:,} people, {rows:,} person-product-days (aim: {limit} ms)")
    pages(house, 200, [""])
    pages(house, 40, PAGES[1:])
    shutil.rmtree(house.root)


def check(root: Path) -> None:
    """`rollcall check` of a small zip: nearly all of it is the start of a process."""
    made = sample(root / "check-made", 300, 1, 100)
    (roster,) = made.glob("roster_*.zip")
    took = [timed([sys.executable, "-m", "rollcall", "check", str(roster)], dict(os.environ)) for _ in range(5)]
    best = min(took, key=lambda one: one.seconds)
    print(f"\ncheck of a zip of {roster.stat().st_size / 1024:.0f} KB, the quickest of 5 (aim: 3 s)")
    print(f"  check                {best.seconds:7.2f} s   processor {best.processor:.2f} s")
    shutil.rmtree(made.parent)


def nightly(root: Path) -> None:
    """What a small district's nights cost: the first, the quickest of five further days, and one on which nothing comes."""
    made = sample(root / "nightly-made", 2000, 6, 20_000)
    usage = sorted(made.glob("usage_*.csv"))
    house = House(root / "nightly")
    house.give(*(path for path in made.iterdir() if path not in usage[1:]))
    first, _ = house.refresh()
    days, runs = [], []
    for day in usage[1:]:
        house.give(day)
        took, run = house.refresh()
        days.append(took)
        runs.append(run["seconds"])
    nothing = min((house.refresh()[0] for _ in range(3)), key=lambda one: one.seconds)
    best = min(days, key=lambda one: one.seconds)
    stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in runs[days.index(best)].items())
    print("\nnightly: 2,000 people, 20,000 page loads a day")
    print(f"  first refresh        {first.seconds:7.2f} s   processor {first.processor:.2f} s")
    print(f"  further day          {best.seconds:7.2f} s   processor {best.processor:.2f} s   ({stages})")
    print(f"  refresh, no change   {nothing.seconds:7.2f} s   processor {nothing.processor:.2f} s   (aim: 0.5 s)")
    shutil.rmtree(made.parent)
    shutil.rmtree(house.root)


def _large_roster(target: Path, users: int, enrollments: int, moved: str = "false") -> None:
    """A valid OneRoster 1.1 zip of that size: orgs, users, courses, classes and enrollments, each row as a SIS writes it.

    The students for whom `moved` holds, a condition on their number n, are a grade further.
    """
    schools, a_class = max(users // 600, 1), 25
    classes = enrollments // a_class
    tables = {
        "orgs": f"""select 'D' as "sourcedId", '' as status, '' as "dateLastModified", 'District' as name, 'district' as type,
                '' as identifier, '' as "parentSourcedId"
            union all select 'S' || n, '', '', 'School ' || n, 'school', n::varchar, 'D' from range({schools}) as r(n)""",
        "academicSessions": """select 'Y' as "sourcedId", '' as status, '' as "dateLastModified", '2025-2026' as title,
            'schoolYear' as type, '2025-08-18' as "startDate", '2026-05-29' as "endDate", '' as "parentSourcedId", '2026' as "schoolYear" """,
        "users": f"""select 'U' || n as "sourcedId", '' as status, '' as "dateLastModified", 'true' as "enabledUser",
                'S' || n % {schools} as "orgSourcedIds", case when n % 16 = 0 then 'teacher' else 'student' end as role,
                'u' || n as username, '' as "userIds", 'Given' || n % 997 as "givenName", 'Family' || n % 1009 as "familyName",
                '' as "middleName", n::varchar as identifier, 'u' || n || '@largefield.example' as email, '' as sms, '' as phone,
                '' as "agentSourcedIds", lpad((1 + (n + ({moved})::int) % 12)::varchar, 2, '0') as grades, '' as password
            from range({users}) as r(n)""",
        "courses": """select 'C' as "sourcedId", '' as status, '' as "dateLastModified", '' as "schoolYearSourcedId", 'Course' as title,
            '' as "courseCode", '' as grades, 'D' as "orgSourcedId", '' as subjects, '' as "subjectCodes" """,
        "classes": f"""select 'K' || n as "sourcedId", '' as status, '' as "dateLastModified", 'Class ' || n as title,
                lpad((1 + n % 12)::varchar, 2, '0') as grades, 'C' as "courseSourcedId", '' as "classCode", 'scheduled' as "classType",
                '' as location, 'S' || n % {schools} as "schoolSourcedId", 'Y' as "termSourcedIds", '' as subjects,
                '' as "subjectCodes", '' as periods
            from range({classes}) as r(n)""",
        # The people of a class are those of its school, one in `a_class` of them its teacher.
        "enrollments": f"""select 'E' || n as "sourcedId", '' as status, '' as "dateLastModified", 'K' || class as "classSourcedId",
                'S' || class % {schools} as "schoolSourcedId", 'U' || person as "userSourcedId",
                case when person % 16 = 0 then 'teacher' else 'student' end as role, 'false' as "primary",
                '2025-08-18' as "beginDate", '2026-05-29' as "endDate"
            from (
                select n, n // {a_class} as class,
                    (class % {schools} + {schools} * ((class // {schools} * {a_class} + n % {a_class}) % ({users} // {schools}))) as person
                from range({enrollments}) as r(n)
            )""",
    }  # fmt: skip
    listed = (
        *tables,
        "categories",
        "classResources",
        "courseResources",
        "demographics",
        "lineItems",
        "resources",
        "results",
    )
    lines = ["propertyName,value", "manifest.version,1.0", "oneroster.version,1.1", "source.systemName,bench", "source.systemCode,bench"]  # fmt: skip
    lines += [f"file.{name},{'bulk' if name in tables else 'absent'}" for name in listed]
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=target.parent.parent) as folder,
        duckdb.connect() as connection,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
    ):
        archive.writestr("manifest.csv", "\n".join(lines) + "\n")
        for name, query in tables.items():
            file = Path(folder) / f"{name}.csv"
            connection.execute(f"copy ({query}) to '{file}' (header)")
            archive.write(file, file.name)


def large_check(root: Path) -> None:
    """`rollcall check` of a million users and seven million enrollments."""
    roster = root / "largefield" / "roster_2025-09-02.zip"
    _large_roster(roster, 1_000_000, 7_000_000)
    took = timed([sys.executable, "-m", "rollcall", "check", "--json", str(roster)], dict(os.environ))
    verdict = json.loads(took.output)["verdict"]
    print(f"\ncheck of 1,000,000 users and 7,000,000 enrollments, {roster.stat().st_size / 2**20:.0f} MB: {verdict}")
    print(
        f"  check                {took.seconds:7.1f} s   peak {took.peak_gb:.1f} GB   processor {took.processor:.1f} s   (aims: 40 s, 4 GB)"
    )
    shutil.rmtree(roster.parent)


def _usage(target: Path, users: int, events: int, day: str) -> Path:
    """A day of page loads by people of `_large_roster`, of whom every third uses anything, with 200 products."""
    with duckdb.connect() as connection:
        connection.execute(
            f"""copy (
                select '{day}T' || lpad((8 + n % 8)::varchar, 2, '0') || ':' || lpad((n % 60)::varchar, 2, '0') || ':00Z' as occurred_at,
                    'u' || person || '@largefield.example' as user_email, 'U' || person as user_id,
                    'https://p' || hash(n) % 200 || '.example/' as url, 5 + n % 300 as duration_seconds, '{day}-' || n as event_id,
                    'extension' as collector
                from (select n, 3 * (hash(n, '{day}') % ({users} // 3)) as person from range({events}) as r(n))
            ) to '{target}' (header)"""
        )
    return target


def largest_nights(root: Path) -> None:
    """A million people: the first roster, a further day of use, and a day on which one in a hundred students moves up."""
    users = 1_000_000
    made = root / "largest-made"
    made.mkdir()
    house = House(root / "largest")
    days = [f"2025-09-0{n}" for n in range(2, 6)]
    for number, day in ((0, days[0]), (2, days[2])):
        _large_roster(made / f"roster_{day}.zip", users, users, f"n % 100 = {number}" if number else "false")
        if not number:
            house.give(made / f"roster_{day}.zip")
    print("\n1,000,000 people, 400,000 page loads a day")
    for name, day in zip(("first roster", "further day", "roster, 1 % moved", "further day"), days, strict=True):
        house.give(_usage(made / f"usage_{day}.csv", users, 400_000, day))
        if name.startswith("roster"):
            house.give(made / f"roster_{day}.zip")
        _night(house, name)
    shutil.rmtree(made)
    shutil.rmtree(house.root)


def _night(house: House, name: str) -> Timed:
    took, run = house.refresh()
    stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in run["seconds"].items())
    size = (house.root / "warehouse" / "rollcall.duckdb").stat().st_size / 2**20
    print(
        f"  {name:20} {took.seconds:7.1f} s   processor {took.processor:6.1f} s   peak {took.peak_gb:.1f} GB   file {size:5.0f} MB   ({stages})",
        flush=True,
    )
    return took


def many_districts(root: Path, districts: int = 300, users: int = 3_000) -> None:
    """A service agency: the first build, a night in which ten districts have a new roster, and one in which all have; and one district alone."""
    made = root / "many-made"
    made.mkdir()
    names = [f"district{n:03}" for n in range(districts)]
    days = {"first build": "2025-09-02", "ten with a roster": "2025-09-03", "all with a roster": "2025-09-04"}
    for number, day in enumerate(days.values()):
        _large_roster(made / f"roster_{day}.zip", users, users, f"n % 100 < {number}")
        _usage(made / f"usage_{day}.csv", users, 5_000, day)
    seconds = {}
    for house, members in ((House(root / "alone"), names[:1]), (House(root / "many"), names)):
        shutil.rmtree(house.landing)
        print(f"\n{len(members)} districts of {users:,} people, 5,000 page loads a day in each")
        for name, day in days.items():
            for district in members[:10] if name.startswith("ten") else members:
                folder = house.root / "landing" / district
                folder.mkdir(parents=True, exist_ok=True)
                for kind in ("roster", "usage"):
                    (file,) = made.glob(f"{kind}_{day}.*")
                    os.link(file, folder / file.name)
            seconds[len(members), name] = _night(house, name).seconds
        shutil.rmtree(house.root)
    ten, alone = seconds[districts, "ten with a roster"], seconds[1, "ten with a roster"]
    print(f"  ten of {districts} against one district alone: {ten / alone:.2f}")
    shutil.rmtree(made)


PAGES = ["", "schools", "review", "coverage", "members", "quality", "product", "school", "wall", "compare"]


def pages(house: House, changes: int, names: list[str]) -> None:
    """So many changes of a filter on each of these pages, and what else there is to do there, in milliseconds."""
    script = Path(__file__).with_name("interactions.py")
    took = json.loads(timed([sys.executable, str(script), str(changes), *names], house.environment).output)
    print(
        f"  {changes} changes a page: milliseconds; `blocked` is the longest stretch in which the browser does nothing else"
    )
    print(
        "  page        median    p95  answered p95  server CPU  blocked  first figures  blocked  kB sent  arrive  blocked longest by"
    )
    for name, told in took.items():
        label, longest = max(told["doing"].items(), key=lambda each: each[1])
        print(
            f"  {name or 'inventory':10} {told['median']:7.0f} {told['p95']:6.0f} {told['answered']:13.0f} {told['server']:11.0f} "
            f"{told['blocked']:8.0f} {told['first']:14.0f} {told['loading']:8.0f} {told['kilobytes']:8.0f} {told['arrive']:7.0f}  {label} {longest:.0f}"
        )


def every_page(root: Path) -> None:
    """All pages at 40 schools by 14 grades and 2,700 products: painted within 500 ms, and no stretch of more than 200 ms in which nothing moves."""
    house = House(root / "large")
    shutil.rmtree(house.landing)
    script = Path(__file__).with_name("large.py")
    timed([sys.executable, str(script), str(house.landing)], dict(os.environ))
    house.refresh()
    print("\ndashboard, 40 schools by 14 grades, 2,700 products")
    pages(house, 60, PAGES)
    shutil.rmtree(house.root)


def people(root: Path, users: int, events: int, count: int = 30, seconds: int = 60) -> None:
    """Many people at once, each with grants of their own, while a refresh publishes: no error, and how long they wait."""
    made = sample(root / "people-made", users, 6, events)
    house = House(root / "people")
    *files, last = sorted(made.iterdir(), key=lambda file: (file.name.startswith("usage_"), file.name))
    house.give(*files)
    house.refresh()
    with duckdb.connect(str(house.root / "warehouse" / "rollcall.duckdb"), read_only=True) as connection:
        schools = [id_ for (id_,) in connection.execute(
            "select org_sourced_id from marts.dim_orgs where org_type = 'school' order by 1"
        ).fetchall()]  # fmt: skip
    roles = ["director", "data_manager", "curriculum", "viewer", *["principal"] * 6]
    grants = [(f"person{n}@bench.example", roles[n % len(roles)], schools[n % len(schools)]) for n in range(count)]
    rows = [(email, role, school if role == "principal" else "") for email, role, school in grants]
    (house.landing / "access.csv").write_text(
        "\n".join(["email,role,school", *(",".join(row) for row in rows)]), encoding="utf-8"
    )
    house.refresh()
    house.give(last)
    people_of = house.root / "people.json"
    people_of.write_text(json.dumps([(email, role in ("director", "data_manager")) for email, role, _ in rows]))
    script = Path(__file__).with_name("people.py")
    answered = timed([sys.executable, str(script), str(count), str(seconds), str(people_of)], house.environment)
    told = json.loads(answered.output)
    print(
        f"\ndashboard, {count} people at once, {users:,} people on the roster; a refresh of {told['refresh_seconds']} s publishes meanwhile"
    )
    for name in ("all", "before", "during", "after"):
        one = told[name]
        print(
            f"  {name:8} {one['answers']:6,} answers   median {one['median']:.0f} ms, p95 {one['p95']:.0f} ms, longest {one['longest']:,.0f} ms"
        )
    print(
        f"  errors {told['errors']}, versions seen {told['versions']}, server {told['processor_ms']} ms of processor time an answer (aim: 0 errors, p95 500 ms)"
    )
    for name, one in sorted(told["kinds"].items(), key=lambda each: -each[1]["p95"])[:8]:
        print(f"    {name[:60]:60} {one['answers']:6,}   median {one['median']:.0f} ms, p95 {one['p95']:.0f} ms")
    for what, number in told["examples"].items():
        print(f"    {number} × {what}")
    shutil.rmtree(house.root)
    if told["errors"] or told["refresh"] or told["versions"] != 2:
        sys.exit("the dashboard failed someone")


# What there is to time, in the order of a whole run; the second group is left out by `--quick`.
QUICK = {
    "check": check,
    "nightly": nightly,
    "tier": lambda root: tier(root, "district", 11_000, 1_000_000),
    "days": lambda root: further_day(root, 11_000, 100_000, 30),
    "pages": every_page,
    "people": lambda root: people(root, 11_000, 200_000),
    "dashboard": lambda root: interactions(root, "district", 11_000, 5, 1_000_000, 150),
}
WHOLE = QUICK | {
    "days": lambda root: further_day(root, 11_000, 100_000, 180),
    "dashboard": lambda root: interactions(root, "district", 11_000, 22, 1_000_000, 150),
    "large-check": large_check,
    "large-dashboard": lambda root: interactions(root, "largest", 1_000_000, 20, 400_000, 400),
    "nights": largest_nights,
    "districts": many_districts,
    "large-tier": lambda root: tier(root, "larger", 500_000, 10_000_000),
}


def main() -> None:
    global SOURCE
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave the largest parts out, and shorten others")
    parser.add_argument("--only", choices=WHOLE, help="time this part only")
    parser.add_argument("--code", type=Path, default=SOURCE.parent, help="time the `rollcall` of this checkout")
    asked = parser.parse_args()
    SOURCE = asked.code.resolve() / "scripts"
    parts = QUICK if asked.quick else WHOLE
    print(f"{os.cpu_count()} cores, DuckDB {duckdb.__version__}")
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder:
        for name in [asked.only] if asked.only else parts:
            parts.get(name, WHOLE[name])(Path(folder))


if __name__ == "__main__":
    main()
