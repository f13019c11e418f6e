"""A district's history that arrives in pieces: held to a rebuild, row for row, and to a brute force over the raw files."""

from __future__ import annotations

import json
import os
import random
import shutil
import zipfile
from datetime import date
from pathlib import Path

import duckdb
import pytest

import roster
from oracle import Oracle
from rollcall.rules import schema

pytestmark = pytest.mark.long


def _move_the_school_year(roster: Path, day: str) -> None:
    """Has the academic session of a roster begin on a day of use, so that the days before it are of the year before."""
    with zipfile.ZipFile(roster) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    changed = files["academicSessions.csv"].replace(b"2025-08-18", day.encode())
    assert changed != files["academicSessions.csv"]
    with zipfile.ZipFile(roster, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (files | {"academicSessions.csv": changed}).items():
            archive.writestr(name, content)


def _access_list(folder: Path, roster: str, grant: str) -> str:
    """An access list of a roster's date."""
    file = folder / f"access_{roster.removeprefix('roster_').removesuffix('.zip')}.csv"
    file.write_text(f"email,role,school\nboss@maplewood.example,data_manager,\nada@maplewood.example,{grant}\n")
    return file.name


@pytest.fixture(scope="module")
def year(session_house):
    """A sample district that arrives in pieces: late rosters, a late catalogue, late and repeated usage."""
    house = session_house("year")
    made = house.root / "made"
    house.run("sample", str(made), "--users", "400", "--days", "6", "--seed", "7", "--events", "1500")
    house.made = made / "maplewood"
    files = {path.name: path for path in house.made.iterdir() if path.name != "district.toml"}
    rosters = sorted(name for name in files if name.endswith(".zip"))
    usages = sorted(name for name in files if name.startswith("usage_"))
    products = next(name for name in files if name.startswith("products_"))
    late = house.made / "usage_late.csv"
    lines = files[usages[1]].read_text().splitlines(keepends=True)
    late.write_text("".join(lines[:1] + lines[1:300]))
    files[usages[1]].write_text("".join(lines[:1] + lines[200:]))
    _move_the_school_year(files[rosters[2]], usages[3].removeprefix("usage_").removesuffix(".csv"))
    house.derived = []
    (house.landing / "maplewood").mkdir(parents=True)
    shutil.copy(house.made / "district.toml", house.landing / "maplewood")
    # The roster's administrators have access, and two lists say who else has; the later one takes somebody out.
    with (house.landing / "maplewood" / "district.toml").open("a") as settings:
        settings.write("roster_grants_access = true\n")
    lists = [
        _access_list(house.made, rosters[number], f"{role},{school}")
        for number, role, school in ((0, "principal", "Oak Hill Elementary School"), (2, "director", ""))
    ]
    # The catalogue comes late, and the later rosters come when days that they tell of are counted already.
    for batch in (
        [usages[0], rosters[0], *usages[1:3], lists[0]],
        [products, *usages[3:5], rosters[1]],
        # No roster: people and memberships are carried over, also where someone is seen for the first time.
        [usages[5]],
        [rosters[2], late.name, lists[1]],
    ):
        for name in batch:
            shutil.copy(house.made / name, house.landing / "maplewood")
        house.refresh()
        house.derived.append(_rows_derived(house))
    house.oracle = Oracle(house.made, schema.grade_aliases(), "America/Chicago")
    return house


def _rows_derived(house) -> tuple[int, int]:
    """How many rows of users the last build read from the lake, and how many identities it found the person of."""
    with duckdb.connect(str(house.build / "work.duckdb"), read_only=True) as connection:
        return connection.execute(
            """select (select count(*) from staging.stg_oneroster__users),
                (select count(*) from intermediate.int_increments__identities)"""
        ).fetchone()


def test_a_day_of_use_derives_no_roster_again(year):
    first, second, day_of_use, third = year.derived
    # Of a further roster, those in whose rows something has changed (test_parts.py).
    assert 0 < second[0] < first[0] / 4 and third[0] > 0
    users, identities = day_of_use
    assert users == 0
    (known,) = year.query("select count(distinct identity_key) from bridge_usage_identities")
    assert 0 < identities < known[0] / 4
    built = [
        each["nodes"] for each in map(json.loads, (year.build / "rollcall.log").open()) if each["event"] == "built"
    ]
    assert built[2] < 0.7 * built[1], "the models and tests of the rosters were left out"


def test_a_class_that_ends_on_a_day_without_a_roster_ends(house):
    """The build leaves the rosters out, finds that one has changed with the date, and makes them after all."""
    folder, files = house.landing / "oak", roster.good()
    files["enrollments.csv"][1]["endDate"] = "2020-10-05"
    roster.write(folder / "roster_2020-10-01.zip", files)
    current = """select grade_code from fct_memberships inner join dim_users using (user_key)
        where is_current and email = 't1@schools.example' order by all"""
    seen = []
    for day in ("2020-10-02", "2020-10-06"):
        roster.usage(folder / f"usage_{day}.csv", [(f"{day}T15:00:00Z", "s1@schools.example", "https://docs.example")])
        house.refresh()
        seen.append(house.query(current))
    assert seen[0] != seen[1]
    events = [json.loads(line)["event"] for line in (house.build / "rollcall.log").open()]
    assert events.count("a roster has changed though none came") == 1
    before = house.marts()
    house.refresh("--full")
    assert house.marts() == before


def _is_summed(house) -> bool:
    """Whether the last build has summed the use of several days."""
    (statement,) = (house.build / "target" / "compiled").rglob("agg_inventory_usage.sql")
    return "group by" in statement.read_text()


def test_use_is_summed_where_days_are_added_up_and_not_where_one_is(house):
    district, loads = house.landing / "d", dict.fromkeys(["2020-10-01", "2020-10-02", "2020-10-13", "2020-11-03"], 0)
    roster.write(district / "roster_2020-10-01.zip")
    nights = [
        (["2020-10-01"], False), (["2020-10-02", "2020-10-13"], True), (["2020-10-13"], True), (["2020-11-03"], False),
    ]  # fmt: skip
    for night, (days, is_summed) in enumerate(nights):
        for day in days:
            rows = [
                (f"{day}T{night + 10}:0{n}:00Z", "s1@schools.example", "https://a.example") for n in range(night + 1)
            ]
            roster.usage(district / f"usage_{day}_{night}.csv", rows)
            loads[day] += len(rows)
        house.refresh()
        assert _is_summed(house) == is_summed, days
        came = [day for day in loads if loads[day]]
        for period, of in (
            ("week", lambda day: date.fromisoformat(day).isocalendar()[:2]),
            ("month", lambda day: day[:7]),
        ):
            expected = sorted(
                (sum(loads[day] for day in came if of(day) == each), sum(of(day) == each for day in came))
                for each in {of(day) for day in came}
            )
            found = house.query(
                f"select page_loads, active_days from agg_inventory_usage where period = '{period}' order by all"
            )
            assert found == expected, (night, period)


def test_a_rebuild_from_the_lake_gives_the_same_marts(year):
    before = year.marts()
    assert before["fct_product_usage"] and before["fct_memberships"]
    assert dict(year.query("select source, count(*) > 0 from bridge_user_access group by all")) == {"access_list": True, "roster": True}  # fmt: skip
    assert year.query("select access_role, org_key from bridge_user_access where email = 'ada@maplewood.example'") == [("director", None)]  # fmt: skip
    # The last roster has moved the school year into the days that were counted.
    assert len(year.query("select distinct school_year_start from fct_usage_days")) == 2
    assert year.query(
        """select count(*) from agg_inventory_usage
        where period = 'school_year' and period_start not in (select school_year_start from fct_usage_days)"""
    ) == [(0,)]
    shutil.rmtree(year.build)
    year.refresh("--full")
    after = year.marts()
    assert before.keys() == after.keys()
    for mart in before:
        assert before[mart] == after[mart], mart


@pytest.mark.parametrize("seed", range(int(os.environ.get("ROLLCALL_HISTORIES", 0))))
def test_random_deliveries_end_where_a_rebuild_does(house, seed):
    """`make histories`: two districts whose files come in any mixture, with one taken back now and then."""
    draw, waiting = random.Random(seed), {}
    for district in ("north", "south"):
        made = house.root / f"made-{district}"
        house.run(
            "sample", str(made), "--users", "100", "--days", "6", "--seed", str(draw.randrange(99)), "--events", "150"
        )
        (house.landing / district).mkdir(parents=True)
        (folder,) = made.iterdir()
        shutil.copy(folder / "district.toml", house.landing / district)
        # Rosters in their order, everything else in any; of access lists, an older one is refused after a newer one.
        for path in list(folder.glob("*.zip")):
            _access_list(
                folder, path.name, draw.choice(["director,", "viewer,Oak Hill Elementary School", "principal,Nowhere"])
            )
        files = [path for path in folder.iterdir() if path.suffix != ".toml"]
        draw.shuffle(files)
        rosters = iter(sorted(path for path in files if path.suffix == ".zip"))
        waiting[district] = [next(rosters) if path.suffix == ".zip" else path for path in files]
    while any(waiting.values()):
        for district, files in waiting.items():
            for path in files[: draw.randrange(3)]:
                shutil.copy(path, house.landing / district)
                files.remove(path)
        house.refresh()
        if draw.random() < 0.15 and (house.warehouse / "rollcall.duckdb").exists():
            usages = house.query(
                "select district_id || '/' || delivery_id from fct_deliveries where delivery_kind = 'usage'"
            )
            if usages:
                house.run("withdraw", draw.choice(usages)[0], "--by", "test", "--why", "test", code=None)
    house.refresh()
    before = house.marts()
    house.refresh("--full")
    after = house.marts()
    assert before["fct_memberships"] and {mart for mart in before if before[mart] != after[mart]} == set()


def test_unfiltered_sums_are_the_events_accepted(year):
    (total,) = year.query("select sum(page_loads)::bigint, count(distinct user_key) from fct_product_usage")
    assert total == (len(year.oracle.usage), len({load.person for load in year.oracle.usage if load.person}))
    assert year.query("select sum(page_loads)::bigint from fct_usage_days") == [(total[0],)]


def test_memberships_on_every_day_are_those_of_the_brute_force(year):
    names = {person: min(ids) for person, ids in _by_person(year).items()}
    for day in sorted({load.day for load in year.oracle.usage}):
        expected = {
            (names[person], *row)
            for person in names
            for row in (year.oracle.rows_on(person, day) or () if _has_come(year, person, day) else ())
        }
        found = year.query(
            f"""select u.user_sourced_id, o.org_sourced_id, m.grade_code, m.role
            from fct_memberships m join dim_users u using (user_key) join dim_orgs o using (org_key)
            where m.valid_from <= date '{day}' and (m.valid_to is null or date '{day}' < m.valid_to)"""
        )
        assert len(found) == len(set(found))
        assert set(found) == expected, day


def _by_person(year) -> dict[str, list[str]]:
    ids: dict[str, list[str]] = {}
    for sourced_id, person in year.oracle.people.items():
        ids.setdefault(person, []).append(sourced_id)
    return ids


def _has_come(year, person: str, day: date) -> bool:
    return any(when <= day and person in state for when, state in year.oracle.states)


def test_any_selection_of_schools_and_grades_is_exact(year):
    orgs = [org for (org,) in year.query("select org_sourced_id from dim_orgs order by 1")]
    grades = [grade for (grade,) in year.query("select grade_code from dim_grades order by 1")]
    draw, hits = random.Random(3), 0
    for _ in range(60):
        chosen_orgs = set(draw.sample(orgs, draw.randint(1, len(orgs))))
        chosen_grades = set(draw.sample(grades, draw.randint(1, len(grades))))
        (found,) = year.query(
            f"""select coalesce(sum(page_loads), 0)::bigint, count(distinct user_key) from fct_product_usage
            where membership_group_key in (
                select membership_group_key from bridge_membership_groups join dim_orgs using (org_key)
                where org_sourced_id in ({", ".join(f"'{org}'" for org in chosen_orgs)})
                    and grade_code in ({", ".join(f"'{grade}'" for grade in chosen_grades)}))"""
        )
        assert found == year.oracle.answer(chosen_orgs, chosen_grades), (chosen_orgs, chosen_grades)
        hits += found[0] > 0
    assert hits > 40


def test_use_before_a_move_stays_with_the_old_school(year):
    moved = year.query(
        """select m.user_key, m.valid_to, old.org_key, new.org_key
        from fct_memberships m
        join fct_memberships new on m.user_key = new.user_key and m.valid_to = new.valid_from and m.role = 'student'
        join dim_orgs old on m.org_key = old.org_key join dim_orgs n on new.org_key = n.org_key
        where m.org_key <> new.org_key"""
    )
    assert moved
    days = year.query(
        """select f.usage_date < m.valid_to as is_before, count(*) filter (b.org_key = m.org_key), count(*)
        from fct_memberships m
        join fct_memberships new on m.user_key = new.user_key and m.valid_to = new.valid_from and m.org_key <> new.org_key
        join fct_product_usage f on f.user_key = m.user_key
        join bridge_membership_groups b using (membership_group_key)
        where m.role = 'student' group by all order by 1"""
    )
    (_, old_after, after), (_, old_before, before) = days
    assert old_after == 0 and after > 0
    assert old_before == before > 0


def test_products_are_matched_by_the_longest_host_and_path(year):
    rows = year.query(
        """select host || path_prefix, product_name from bridge_product_hosts join dim_products using (product_key)
        where host like '%google.com'"""
    )
    # The paths are those of the last days' use: the catalogue that tells them apart came with it.
    assert dict(rows) == {
        "docs.google.com": "Google Workspace",
        "docs.google.com/document": "Google Docs",
        "docs.google.com/forms": "Google Forms",
        "drive.google.com": "Google Workspace",
        "classroom.google.com": "Google Classroom",
        "google.com": "Google Search",
    }


def test_no_student_is_named_anywhere(year):
    secrets = set()
    for state in year.oracle.rosters:
        for user in state.files["users.csv"]:
            if user["role"] == "student":
                secrets |= {user["email"], user["username"], user["phone"]}
    secrets.discard("")
    assert len(secrets) > 600
    for path in _kept_files(year):
        content = path.read_bytes().lower()
        for secret in secrets:
            assert secret.encode() not in content, (path, secret)
    # Parquet and DuckDB compress: what is in them is also read as a reader would.
    with duckdb.connect() as connection:
        for path in year.lake.rglob("*.parquet"):
            text = repr(connection.execute(f"select * from read_parquet('{path}')").fetchall()).lower()
            assert not [secret for secret in secrets if secret in text], path
        for path in (*year.build.glob("*.duckdb"), year.warehouse / "rollcall.duckdb"):
            connection.execute(f"attach '{path}' as db (read_only)")
            for schema_name, table in connection.execute(
                "select schema_name, table_name from duckdb_tables() where database_name = 'db'"
            ).fetchall():
                text = repr(connection.execute(f'select * from db."{schema_name}"."{table}"').fetchall()).lower()
                assert not [secret for secret in secrets if secret in text], (path, table)
            connection.execute("detach db")


def _kept_files(year) -> list[Path]:
    rooms, current = (
        (year.lake, year.build, year.warehouse, year.quarantine),
        (year.warehouse / "rollcall.duckdb").resolve(),
    )
    files = [path for room in rooms for path in room.rglob("*") if path.is_file() and not path.is_symlink()]
    # Of the versions, which are large, that which has all of what the others have.
    return [path for path in files if path.parent != current.parent or path in (current, current.with_suffix(".json"))]


def test_the_pointer_is_relative_and_older_clients_can_read_it(year):
    pointer = year.warehouse / "rollcall.duckdb"
    assert not pointer.readlink().is_absolute()
    with duckdb.connect(str(pointer), read_only=True) as connection:
        (tags,) = connection.execute("select tags from duckdb_databases() where not internal").fetchone()
    assert "v1.4" in str(tags), tags


def test_the_sample_is_the_same_for_the_same_seed(tmp_path, year):
    year.run("sample", str(tmp_path / "a"), "--users", "150", "--days", "3", "--seed", "5")
    year.run("sample", str(tmp_path / "b"), "--users", "150", "--days", "3", "--seed", "5")
    year.run("sample", str(tmp_path / "c"), "--users", "150", "--days", "3", "--seed", "6")
    a, b, c = (
        {path.name: path.read_bytes() for path in sorted((tmp_path / name / "maplewood").iterdir())} for name in "abc"
    )
    assert a == b and a != c
    with zipfile.ZipFile(next((tmp_path / "a").rglob("*.zip"))) as archive:
        assert set(archive.namelist()) == {
            "manifest.csv",
            *Oracle(tmp_path / "a" / "maplewood", {}, "UTC").rosters[0].files,
        }
        assert len(archive.namelist()) == 8
