"""The files that a district fills in, with rows that show how: what `rollcall template` writes."""

from __future__ import annotations

import csv
import io

from rollcall.rules import schema

_EDUCATOR = {
    "sis_id": "E1001", "first_name": "Maria", "last_name": "Alvarez", "email": "malvarez@district.example", "role": "Teacher",
    "school_id": "101", "school_name": "Oak Hill Elementary School", "grade_level": "03",
}  # fmt: skip
_STUDENT = {
    "sis_id": "S2001", "school_id": "101", "school_name": "Oak Hill Elementary School", "grade_level": "03"
}  # fmt: skip
_PAGE_LOAD = {
    "occurred_at": "2026-09-08T09:15:00-05:00", "user_email": "malvarez@district.example", "url": "https://docs.example.com/lesson",
    "duration_seconds": "120", "event_id": "1",
}  # fmt: skip
_PRODUCT = {
    "product_id": "P1", "product_name": "Example Docs", "provider": "Example Inc.", "url": "docs.example.com;example.com",
    "sector": "Education", "essential_function": "Core", "product_status": "Approved", "privacy_status": "Signed",
}  # fmt: skip

# Kind → (columns, example rows). A cell that is not named is blank.
EXAMPLES: dict[str, tuple[tuple[str, ...], list[dict[str, str]]]] = {
    "educators": (
        schema.TEMPLATE_COLUMNS["educators"],
        [
            _EDUCATOR,
            # A second school or grade is a second row of the same person.
            _EDUCATOR | {"school_id": "102", "school_name": "Pine Street School", "grade_level": "04"},
            _EDUCATOR
            | {"sis_id": "E1002", "first_name": "James", "last_name": "Chen", "email": "jchen@district.example"}
            | {"role": "Librarian", "grade_level": ""},
        ],
    ),
    "students": (
        schema.TEMPLATE_COLUMNS["students"],
        [_STUDENT, _STUDENT | {"sis_id": "S2002", "grade_level": "KG"}],
    ),
    "members": (
        schema.FORMS["members"][0],
        [
            {"first_name": "Priya", "last_name": "Shah", "email": "pshah@district.example", "role": "Teacher"},
            # With a school they count there too, in these grades, until the day of end_date.
            {"first_name": "Omar", "last_name": "Reyes", "email": "oreyes@district.example", "role": "Teacher"}
            | {"school": "101", "grade_level": "03, 04", "end_date": "2027-06-30"},
        ],
    ),
    "usage": (
        schema.USAGE_COLUMNS,
        [_PAGE_LOAD, _PAGE_LOAD | {"occurred_at": "2026-09-08T09:20:00-05:00", "event_id": "2"}],
    ),
    "products": (
        schema.PRODUCT_COLUMNS,
        [
            _PRODUCT,
            _PRODUCT
            | {"product_id": "P2", "product_name": "Example Games", "url": "games.example", "product_status": "Denied"}
            | {"privacy_status": ""},
        ],
    ),
    # Of a district without OneRoster; aliases are separated by semicolons.
    "schools": (
        schema.SCHOOL_COLUMNS,
        [
            {"id": "101", "name": "Oak Hill Elementary School", "aliases": "Oak Hill Elem.; OHES"},
            {"id": "102", "name": "Pine Street School"},
        ],
    ),
    # Who may see the figures: a blank school is the whole district.
    "access": (
        schema.ACCESS_COLUMNS,
        [
            {"email": "malvarez@district.example", "role": "principal", "school": "101"},
            {"email": "jchen@district.example", "role": "director"},
        ],
    ),
    # One file of a OneRoster zip: the schools to which users.csv refers.
    "orgs": (
        tuple(column.name for column in schema.oneroster_files("1.1")["orgs.csv"]),
        [
            {"sourcedId": "1", "name": "Example School District", "type": "district"},
            {"sourcedId": "101", "name": "Oak Hill Elementary School", "type": "school", "parentSourcedId": "1"},
            {"sourcedId": "102", "name": "Pine Street School", "type": "school", "parentSourcedId": "1"},
        ],
    ),
}


def template(kind: str) -> str:
    """The CSV to fill in, with example rows to replace."""
    columns, rows = EXAMPLES[kind]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
