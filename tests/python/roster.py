"""OneRoster sets made in the tests: a good one, and copies of it with one thing wrong."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

from rollcall.rules import schema

HEADERS = {
    version: {name: [c.name for c in columns] for name, columns in schema.oneroster_files(version).items()}
    for version in schema.ONEROSTER_VERSIONS
}


def org(id_: str, name: str, type_: str, parent: str = "") -> dict[str, str]:
    return {"sourcedId": id_, "name": name, "type": type_, "parentSourcedId": parent}


def user(id_: str, role: str, orgs: str, grades: str = "", **more: str) -> dict[str, str]:
    given, family = more.pop("name", f"Given{id_} Family{id_}").split()
    return {
        "sourcedId": id_,
        "enabledUser": "true",
        "orgSourcedIds": orgs,
        "role": role,
        "username": f"user.{id_}",
        "givenName": given,
        "familyName": family,
        "email": f"{id_}@schools.example".lower(),
        "grades": grades,
        **more,
    }


def class_(id_: str, school: str, grades: str, course: str = "C1") -> dict[str, str]:
    return {
        "sourcedId": id_,
        "title": id_,
        "grades": grades,
        "courseSourcedId": course,
        "classType": "scheduled",
        "schoolSourcedId": school,
        "termSourcedIds": "Y",
    }


def enrollment(class_id: str, school: str, user_id: str, role: str, begin: str = "", end: str = "") -> dict[str, str]:
    return {
        "sourcedId": f"{class_id}-{user_id}-{begin}",
        "classSourcedId": class_id,
        "schoolSourcedId": school,
        "userSourcedId": user_id,
        "role": role,
        "beginDate": begin,
        "endDate": end,
    }


def good() -> dict[str, list[dict[str, str]]]:
    """One district with two schools, pupils, a teacher by class, one by lists, an administrator of the district."""
    files = {
        "orgs.csv": [
            org("D", "Grand District", "district"),
            org("A", "Alpha School", "school", "D"),
            org("B", "Beta School", "school", "D"),
        ],
        "academicSessions.csv": [
            {
                "sourcedId": "Y", "title": "2020-2021", "type": "schoolYear", "startDate": "2020-08-17",
                "endDate": "2021-05-28", "schoolYear": "2021",
            }
        ],
        "courses.csv": [{"sourcedId": "C1", "title": "Algebra", "grades": "09", "orgSourcedId": "D"}],
        "classes.csv": [class_("K1", "A", "")],
        "users.csv": [
            user("S1", "student", "A", "09", phone="555-0101", name="Penelope Quillfeather"),
            user("S2", "student", "A", "9"),
            user("S3", "student", "B", "Kindergarten"),
            user("T1", "teacher", "A", identifier="E1"),
            user("T2", "teacher", "A, B", "03,06"),
            user("A1", "administrator", "D"),
        ],
        "enrollments.csv": [
            enrollment("K1", "A", "S1", "student", "2020-08-17", "2021-05-28"),
            enrollment("K1", "A", "T1", "teacher", "2020-08-17", "2021-05-28"),
        ],
        "demographics.csv": [{"sourcedId": "S1", "birthDate": "2006-01-01", "sex": "female"}],
    }  # fmt: skip
    return deepcopy(files)


def version_of(files: dict[str, list[dict[str, str]]]) -> str:
    return "1.2" if "roles.csv" in files else "1.1"


def manifest(files: dict[str, list[dict[str, str]]], deltas: set[str] | None = None) -> str:
    version = version_of(files)
    lines = ["propertyName,value", "manifest.version,1.0", f"oneroster.version,{version}"]
    for name in HEADERS[version]:
        mode = "absent" if name not in files else "delta" if name in (deltas or ()) else "bulk"
        lines += [f"file.{name[:-4]},{mode}"] if name != "manifest.csv" else []
    return "\n".join(lines) + "\n"


def texts(files: dict[str, list[dict[str, str]]], deltas: set[str] | None = None) -> dict[str, bytes]:
    """The CSVs of a set as bytes, the manifest included."""
    made = {"manifest.csv": manifest(files, deltas).encode()}
    for name, rows in files.items():
        stream = io.StringIO()
        writer = csv.DictWriter(stream, HEADERS[version_of(files)][name], restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        made[name] = stream.getvalue().encode()
    return made


def write(
    path: Path,
    files: dict[str, list[dict[str, str]]] | None = None,
    change: Callable[[dict[str, bytes]], object] = lambda made: None,
    deltas: set[str] | None = None,
) -> Path:
    """Zips a set (the good one by default) after `change` has had its CSVs."""
    made = texts(good() if files is None else files, deltas)
    change(made)
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in made.items():
            archive.writestr(name, content)
    return path


def usage(path: Path, rows: list[tuple[str, str, str]], header: str = "occurred_at,user_email,url") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n", "utf-8")
    return path


def user_1_2(id_: str, grades: str = "", primary_org: str = "", **more: str) -> dict[str, str]:
    row = user(id_, "", "", grades, **more)
    return {key: value for key, value in row.items() if key not in ("role", "orgSourcedIds")} | {
        "primaryOrgSourcedId": primary_org
    }


def role(
    user_id: str, role_: str, org_id: str, type_: str = "secondary", begin: str = "", end: str = ""
) -> dict[str, str]:
    return {
        "sourcedId": f"{user_id}-{role_}-{org_id}-{begin}",
        "userSourcedId": user_id,
        "roleType": type_,
        "role": role_,
        "orgSourcedId": org_id,
        "beginDate": begin,
        "endDate": end,
    }


def template(path: Path, kind: str, rows: list[dict[str, str]]) -> Path:
    """A template CSV: educators, students, members or schools."""
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = [*schema.FORMS[kind][0]]
    if kind == "members":
        is_placed = any(row.get(name) for row in rows for name in schema.MEMBER_PLACES)
        columns = [*(columns if is_placed else schema.TEMPLATE_COLUMNS[kind]), schema.MEMBER_OPTIONAL[0]]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path
