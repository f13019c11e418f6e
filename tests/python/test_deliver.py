"""What districts are given: templates to fill in, a way to deliver a file, and the list of members."""

from __future__ import annotations

import json
from datetime import date

import pytest

import roster
from rollcall.districts import District
from rollcall.intake import landing, take
from rollcall.intake.examples import EXAMPLES


@pytest.fixture(scope="module")
def with_a_roster(session_house):
    """A house whose district has delivered the schools of the sample `orgs.csv`."""
    house = session_house("deliver")
    files = roster.good()
    files["orgs.csv"] = EXAMPLES["orgs"][1]
    for name, column in (
        ("users.csv", "orgSourcedIds"),
        ("classes.csv", "schoolSourcedId"),
        ("enrollments.csv", "schoolSourcedId"),
    ):
        for row in files[name]:
            row[column] = "101"
    roster.write(house.landing / "oak" / "roster_2020-10-01.zip", files)
    (outcome,) = house.take()
    assert outcome.verdict == "accepted", outcome.report.as_text()
    return house


@pytest.mark.parametrize("kind", [kind for kind in EXAMPLES if kind != "orgs"])
def test_a_template_is_a_delivery_as_it_is(kind, with_a_roster, tmp_path):
    file = tmp_path / f"{kind}.csv"
    done = with_a_roster.run("template", kind, "--out", str(file))
    assert str(file) in done.stdout
    delivery = landing.describe(file, District(district_id="oak"))
    assert delivery.kind == kind
    assert take.check(delivery, with_a_roster.settings).findings == []
    written = file.read_bytes()
    assert "exists" in with_a_roster.run("template", kind, "--out", str(file), code=1).stderr
    assert file.read_bytes() == written


def test_a_template_that_is_none_is_named(house):
    words = " ".join(house.run("template", "teachers", code=2).stderr.replace("│", " ").split())
    assert "'teachers' is not a template; the templates are educators, students" in words


def test_a_file_is_checked_and_placed_whole(with_a_roster, tmp_path):
    folder = with_a_roster.landing / "oak"
    good, bad = tmp_path / "educators.csv", tmp_path / "students.csv"
    with_a_roster.run("template", "educators", "--out", str(good))
    bad.write_text(good.read_text().replace("sis_id", "SIS ID"))
    done = with_a_roster.run("deliver", str(bad), "--district", "oak", "--yes", code=20)
    assert "'sis_id', not 'SIS ID'" in done.stdout and "Not placed" in done.stdout
    assert not list(folder.glob("*.csv"))
    # Nobody answers the question: nothing is placed.
    assert with_a_roster.run("deliver", str(good), "--district", "oak", code=1).stdout
    assert not list(folder.glob("*.csv"))
    for name in ("educators.csv", "educators-2.csv"):
        done = with_a_roster.run("deliver", str(good), "--district", "oak", "--yes")
        assert name in done.stdout
        assert (folder / name).read_bytes() == good.read_bytes()
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []
    assert "there are: oak" in with_a_roster.run("deliver", str(good), "--district", "oa", "--yes", code=1).stderr


def test_the_list_of_members_is_what_the_files_say(house):
    (house.landing / "oak").mkdir(parents=True)
    assert "0 members" in house.run("members", "list", "--district", "oak").stdout
    for name in ("ada", "bo", "cy"):
        house.run(
            "members",
            "add",
            "--district",
            "oak",
            "--email",
            f"{name}@oak.example",
            "--first-name",
            name.title(),
            "--last-name",
            "Byron",
        )
        house.take()
    house.run("members", "remove", "--district", "oak", "--email", "bo@oak.example")
    house.take()
    listed = json.loads(house.run("members", "list", "--district", "oak", "--json").stdout)
    assert [(one["email"], one["first_name"], one["role"]) for one in listed] == [
        ("ada@oak.example", "Ada", "teacher"),
        ("cy@oak.example", "Cy", "teacher"),
    ]
    assert all(date.fromisoformat(one["since"]) for one in listed)
    assert "2 members" in house.run("members", "list", "--district", "oak").stdout


def test_a_member_is_added_to_schools_that_are_there(house):
    """What the refresh would set aside is refused at once, and a name with a comma in it is one school."""
    roster_file = roster.write(house.landing / "oak" / "roster_2020-10-01.zip")
    add = ["members", "add", "--district", "oak", "--email", "ada@oak.example", "--first-name", "Ada", "--last-name", "Byron"]  # fmt: skip
    refused = {
        ("--school", "Alpha School"): "'Alpha School' is not a school of the district",  # before there is a roster
        ("--grade", "03"): "name the school too",
    }
    waiting = house.root / roster_file.name
    roster_file.rename(waiting)
    for more, words in refused.items():
        assert words in _words(house.run(*add, *more, code=2).stderr)
    waiting.rename(roster_file)
    house.take()
    for more, words in {
        ("--school", "Alfa Scool"): "closest: 'Alpha School' (A)",
        ("--school", "A", "--grade", "13th?"): "'13th?' is not a known grade",
        ("--school", "A", "--end-date", "2020-10-01"): "is not a date after today",
        ("--school", "A", "--end-date", "20991231"): "is not a date after today",
    }.items():
        assert words in _words(house.run(*add, *more, code=2).stderr), more
    assert not list(house.landing.rglob("members_*"))
    house.run(*add, "--school", "alpha school", "--school", "B", "--grade", "03", "--grade", "K", "--end-date", "2099-06-30")  # fmt: skip
    (taken,) = house.take()
    assert taken.verdict == "accepted" and not taken.report.findings, taken.report.as_text()
    (listed,) = json.loads(house.run("members", "list", "--district", "oak", "--json").stdout)
    assert (listed["schools"], listed["grades"], listed["until"]) == ("A; B", "03, K", "2099-06-30")
    said = house.run("members", "list", "--district", "oak").stdout
    assert "teacher  at A; B, grades 03, K  since" in said and "until 2099-06-30" in said


def _words(text: str) -> str:
    """Without the frame that Typer draws around an error."""
    return " ".join(text.replace("│", " ").split())
