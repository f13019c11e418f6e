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
