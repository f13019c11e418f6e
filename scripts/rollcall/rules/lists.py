"""What a row of each list of a delivery is, and what follows where it cannot be used."""

from __future__ import annotations

from dataclasses import dataclass

from rollcall.rules.wording import Count


@dataclass(frozen=True)
class List:
    """A list by the name of its table: what its rows are, one and many, and the effect of rows that are not used."""

    rows: str
    unused: str

    def counted(self, count: int) -> str:
        return f"{Count(count):{self.rows}}"

    def effect(self, count: int) -> str:
        return f"{Count(count):{self.unused}}"


_PEOPLE = (
    "The person in this row is left off the roster, and leaves it if they were on it"
    "|The people in these # rows are left off the roster, and leave it if they were on it"
)
_SCHOOLS = List("# school|# schools", "This school is not in the list|These # schools are not in the list")
LISTS = {
    "orgs": List(
        "# org|# orgs",
        "This org is left out, and people who belong to no other org leave the roster"
        "|These # orgs are left out, and people who belong to no other org leave the roster",
    ),
    "users": List("# user|# users", _PEOPLE),
    "roles": List(
        "# role|# roles",
        "This role is left out, and the person leaves the roster if it is their only one"
        "|These # roles are left out, and people without another role leave the roster",
    ),
    "classes": List(
        "# class|# classes",
        "This class is left out, with its enrollments|These # classes are left out, with their enrollments",
    ),
    "enrollments": List(
        "# enrollment|# enrollments",
        "This enrollment is left out: the person does not count in the class"
        "|These # enrollments are left out: their people do not count in those classes",
    ),
    "courses": List(
        "# course|# courses",
        "This course is left out, and its classes have no grade from it"
        "|These # courses are left out, and their classes have no grades from them",
    ),
    "academicSessions": List("# session|# sessions", "This session is left out|These # sessions are left out"),
    "educators": List("# educator|# educators", _PEOPLE),
    "students": List("# student|# students", _PEOPLE),
    "members": List(
        "# member|# members",
        "The person in this row is not added|The people in these # rows are not added",
    ),
    "access_list": List(
        "# grant|# grants", "This row gives no access to anyone|These # rows give no access to anyone"
    ),
    "school_list": _SCHOOLS,
    "schools": _SCHOOLS,  # as the kind of the file is called
    "products": List(
        "# product|# products",
        "This product is left out of the catalog, and its use counts as that of an uncataloged domain"
        "|These # products are left out of the catalog, and their use counts as that of uncataloged domains",
    ),
    "usage": List("# page load|# page loads", "This page load is not counted|These # page loads are not counted"),
}  # fmt: skip
