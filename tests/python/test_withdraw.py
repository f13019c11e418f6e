"""What was accepted can be withdrawn: the marts are then those of a house that never had it."""

from __future__ import annotations

import json
import random
import shutil
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

import roster
from rollcall.districts import District
from rollcall.errors import RollcallError
from rollcall.intake import checksums, lake, landing, privacy, take, withdraw
from rollcall.intake.lake_tables import lake_tables
from rollcall.refresh import publish
from rollcall.rules import schema
from test_faults import KILLED, dies

pytestmark = pytest.mark.long

FIRST = date(2020, 10, 1)
# What says which deliveries there were; all else has to be equal.
QUALITY = ("fct_deliveries", "fct_rule_results", "fct_roster_states")
BY = take.Decision("Ada", "the wrong year")


def deliver(house, district: str, file: Path, is_backfill: bool = False) -> str:
    """Takes one file; its delivery's id."""
    settings = house.settings
    lake.prepare(settings)
    privacy.pii_key(settings)  # as a refresh does before its first delivery
    target = house.landing / district / file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, target)
    delivery = landing.describe(target, District.load(target.parent))
    outcome = take.take(delivery, settings, is_backfill=is_backfill)
    assert outcome.verdict == "accepted", outcome.report.as_text()
    return delivery.delivery_id


def same_key(house, other) -> None:
    other.lake.mkdir(parents=True, exist_ok=True)
    shutil.copy(house.lake / ".pii_key", other.lake)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


SCHOOLS, GRADES = ("A", "B"), ("03", "04", "05")


def bulk(path: Path, draw: random.Random) -> Path:
    files = roster.good() | {"users.csv": [], "enrollments.csv": []}
    files.pop("demographics.csv")
    if draw.random() < 0.3:
        files["orgs.csv"].append(roster.org("C", draw.choice(["Gamma School", "Gamma Academy"]), "school", "D"))
    for n in range(9):
        if draw.random() < 0.7:
            files["users.csv"].append(
                roster.user(f"S{n}", "student", draw.choice(SCHOOLS), draw.choice(GRADES), email=f"s{n}@x.example")
            )
    files["users.csv"].append(roster.user("T1", "teacher", "A, B", draw.choice(["03", "04,05"]), email="t1@x.example"))
    return roster.write(path, files)


def delta(path: Path, draw: random.Random) -> Path:
    files = roster.good() | {"users.csv": []}
    for name in ("enrollments.csv", "demographics.csv", "classes.csv", "courses.csv", "academicSessions.csv"):
        files.pop(name)
    for n in draw.sample(range(9), 4):
        row = roster.user(f"S{n}", "student", draw.choice(SCHOOLS), draw.choice(GRADES), email=f"s{n}@x.example")
        files["users.csv"].append(
            row | {"status": draw.choice(["active", "tobedeleted"]), "dateLastModified": "2020-10-01T00:00:00Z"}
        )
    return roster.write(path, files, deltas={"users.csv", "orgs.csv"})


def template(path: Path, kind: str, draw: random.Random) -> Path:
    rows = []
    for n in range(8):
        if draw.random() < 0.7:
            rows.append(
                {
                    "sis_id": f"P{n}", "first_name": "Ada", "last_name": "Byron", "email": f"{kind[0]}{n}@x.example", "role": "teacher",
                    "school_id": draw.choice("XYZ"), "school_name": "", "grade_level": draw.choice(GRADES),
                }
            )  # fmt: skip
    rows = [{k: v for k, v in row.items() if kind == "educators" or k != "role"} for row in rows or [{}]]
    return roster.template(path, kind, rows)


def access(path: Path, draw: random.Random) -> Path:
    rows = [{"email": "boss@x.example", "role": "director"}]
    for n in draw.sample(range(9), 5):
        role = draw.choice(["director", "principal", "curriculum", "viewer"])
        school = draw.choice(["A", "B", "C", "A; B"]) if role != "director" else ""
        rows.append({"email": f"{draw.choice('tms')}{n}@x.example", "role": role, "school": school})
    return roster.template(path, "access", rows)


def members(path: Path, draw: random.Random, when: date) -> Path:
    return roster.template(
        path,
        "members",
        [
            {
                "first_name": "Ada", "last_name": "Byron", "email": f"m{n}@x.example", "role": "teacher",
                "status": draw.choice(["", "", "tobedeleted"]), "end_date": draw.choice(["", str(when + timedelta(days=2))]),
            }
            for n in draw.sample(range(6), 3)
        ],
    )  # fmt: skip


def products(path: Path, draw: random.Random, paths: bool = False) -> Path:
    lines = ["product_id,product_name,provider,url,sector,essential_function,product_status,privacy_status"]
    for n in range(5):
        if draw.random() < 0.7:
            url = f"p{n}.example" + (draw.choice(["", "/docs", "/docs/a"]) if paths else "")
            lines.append(f"P{n},Product {n},Acme,{url},Education,Core,{draw.choice(['Approved', 'Denied'])},")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def usage(path: Path, draw: random.Random, when: date) -> Path:
    emails = [f"{letter}{n}@x.example" for letter in "semt" for n in range(9)]
    rows = [
        (f"{when - timedelta(days=draw.choice([0, 0, 1]))}T{10 + n % 8}:00:00Z", draw.choice(emails),
         f"https://p{draw.randint(0, 6)}.example/docs/a", f"e{draw.randint(0, 60)}")
        for n in range(30)
    ]  # fmt: skip
    return roster.usage(path, rows, "occurred_at,user_email,url,event_id")


def history(folder: Path, kind: str, seed: int) -> list[Path]:
    """Files of several days, in the order in which they come."""
    draw, files = random.Random(seed), []
    for n in range(5):
        when = day(n)
        if kind == "oneroster":
            make = bulk if n == 0 or draw.random() < 0.6 else delta
            files.append(make(folder / f"roster_{when}.zip", draw))
        elif kind in ("educators", "students"):
            files.append(template(folder / f"{kind}_{when}.csv", kind, draw))
        elif kind == "members":
            files.append(members(folder / f"members_{when}.csv", draw, when))
        elif kind == "access":
            files.append(access(folder / f"access_{when}.csv", draw))
        elif kind == "products":
            files.append(products(folder / f"products_{when}.csv", draw))
        # Usage in between: it is attributed by the roster and the catalogue of the days around it.
        if kind == "usage" or n in (1, 3):
            files.append(usage(folder / f"usage_{when}.csv", draw, when))
        if kind in ("usage", "access") and n == 0:
            files.insert(0, bulk(folder / f"roster_{when}.zip", draw))
    return files


ORDERED = ("oneroster", "educators", "students", "access", "products")
KINDS = ("oneroster", "educators", "students", "members", "access", "products", "usage")


@pytest.fixture(scope="module")
def houses(session_house):
    """Two houses: one that has withdrawn what the other never had."""
    with_all, without = session_house("withdrawn"), session_house("never")
    gone = {}
    for kind in KINDS:
        for seed in range(3 if kind == "oneroster" else 2 if kind in ORDERED else 1):
            district = f"{kind}-{seed}"
            files = history(with_all.root / "made" / district, kind, seed)
            draw = random.Random(1000 + seed)
            late = draw.choice(files[1:-1]) if kind in ORDERED and seed % 2 else None
            if late and "usage" in late.name:
                late = None
            order = [file for file in files if file != late] + ([late] if late else [])
            ids = {file: deliver(with_all, district, file, is_backfill=file == late) for file in order}
            of_kind = [file for file in files if f"-{kind}-" in ids[file]]
            gone[district] = (
                files,
                order,
                late,
                ids,
                [*draw.sample(of_kind[:-1], draw.choice([0, 1, 2])), of_kind[-1]],
            )
    with_all.refresh()
    with_all.before = with_all.marts(QUALITY)
    same_key(with_all, without)
    for district, (_, order, late, ids, wanted) in gone.items():
        taken = set()
        for file in wanted:
            try:
                withdraw.withdraw(with_all.settings, f"{district}/{ids[file]}", BY)
                taken.add(file)
            except RollcallError as error:
                assert "is the only full list of" in str(error)
        with_all.taken = getattr(with_all, "taken", 0) + len(taken)
        for file in order:
            if file not in taken:
                deliver(without, district, file, is_backfill=file == late)
    with_all.refresh()
    without.refresh()
    return with_all, without


def test_the_marts_are_those_of_a_house_that_never_had_it(houses):
    with_all, without = houses
    assert with_all.taken > 10
    found, expected = with_all.marts(QUALITY), without.marts(QUALITY)
    for mart in expected:
        assert found[mart] == expected[mart], mart
    changed = {mart for mart in expected if with_all.before[mart] != expected[mart]}
    assert {"fct_memberships", "fct_product_usage", "dim_users", "dim_products", "school_name_check"} <= changed


def test_its_record_stays_and_says_who_and_why(houses):
    with_all, without = houses
    rows = with_all.query("select distinct decided_by, decided_why from fct_deliveries where verdict = 'withdrawn'")
    assert rows == [("Ada", "the wrong year")]
    assert not without.query("select 1 from fct_deliveries where verdict = 'withdrawn'")


def content(house) -> dict[str, list[tuple]]:
    """What the lake holds of accepted deliveries, table by table, as the models read it."""
    found = {"accepted": sorted(lake.accepted_ids(house.settings))}
    with duckdb.connect() as connection:
        for table in lake_tables():
            files = [file for file in lake.files(house.settings, table, "d") if table != "deliveries"]
            found[table] = sorted(connection.execute(f"from {lake.read(files)}").fetchall(), key=repr) if files else []
    return found


@pytest.fixture
def lived_in(house):
    """Two rosters of which the second changes a little, and two days of usage by the same people."""
    made, draw = house.root / "made", random.Random(3)
    house.ids = [
        deliver(house, "d", bulk(made / f"roster_{day(0)}.zip", draw)),
        deliver(house, "d", usage(made / f"usage_{day(0)}.csv", draw, day(0))),
        deliver(house, "d", bulk(made / f"roster_{day(1)}.zip", draw)),
        deliver(house, "d", usage(made / f"usage_{day(1)}.csv", draw, day(1))),
    ]
    house.made = made
    return house


@pytest.mark.parametrize("number", [0, 1])
def test_killed_at_any_step_it_is_withdrawn_wholly_or_not_at_all(lived_in, number):
    """A roster that the next one is written as differences to, and a day whose people and hosts the next uses too."""
    house = lived_in
    before = content(house)
    shutil.copytree(house.lake, house.root / "kept")
    withdraw.withdraw(house.settings, house.ids[number], BY)
    after, at, code, ends = content(house), 0, KILLED, []
    assert after["accepted"] != before["accepted"] and sum(map(len, after.values())) > 30
    while code == KILLED:
        at += 1
        shutil.rmtree(house.lake)
        shutil.copytree(house.root / "kept", house.lake)
        code = (
            house.start("withdraw", house.ids[number], "--by", "Ada", "--why", "x", before=dies(house, at, "/lake/"))
            .wait()
            .returncode
        )
        lake.sweep(house.settings)
        now = content(house)
        assert now in (before, after), at
        assert not list(house.lake.glob(".[prw]*-*"))
        assert not checksums.wrong(house.settings, dict(checksums.known(house.settings)))
        assert {file.relative_to(house.lake) for file in lake.all_files(house.settings)} == set(
            dict(checksums.known(house.settings))
        )
        ends.append(now == after)
    assert code == 0 and at > 10 and True in ends and False in ends
    assert ends == sorted(ends), "once it is withdrawn, it stays so"


def test_it_comes_back_when_it_is_delivered_again_and_not_by_a_backfill(lived_in):
    house = lived_in
    house.run("withdraw", house.ids[2], "--by", "Ada", "--why", "half an export")
    run = json.loads(house.run("backfill", str(day(0)), str(day(3)), "--json").stdout)
    assert run["deliveries"] == [] and run["published"]
    deliver(house, "d", house.made / f"roster_{day(1)}.zip")
    assert f"d/{house.ids[2]}" in lake.accepted_ids(house.settings)
    # The version before holds the marts without it; and what was withdrawn is still told.
    assert publish.current(house.settings).lake_fingerprint != lake.fingerprint(house.settings)
    assert f"d/{house.ids[2]}" in lake.withdrawn_ids(house.settings)


def test_a_full_list_that_deltas_rest_on_is_not_withdrawn_from_under_them(house):
    draw = random.Random(1)
    first = deliver(house, "d", bulk(house.root / "made" / f"roster_{day(0)}.zip", draw))
    second = deliver(house, "d", delta(house.root / "made" / f"roster_{day(1)}.zip", draw))
    done = house.run("withdraw", first, "--by", "Ada", "--why", "x", code=1)
    assert f"is the only full list of orgs before {second}" in done.stderr
    house.run("withdraw", second, "--by", "Ada", "--why", "x")
    house.run("withdraw", first, "--by", "Ada", "--why", "x")
    assert not lake.accepted_ids(house.settings)


@pytest.mark.parametrize("name", ["", " ", "*", ".", "..", "d", "d/", "2020", "e/2020", "%", "d/2020-10-0"])
def test_a_name_that_is_not_one_deliverys_withdraws_nothing(lived_in, name):
    before = content(lived_in)
    with pytest.raises(RollcallError, match="deliver"):
        withdraw.withdraw(lived_in.settings, name, BY)
    assert content(lived_in) == before


def test_when_all_is_withdrawn_readers_have_nothing(house):
    roster.usage(
        house.landing / "d" / "usage_2020-10-05.csv", [("2020-10-05T10:00:00Z", "a@b.example", "https://x.example/")]
    )
    house.refresh()
    house.run("withdraw", "d/usage_2020-10-05.csv", "--by", "Ada", "--why", "another district's")
    assert house.refresh()["mended"] == ["all deliveries were withdrawn: nothing is published any more"]
    assert not (house.warehouse / "rollcall.duckdb").is_symlink() and not publish.kept(house.settings)
    assert house.refresh()["mended"] == []


def test_paths_that_only_a_withdrawn_catalogue_asked_for_are_not_kept(session_house, tmp_path):
    """And those that another catalogue asks for, too, are."""
    houses = {name: session_house(name) for name in ("had", "never had")}
    catalogues = {
        0: "P1,Docs,Acme,p1.example/docs,,,Approved,",
        1: "P1,Docs,Acme,p1.example/docs,,,Approved,\nP2,Other,Acme,p2.example/a/b;p3.example/c,,,Approved,",
        3: "P1,Docs,Acme,p1.example,,,Approved,\nP2,Other,Acme,p3.example/c,,,Approved,",
    }
    files = []
    for number in range(5):
        if number in catalogues:
            file = tmp_path / f"products_{day(number)}.csv"
            file.write_text(f"{','.join(schema.PRODUCT_COLUMNS)}\n{catalogues[number]}\n")
            files.append(file)
        rows = [
            (f"{day(number)}T10:00:0{n}Z", "a@x.example", f"https://p{n}.example/{path}")
            for n, path in ((1, "docs/x"), (2, "a/b/x"), (3, "c?q=1"))
        ]
        files.append(roster.usage(tmp_path / f"usage_{day(number)}.csv", rows))
    same = None
    for name, house in houses.items():
        if same:
            same_key(same, house)
        same = house
        for file in files:
            if name == "had" or file.name != f"products_{day(1)}.csv":
                deliver(house, "d", file)
    had, never = houses.values()
    withdraw.withdraw(had.settings, f"products_{day(1)}.csv", BY)
    found, expected = content(had), content(never)
    hosts = [{row[:2] for row in one["extension/hosts"]} for one in (found, expected)]
    assert hosts[0] == hosts[1] and ("p2.example", "") in hosts[0] and ("p2.example", "/a/b") not in hosts[0]
    loads = [sorted((str(row[-1]), row[2], row[3]) for row in one["extension/page_loads"]) for one in (found, expected)]
    assert loads[0] == loads[1] and len(loads[0]) == 15
    with duckdb.connect() as connection:
        state = [
            connection.execute(
                f"""select product_id, product_name, url from {lake.read(lake.files(house.settings, "inventory/products", "d"))}
                qualify row_number() over (partition by product_id order by _effective_at desc, _arrived_at desc) = 1 order by all"""
            ).fetchall()
            for house in houses.values()
        ]
    assert state[0] == state[1]
