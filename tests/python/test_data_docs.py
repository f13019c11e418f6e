"""Great Expectations decides every delivery, and its Data Docs say what it was asked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import roster
from rollcall.expectations import docs

TEACHERS = [
    {
        "sis_id": "T1",
        "first_name": "Ada",
        "email": "ada@d.example",
        "school_name": "Alfa School",
        "grade_level": "13th?",
    }
]


def _html(folder: Path) -> str:
    return "".join(file.read_text("utf-8") for file in folder.rglob("*.html"))


def test_data_docs_say_what_was_asked_and_name_nobody(house):
    files = roster.good()
    files["users.csv"][1]["grades"] = "13th?"
    files["users.csv"].append(roster.user("T9", "teacher", "A", email="no address"))
    roster.write(house.landing / "d" / "roster_2020-10-01.zip", files)
    roster.template(
        house.landing / "d" / "educators_2020-10-01.csv",
        "educators",
        [*TEACHERS, TEACHERS[0] | {"sis_id": "T2", "school_id": "A", "school_name": ""}],
    )
    rows = [("2020-10-01T09:00:00Z", "s1@schools.example", url) for url in ("about:blank", "https://app.example/")]
    roster.usage(house.landing / "d" / "usage_2020-10-01.csv", rows)
    roster.write(house.landing / "other" / "roster_2020-10-01.zip")
    assert {outcome.verdict for outcome in house.take()} == {"accepted"}
    pages = docs.pages(house.settings)
    of = {page.parent.name: _html(page.parent) for page in pages if page.parent.parent.name == "d"}
    assert "user-grade-valid (warning)" in of["oneroster"] and "template-email-present (error)" in of["educators"]
    assert "usage-url-valid (error)" in of["usage"]
    assert len(pages) == 4
    kept = "".join(file.read_text("utf-8") for file in house.build.rglob("*.json"))
    for value in ("Quillfeather", "s1@schools.example", "t1@schools.example", "no address", "ada@d.example"):
        assert value not in kept + "".join(of.values())


def test_a_severity_of_the_district_changes_verdict_report_and_data_docs(house):
    files = roster.good()
    files["users.csv"][1]["grades"] = "13th?"
    roster.write(house.landing / "d" / "roster_2020-10-01.zip", files)
    (house.landing / "d" / "district.toml").write_text('[rules]\nuser-grade-valid = "reject"\n')
    (outcome,) = house.take()
    assert outcome.verdict == "rejected" and outcome.report_folder
    assert 'href="data_docs/index.html"' in (outcome.report_folder / "report.html").read_text("utf-8")
    assert "user-grade-valid (reject)" in _html(outcome.report_folder / "data_docs")


def test_without_great_expectations_nothing_is_accepted_and_nothing_lost(house, tmp_path):
    stub = tmp_path / "stub" / "great_expectations"
    stub.mkdir(parents=True)
    (stub / "__init__.py").write_text("raise ImportError('it is broken')\n")
    good = roster.write(house.landing / "d" / "roster_2020-10-01.zip")
    bad = house.landing / "d" / "letter.csv"
    bad.write_text("dear,sir\n")
    environment = house.environment | {"PYTHONPATH": f"{stub.parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    for arguments in (["check", str(good)], ["refresh"]):
        done = subprocess.run(
            [sys.executable, "-m", "rollcall", *arguments],
            env=environment,
            cwd=house.root,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1, done.stdout + done.stderr
        (line,) = done.stderr.splitlines()
        assert "Great Expectations cannot be imported (ImportError: it is broken)" in line
        assert good.exists() and bad.exists() and not list(house.quarantine.rglob("*.csv"))
        assert not list(house.lake.glob("deliveries/district_id=d/*"))
    assert house.refresh(code=20)["counts"]["accepted_deliveries"] == 1
