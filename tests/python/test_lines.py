"""A finding names the line of the file, in files of any size, whatever the intake looks up for their rows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import roster
from rollcall.districts import District
from rollcall.intake import landing, take
from rollcall.settings import Settings

_MANY = 150_000  # rows: enough that two threads read the file


def _rows_found(path: Path, rule: str, **district: object) -> list[int]:
    """The rows of which a check of the file says that they break the rule."""
    settings = Settings(build=path.parent / "build", lake=path.parent / "lake", threads=2)
    report = take.check(landing.describe(path, District(district_id="d", **district)), settings)
    return sorted(row for rule_id, _, _, row, _, _ in report.rows if rule_id == rule)


def _wrong(rows: list[dict[str, str]], column: str, every: int, value: str) -> list[int]:
    """Puts a wrong value into one of so many rows. The rows, as a spreadsheet numbers them."""
    for row in rows[every - 1 :: every]:
        row[column] = value
    return [place + 2 for place in range(every - 1, len(rows), every)]


@pytest.mark.parametrize(("version", "count"), [("1.1", _MANY), ("1.2", _MANY), ("1.2", 300)])
def test_a_finding_in_a_list_of_users_names_its_line(tmp_path, version, count):
    files = {"orgs.csv": roster.good()["orgs.csv"]}
    ids = [f"{number:07}-{os.urandom(4).hex()}" for number in range(count)]
    if version == "1.1":
        files["users.csv"] = [roster.user(id_, "student", "A", "09") for id_ in ids]
    else:
        files["users.csv"] = [roster.user_1_2(id_, "09") for id_ in ids]
        files["roles.csv"] = [roster.role(id_, "student", "A", "primary") for id_ in ids]
    wrong = _wrong(files["users.csv"], "enabledUser", count // 30, "perhaps")
    assert _rows_found(roster.write(tmp_path / "roster.zip", files), "user-enabled-valid") == wrong


@pytest.mark.parametrize("count", [_MANY, 300])
def test_a_finding_in_a_template_names_its_line(tmp_path, count):
    people = [
        {"sis_id": str(n), "first_name": f"Given{n}", "last_name": f"Family{n}", "email": f"person.{n}@schools.example",
         "role": "teacher", "school_name": "Alpha School", "grade_level": "09"}
        for n in range(count)
    ]  # fmt: skip
    wrong = _wrong(people, "grade_level", count // 30, "nineteenth")
    path = roster.template(tmp_path / "educators.csv", "educators", people)
    assert _rows_found(path, "template-grade-valid") == wrong


def test_a_finding_in_an_access_list_names_its_line(tmp_path):
    path = tmp_path / "access.csv"
    roles = ["viewer" if n % 97 else "nobody" for n in range(1, 1000)]
    path.write_text("\n".join(["email,role,school", *(f"p{n}@x.example,{role}," for n, role in enumerate(roles))]))
    expected = [place + 2 for place, role in enumerate(roles) if role == "nobody"]
    assert _rows_found(path, "access-role-valid") == expected


def test_a_column_called_as_the_row_id_does_not_number_the_rows(tmp_path):
    path = tmp_path / "educators.csv"
    header = "sis_id,first_name,last_name,email,role,school_id,school_name,grade_level,rowid"
    people = [
        f"{n},Ada,Byron,p{n}@x.example,teacher,,Alpha School,{'13th?' if n % 3 else '09'},{900 - n}" for n in range(300)
    ]
    path.write_text("\n".join([header, *people]))
    found = _rows_found(path, "template-grade-valid", extensions={"staff": ["rowid"]})
    assert found == [n + 2 for n in range(300) if n % 3]
