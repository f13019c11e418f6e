"""The rules on rows as Great Expectations suites find what the intake has found."""

from __future__ import annotations

from collections import Counter

import roster
from rollcall.districts import District
from rollcall.intake import lake, landing, take
from rollcall.rules import RULES
from rollcall.settings import Settings


def test_great_expectations_finds_what_the_intake_finds(tmp_path):
    from rollcall.expectations.docs import render

    settings = Settings(
        landing=tmp_path / "landing", build=tmp_path / "build", lake=tmp_path / "lake", archive=tmp_path / "archive",
        quarantine=tmp_path / "quarantine", warehouse=tmp_path / "warehouse",
    )  # fmt: skip
    lake.prepare(settings)
    files = roster.good()
    files["users.csv"][1]["grades"] = "13th?"
    files["users.csv"][2]["orgSourcedIds"] = "Q"
    files["users.csv"].append(roster.user("T9", "wizard", "A", email="no address"))
    files["enrollments.csv"][0]["classSourcedId"] = "K9"
    files["classes.csv"][0]["classType"] = "elective"
    template = [{"sis_id": "T1", "email": "", "school_name": "Alfa School", "grade_level": "3"}]
    found: dict[str, Counter] = {}
    for path in (
        roster.write(tmp_path / "landing" / "d" / "roster_2020-10-01.zip", files),
        roster.template(tmp_path / "landing" / "d" / "educators_2020-10-01.csv", "educators", template),
    ):
        outcome = take.take(landing.describe(path, District(district_id="d")), settings)
        broken = {finding.rule for finding in outcome.report.findings}
        found[str(outcome.delivery.kind)] = {rule for rule in broken if RULES[rule].checks}
    page, counts = render(settings)
    assert {kind: {rule for rule, count in of_kind.items() if count} for kind, of_kind in counts.items()} == found
    assert len(found["oneroster"]) >= 6 and len(counts["oneroster"]) > 25
    pages = "".join(file.read_text("utf-8") for file in page.parent.rglob("*.html"))
    assert "user-orgs-resolve" in pages and "template-email-present" in pages
    for value in ("Quillfeather", "s1@schools.example", "t1@schools.example", "no address"):
        assert value not in pages
