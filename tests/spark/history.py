"""What three districts deliver, step by step: each step is something that increments have to get right."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date
from pathlib import Path

from houses import House

import roster
from rollcall.intake import take, withdraw
from rollcall.refresh.run import Days

PRODUCTS = "product_id,product_name,provider,url,sector,essential_function,product_status,privacy_status"


def _products(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([PRODUCTS, *lines]) + "\n", "utf-8")


# What each district sets: columns of its own, school years, a summer in which no roster counts, who may look.
SETTINGS = {
    "north": """name = "North \\"O'Neill\\" Schools"
time_zone = "America/Chicago"
email_domains = ["schools.example"]
[extensions]
orgs = ["metadata.region"]
staff = ["metadata.room"]
students = ["metadata.bus"]
""",
    "south": 'school_year_start = "08-01"\nblackouts = ["06-15/08-10"]\nroster_grants_access = true\n',
    "001": 'school_year_start = "10-05"\nfreshness_days = { usage = 3 }\n[extensions]\nstaff = ["room"]\n',
}
ACCESS = "email,role,school\n"


def _district(landing: Path, district: str, settings: str) -> None:
    (landing / district).mkdir(parents=True, exist_ok=True)
    (landing / district / "district.toml").write_text(settings, "utf-8")


def _own_columns(made: dict[str, bytes]) -> None:
    """Columns of the district beside the standard's, with what is hard to carry through JSON."""
    own = {
        "users.csv": {"metadata.room": "R \"1\" \\ é", "metadata.bus": "7"},
        "orgs.csv": {"metadata.region": "North's"},
    }  # fmt: skip
    for name, more in own.items():
        rows = [row | more for row in csv.DictReader(io.StringIO(made[name].decode()))]
        stream = io.StringIO()
        writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        made[name] = stream.getvalue().encode()


def _use(landing: Path, district: str, day: str, *more: tuple[str, str]) -> None:
    hosts = ("https://docs.google.com/d/1", "https://www.it-s.example.org/péage", "http://App.Example.COM./x/y?z=1")
    people = (
        "s1@schools.example",
        "t1@schools.example",
        "t2@schools.example",
        "office@schools.example",
        "who@else.org",
    )
    rows = [
        (f"{day}T{8 + place:02}:{minute:02}:00Z", person, hosts[(place + minute) % 3])
        for place, person in enumerate(people)
        for minute in range(0, 60, 20)
    ]
    rows += [(f"{day}T15:00:00Z", person, url) for person, url in more]
    roster.usage(landing / district / f"usage_{day}.csv", rows)


def _north(day: int) -> dict:
    """1.1: a mover, teachers of several schools, two user rows of one person, a mailbox that two share, names with quotes."""
    files = roster.good()
    users = files["users.csv"]
    users += [
        roster.user("M1", "student", "A" if day < 2 else "B", "03"),
        roster.user("T3", "teacher", "A, B", "01, 02", identifier="E3", email="many@schools.example"),
        roster.user("T4", "administrator", "B", identifier="E3", email="many@schools.example"),
        roster.user("O1", "aide", "A", identifier="E7", email="office@schools.example"),
        roster.user("O2", "aide", "B", identifier="E8", email="office@schools.example"),
        roster.user("007", "student", "A", "PK"),
        # Guardians are on no roster, but for one who teaches too.
        roster.user("G1", "guardian", "A", email="guardian@schools.example"),
        roster.user("G2", "guardian", "A", identifier="E1", email="t1@schools.example"),
    ]
    # Addresses that pass from one to the next make one person of all, over more links than any fixed number of joins follows.
    users += [
        roster.user(f"X{number}", "aide", "A", email=f"chain{number + (day >= 2)}@schools.example")
        for number in range(18)
    ]
    files["orgs.csv"].append(roster.org("C", "O'Neill \\ École", "school", "D"))
    if day >= 2:
        users.append(roster.user("S9", "student", "C", "12"))
        users[:] = [user for user in users if user["sourcedId"] != "S3"]
        files["enrollments.csv"].append(roster.enrollment("K1", "A", "M1", "student", "2020-10-01", "2020-10-06"))
    return files


def _south() -> dict:
    """1.2: roles of their own, some of which end."""
    return {
        "orgs.csv": [roster.org("D", "South", "district"), roster.org("A", "Alpha", "school", "D"), roster.org("B", "Zanzibar", "school", "D")],
        "users.csv": [roster.user_1_2("S1", "09"), roster.user_1_2("T1", primary_org="B"), roster.user_1_2("P1"), roster.user_1_2("G1"), roster.user_1_2("H1")],
        "roles.csv": [
            roster.role("S1", "student", "A", "primary"),
            roster.role("T1", "teacher", "A", "primary", end="2020-10-06"),
            roster.role("T1", "teacher", "B"),
            roster.role("P1", "parent", "A", "primary"),
            roster.role("G1", "guardian", "A", "primary"),
            roster.role("G1", "teacher", "B", begin="2020-10-02"),
            roster.role("H1", "principal", "A", "primary"),
        ],
    }  # fmt: skip


def _templates(folder: Path, day: str, *more: dict[str, str]) -> None:
    """No OneRoster: schools by name, with accents, tabs and separators of all kinds; a chain of addresses is one person."""
    educators = [
        {"sis_id": "7", "first_name": "Ana", "last_name": "Ruiz", "email": "t1@schools.example", "role": "Teacher",
         "school_name": "École Élémentaire", "grade_level": "1; 2"},
        {"sis_id": "8", "first_name": "Bo", "last_name": "Li", "email": "t2@schools.example", "role": "Teacher",
         "school_name": "Ecole Elementaire | Müller School", "grade_level": "03|04"},
        {"sis_id": "9", "first_name": "It's", "last_name": "O\\Brien", "email": "ob@schools.example", "role": "Principal",
         "school_name": "\u00a0Muller  School\t", "grade_level": ""},
        *more,
    ]  # fmt: skip
    roster.template(folder / f"educators_{day}.csv", "educators", educators)
    students = [
        {"sis_id": f"0{number}", "email": f"pupil{number}@schools.example", "school_name": "École Élémentaire", "grade_level": grade}
        for number, grade in enumerate(("K", "01", "9th", "nonsense"))
    ]  # fmt: skip
    roster.template(folder / f"students_{day}.csv", "students", students)


def first(house: House) -> None:
    """Three districts at once."""
    for district, settings in SETTINGS.items():
        _district(house.landing, district, settings)
    roster.write(house.landing / "north" / "roster_2020-10-01.zip", _north(1), _own_columns)
    roster.write(house.landing / "south" / "roster_2020-10-01.zip", _south())
    (house.landing / "001" / "schools_2020-09-15.csv").write_text(
        "id,name,aliases\n01,École Élémentaire,Ecole Elem; EE\n02,Müller School,\n03,O'Neill \\ Annex,Annex\n", "utf-8"
    )
    for district, lines in {
        "north": "Boss@schools.example,director,\nprincipal@schools.example,principal,Alpha School\n"
        "principal@schools.example,principal,B\nviewer@schools.example,viewer,\n",
        "south": "data@south.example,data_manager,\n",
        "001": "lead@001.example,curriculum,Ecole Elem\n",
    }.items():
        (house.landing / district / "access_2020-10-01.csv").write_text(ACCESS + lines, "utf-8")
    _templates(house.landing / "001", "2020-10-01")
    for district in ("north", "south", "001"):
        _products(
            house.landing / district / "products_2020-09-01.csv",
            "P1,Docs,Google,docs.google.com,K12,Writing,approved,green",
            'P2,"It\'s, all",Example,example.com;it-s.example.org,K12,,Denied,',
        )
        for day in ("2020-10-01", "2020-10-02"):
            _use(house.landing, district, day)


def further_day(house: House) -> None:
    """Use alone, of one district, with someone and a host never seen before."""
    _use(house.landing, "north", "2020-10-05", ("new@else.org", "https://never.seen.co.uk/a"))


def late_roster(house: House) -> None:
    """A roster of before the last day of use: someone has moved, left, come; a role ends."""
    roster.write(house.landing / "north" / "roster_2020-10-02.zip", _north(2), _own_columns)


def moved_host(house: House) -> None:
    """A catalog that gives a host to another product, and splits one by path."""
    _products(
        house.landing / "north" / "products_2020-10-05.csv",
        "P1,Docs,Google,docs.google.com/d,K12,Writing,approved,green",
        'P2,"It\'s, all",Example,it-s.example.org,K12,,Denied,',
        "P3,Other,Example,example.com,K12,,approved,",
    )


def other_templates(house: House) -> None:
    """A list of educators with one more, and use, in the district that has no OneRoster."""
    more = {"sis_id": "10", "first_name": "New", "last_name": "One", "email": "new@schools.example", "role": "Teacher",
            "school_name": "MULLER-SCHOOL", "grade_level": "05"}  # fmt: skip
    _templates(house.landing / "001", "2020-10-06", more)
    _use(house.landing, "001", "2020-10-06")


def other_settings(house: House) -> None:
    """School years that begin elsewhere, another column kept, fewer who may look, other names of schools; a roster of the summer is held."""
    _district(house.landing, "south", 'school_year_start = "10-02"\nblackouts = ["10-01/10-31"]\n')
    _district(
        house.landing, "001", 'school_year_start = "09-01"\n[extensions]\nstaff = ["room"]\nstudents = ["room"]\n'
    )
    (house.landing / "north" / "access_2020-10-07.csv").write_text(
        ACCESS + "boss@schools.example,director,\nviewer@schools.example,viewer,Beta School\n", "utf-8"
    )
    (house.landing / "001" / "schools_2020-10-07.csv").write_text(
        "id,name,aliases\n01,École Élémentaire,\n02,Müller School,MS\n", "utf-8"
    )
    roster.write(house.landing / "south" / "roster_2020-10-07.zip", _south())
    _use(house.landing, "south", "2020-10-07")


def backfilled(house: House) -> Days:
    """A roster and use of before everything else."""
    files = _north(1)
    files["users.csv"] = [user for user in files["users.csv"] if user["sourcedId"] != "T2"]
    roster.write(house.landing / "north" / "roster_2020-09-28.zip", files, _own_columns)
    _use(house.landing, "north", "2020-09-28")
    return Days(date(2020, 9, 1), date(2020, 9, 30))


def withdrawn(house: House) -> None:
    """A day of use that should not have come."""
    (delivery_id,) = house.query(
        "duckdb",
        "select delivery_id from fct_deliveries where district_id = 'south' and file_name = 'usage_2020-10-02.csv'",
    )[0]
    withdraw.withdraw(house.settings("duckdb"), f"south/{delivery_id}", take.Decision("Ada", "half a day"))


STEPS: dict[str, Callable[[House], Days | None]] = {
    step.__name__: step
    for step in (first, further_day, late_roster, moved_host, other_templates, other_settings, backfilled, withdrawn)
}


def all_at_once(house: House) -> None:
    """All that comes by itself, in one: what there is time for at each change."""
    for step in (further_day, late_roster, moved_host, other_templates, other_settings):
        step(house)
