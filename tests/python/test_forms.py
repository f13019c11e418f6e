"""Every form of roster becomes one person with dated memberships: named cases, and random districts against brute force."""

from __future__ import annotations

import csv
import random
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

import forms
import roster
from forms import DATES, NAMES, Delivery, Oracle
from rollcall.rules import schema

ORGS = [roster.org("D", "Grand District", "district"), *(roster.org(i, n, "school", "D") for i, n in NAMES.items())]
FIRST, SECOND, THIRD = DATES


def oneroster(*users: dict, day=FIRST, deltas=(), classes=(), enrollments=(), roles=None, orgs=ORGS) -> Delivery:
    files = {
        "orgs.csv": list(orgs),
        "users.csv": list(users),
        "classes.csv": list(classes),
        "enrollments.csv": list(enrollments),
    }
    return Delivery("oneroster", day, files | ({"roles.csv": roles} if roles is not None else {}), set(deltas))


def educators(*rows: tuple[str, ...], day=FIRST) -> Delivery:
    names = ("sis_id", "email", "school_id", "grade_level", "school_name", "role")
    said = [{"first_name": "Ada", "last_name": "Byron", **dict(zip(names, row, strict=False))} for row in rows]
    return Delivery("educators", day, {"educators": said})


def students(*rows: tuple[str, ...], day=FIRST) -> Delivery:
    names = ("sis_id", "email", "school_id", "grade_level")
    return Delivery("students", day, {"students": [dict(zip(names, row, strict=False)) for row in rows]})


def members(*rows: tuple[str, ...], day=FIRST) -> Delivery:
    names = ("email", "school", "grade_level", "end_date")
    said = {"first_name": "Ada", "last_name": "Byron", "role": "teacher"}
    return Delivery("members", day, {"members": [{**said, **dict(zip(names, row, strict=False))} for row in rows]})


def member(email: str) -> Delivery:
    return members((email,))


def schools(*rows: tuple[str, str, str], day=FIRST) -> Delivery:
    return Delivery("schools", day, {"schools": [dict(zip(schema.SCHOOL_COLUMNS, row, strict=True)) for row in rows]})


def mail(**more: str) -> dict[str, str]:
    return {"email": "ada@d.example", **more}


K = [roster.class_("KA", "A", "03"), roster.class_("KB", "B", "06")]
LISTS = roster.user("T1", "teacher", "A, B", "03,06")

# What each district delivers. The four forms of one teacher come first.
CASES: dict[str, list[Delivery]] = {
    "form-one-user": [oneroster(roster.user("T1", "teacher", "A,B,C", **mail()))],
    "form-three-users": [
        oneroster(*(roster.user(f"T{o}", "teacher", o, identifier="E1", email=f"{o}@d.example") for o in "ABC"))
    ],
    "form-roles": [
        oneroster(roster.user_1_2("T1", **mail()), roles=[roster.role("T1", "teacher", o) for o in "ABC"])
    ],
    "form-template": [educators(("T1", "ada@d.example", "A"), ("T1", "ada@d.example", "B"), ("T1", "ada@d.example", "C"))],
    "form-template-on-roster": [
        oneroster(roster.user("P1", "parent", "A")),
        educators(("", "ada@d.example", "", "", "ALPHA school"), ("", "ada@d.example", "B"), ("", "ada@d.example", "", "", "Gamma, Upper School")),
    ],
    "lists-with-classes": [
        oneroster(LISTS, classes=K, enrollments=[roster.enrollment("KA", "A", "T1", "teacher"), roster.enrollment("KB", "B", "T1", "teacher")])
    ],
    "lists-without-classes": [oneroster(LISTS, classes=K)],
    "lists-in-a-template": [educators(("T1", "ada@d.example", "A; B", "03|06"))],
    "own-dates": [
        oneroster(
            LISTS, classes=K,
            enrollments=[
                roster.enrollment("KA", "A", "T1", "teacher", "", "2020-12-20"),
                roster.enrollment("KB", "B", "T1", "teacher", "2021-01-05", "2021-05-28"),
            ],
        )
    ],
    "classes-at-one": [oneroster(LISTS, classes=K, enrollments=[roster.enrollment("KA", "A", "T1", "teacher")])],
    "two-roles": [
        oneroster(roster.user("T1", "teacher", "A", "03", **mail()), roster.user("A1", "administrator", "D", **mail())),
        member("ada@d.example"),
    ],
    "siblings": [
        oneroster(*(roster.user(i, "student", "A", "03", email="parent@d.example") for i in ("S1", "S2"))),
        students(("S1", "parent@d.example", "A", "03")),
    ],
    "grades": [
        oneroster(*(
            roster.user(f"S{n}", "student", "A", f'{grade}')
            for n, grade in enumerate(["9", "09", "9.0", "Ninth grade", "K", "Kindergarten", "PK4", "-1", "P", "K1", "13th?"])
        ))
    ],
    "member-then-roster": [
        member("ada@d.example"), oneroster(roster.user("S1", "student", "A")),
        oneroster(roster.user("S1", "student", "A"), roster.user("T1", "teacher", "B", **mail()), day=SECOND),
        oneroster(roster.user("S1", "student", "A"), day=THIRD),
    ],
    "member-at-schools": [
        oneroster(roster.user("S1", "student", "A", "03"), roster.user("S2", "student", "B", "06")),
        members(
            ("ada@d.example", "Alpha School; B", "03, 06", "2020-12-20"), ("bo@d.example", "A"), ("cy@d.example", "A", "", "2020-10-15"),
        ),
        # Said anew, it holds instead; after an end there is a gap.
        members(("bo@d.example", "Gamma, Upper School", "09"), ("cy@d.example", "A"), day=SECOND),
    ],
    "member-on-template": [
        educators(("T1", "bo@d.example", "", "03", "Alpha School")),
        members(("ada@d.example", "alpha school", "04")),
    ],
    "new-ids": [
        oneroster(roster.user("T1", "teacher", "A", identifier="E1", **mail()), roster.user("S1", "student", "A", identifier="N1")),
        oneroster(roster.user("T2", "teacher", "A", identifier="E1", email="ada.new@d.example"), roster.user("S2", "student", "A", identifier="N1"), day=SECOND),
    ],
    "template-leavers": [
        educators(("T1", "ada@d.example", "A", "03"), ("T2", "bo@d.example", "A", "03"), ("", "cy@d.example", "", "", "", "Admin")),
        students(("S1", "", "A", "3"), ("S2", "", "A", "3")),
        educators(("T1", "ada@d.example", "B", "03"), day=SECOND),
    ],
    "school-list": [
        educators(("T1", "ada@d.example", "", "03", "Alpha Elem."), ("T2", "bo@d.example", "", "03", "Alpha Elementary School"), ("T3", "cy@d.example", "", "05", "Gamma")),
        schools(("101", "Alpha Elementary School", "Alpha Elem; AES"), ("102", "Beta School", ""), day=SECOND),
        educators(("T1", "ada@d.example", "", "03", "aes"), ("T2", "bo@d.example", "101", "03"), ("T3", "cy@d.example", "", "05", "BETA school"), day=THIRD),
    ],
    "new-standard": [
        oneroster(roster.user("T1", "teacher", "A,B", **mail())),
        oneroster(
            roster.user_1_2("T1", primary_org="B", **mail()), day=SECOND,
            roles=[roster.role("T1", "teacher", "A", "primary"), roster.role("T1", "teacher", "B"), roster.role("T1", "districtAdministrator", "D", begin="2020-12-01")],
        ),
        oneroster(
            roster.user_1_2("T1", primary_org="B", **mail()), day=THIRD,
            roles=[roster.role("T1", "teacher", "A", "primary"), roster.role("T1", "teacher", "B", end="2021-01-15"), roster.role("T1", "districtAdministrator", "D", begin="2020-12-01")],
        ),
    ],
    "deltas": [
        oneroster(roster.user("S1", "student", "A"), roster.user("S2", "student", "A"), roster.user("S3", "student", "A")),
        oneroster(roster.user("S1", "student", "B"), roster.user("S2", "student", "A", status="tobedeleted"), roster.user("S4", "student", "B"), day=SECOND, deltas=["users.csv"]),
        oneroster(roster.user("S1", "student", "B"), roster.user("S3", "student", "A"), roster.user("S4", "student", "C"), day=THIRD),
    ],
    "delta-first": [oneroster(roster.user("S1", "student", "A"), deltas=["users.csv"])],
    "unknown-school": [
        oneroster(roster.user("S1", "student", "A")),
        educators(("T1", "ada@d.example", "", "3", "Alfa Scool"), ("T2", "bo@d.example", "A", "13th?"), ("T3", "", "A")),
    ],
}  # fmt: skip
RANDOM = 8


@pytest.fixture(scope="module")
def districts() -> dict[str, list[Delivery]]:
    """The named cases, and random districts."""
    made: list[list[Delivery]] = []

    @seed(20201001)
    @settings(max_examples=2, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(forms.district(), min_size=RANDOM, max_size=RANDOM))
    def draw(drawn: list[list[Delivery]]) -> None:
        made.extend(drawn)

    draw()
    return CASES | {f"random{number:02}": deliveries for number, deliveries in enumerate(made[-RANDOM:])}


def land(house, districts: dict[str, list[Delivery]], *days) -> None:
    for district_id, deliveries in districts.items():
        for delivery in deliveries:
            if delivery.date in days:
                delivery.write(house.landing / district_id)


@pytest.fixture(scope="module")
def daily(session_house, districts):
    """Each date's deliveries after those of the one before, with use of all days in the last."""
    house = session_house("daily")
    land(house, districts, FIRST)
    house.first_run = house.refresh(code=20)
    land(house, districts, SECOND)
    assert [outcome.report.as_text() for outcome in house.take() if outcome.verdict != "accepted"] == []
    land(house, districts, THIRD)
    for district_id, lines in USAGE.items():
        roster.usage(house.landing / district_id / "usage_2021-01-15.csv", lines, "occurred_at,user_email,user_id,url")
    house.refresh()
    return house


USAGE = {
    "own-dates": [(f"{day}T12:00:00Z", "", "T1", "https://a.example") for day in ("2020-12-19", "2020-12-20", "2021-01-15")],
    "siblings": [("2020-10-01T12:00:00Z", "parent@d.example", "", "https://a.example"), ("2020-10-01T12:00:01Z", "", "S1", "https://a.example")],
    "member-then-roster": [(f"{day}T12:00:00Z", "ada@d.example", "", "https://a.example") for day in (FIRST, SECOND, THIRD)],
    "member-at-schools": [
        ("2020-09-15T12:00:00Z", "ada@d.example", "", "https://a.example"), ("2020-12-19T12:00:00Z", "ada@d.example", "", "https://a.example"),
        ("2020-12-20T12:00:00Z", "ada@d.example", "", "https://a.example"),
    ],
    "new-ids": [
        ("2020-10-02T12:00:00Z", "ada@d.example", "", "https://a.example"), ("2020-11-03T12:00:00Z", "ada.new@d.example", "", "https://a.example"),
        ("2020-10-02T12:00:00Z", "", "S1", "https://a.example"), ("2020-11-03T12:00:00Z", "", "S2", "https://a.example"),
    ],
}  # fmt: skip


def held(house, district_id: str, day=None) -> set[tuple]:
    """(display name, org, grade, role, basis) in force on a day, the last one by default."""
    when = day or "9998-01-01"
    return set(
        house.query(
            f"""select org_sourced_id, grade_code, role, pairing_basis
            from fct_memberships join dim_orgs using (org_key)
            where fct_memberships.district_id = '{district_id}'
                and valid_from <= date '{when}' and coalesce(valid_to, date '9999-12-31') > date '{when}'"""
        )
    )


def people(house, district_id: str) -> int:
    ((count,),) = house.query(f"select count(*) from dim_users where district_id = '{district_id}'")
    return count


@pytest.mark.parametrize("form", [name for name in CASES if name.startswith("form-")])
def test_one_teacher_of_three_schools_is_one_person_in_every_form(daily, form):
    assert {row[:3] for row in held(daily, form)} == {(org, None, "teacher") for org in "ABC"}
    assert people(daily, form) == 1 + (form == "form-template-on-roster")  # whose roster lists a parent
    ((name, primaries),) = daily.query(
        f"""select min(display_name), count(*) filter (is_primary) from fct_memberships join dim_users using (user_key)
        where dim_users.district_id = '{form}' group by user_key"""
    )
    assert name and primaries == 1


def test_lists_go_together_by_classes_or_as_a_product(daily):
    assert held(daily, "lists-with-classes") == {
        ("A", "03", "teacher", "class_enrollment"),
        ("B", "06", "teacher", "class_enrollment"),
    }
    # Nobody knows which grades the schools of the template serve.
    product = {(org, grade, "teacher", "cross_product") for org in "AB" for grade in ("03", "06")}
    assert held(daily, "lists-without-classes") == {
        ("A", "03", "teacher", "served_grades"),
        ("B", "06", "teacher", "served_grades"),
    }
    assert held(daily, "lists-in-a-template") == product
    assert held(daily, "classes-at-one") == {
        ("A", "03", "teacher", "class_enrollment"),
        ("B", None, "teacher", "org_only"),
    }


def test_enrollments_begin_and_end_on_their_own_dates_and_not_at_the_next_delivery(daily):
    assert daily.query(
        """select org_sourced_id, grade_code, pairing_basis, valid_from::varchar, valid_to::varchar, is_current
        from fct_memberships join dim_orgs using (org_key) where fct_memberships.district_id = 'own-dates' order by all"""
    ) == [
        ("A", "03", "class_enrollment", "2020-10-01", "2020-12-20", False),
        ("A", "03", "served_grades", "2020-12-20", "2021-01-05", False),
        ("A", "03", "served_grades", "2021-05-28", None, False),
        ("A", None, "org_only", "2021-01-05", "2021-05-28", True),
        ("B", "06", "class_enrollment", "2021-01-05", "2021-05-28", True),
        ("B", "06", "served_grades", "2020-12-20", "2021-01-05", False),
        ("B", "06", "served_grades", "2021-05-28", None, False),
        ("B", None, "org_only", "2020-10-01", "2020-12-20", False),
    ]
    # The use of a day counts where the class was on that day.
    assert daily.query(
        """select usage_date::varchar, org_sourced_id, grade_code from fct_product_usage
        join bridge_membership_groups using (membership_group_key) join dim_orgs using (org_key)
        where fct_product_usage.district_id = 'own-dates' order by all"""
    ) == [
        ("2020-12-19", "A", "03"), ("2020-12-19", "B", None), ("2020-12-20", "A", "03"), ("2020-12-20", "B", "06"),
        ("2021-01-15", "A", None), ("2021-01-15", "B", "06"),
    ]  # fmt: skip


def test_a_teacher_who_is_an_administrator_is_one_person_with_two_roles(daily):
    assert held(daily, "two-roles") == {
        ("A", "03", "teacher", "listed"),
        ("D", None, "administrator", "district_default"),
    }
    assert daily.query("select user_type, is_rostered from dim_users where district_id = 'two-roles'") == [
        ("educator", True)
    ]
    assert daily.query(
        "select source, merge_basis, users_of_person from bridge_user_sources where district_id = 'two-roles' order by all"
    ) == [("added", "email", 3), ("oneroster", "email", 3), ("oneroster", "email", 3)]


def test_siblings_stay_two_and_their_shared_use_is_unidentified(daily):
    assert people(daily, "siblings") == 2
    assert daily.query(
        """select roster_status, user_key is null, page_loads from fct_product_usage where district_id = 'siblings' order by all"""
    ) == [("rostered", False, 1), ("unidentified", True, 1)]


def test_grades_are_mapped_and_never_guessed(daily):
    assert sorted(
        daily.query("""select grade_code, count(*) from fct_memberships where district_id = 'grades' group by all"""),
        key=repr,
    ) == [("09", 4), ("KG", 2), ("PK", 1), (None, 4)]
    (delivery,) = [d for d in daily.first_run["deliveries"] if d["district_id"] == "grades"]
    assert {(f["value"], f["severity"]) for f in delivery["findings"] if f["rule"] == "user-grade-valid"} == {
        (value, "warning") for value in ("-1", "P", "K1", "13th?")
    }


def test_a_member_is_the_same_person_once_a_roster_brings_them(daily):
    assert daily.query(
        """select usage_date::varchar, roster_status, count(distinct user_key) over () from fct_product_usage
        where district_id = 'member-then-roster' order by 1"""
    ) == [(str(FIRST), "member", 1), (str(SECOND), "rostered", 1), (str(THIRD), "member", 1)]
    assert daily.query(
        """select count(*), max(valid_to)::varchar from fct_memberships
        where district_id = 'member-then-roster' and role = 'teacher'"""
    ) == [(1, str(THIRD))]


def test_a_member_with_schools_counts_there_until_their_end_date(daily):
    assert daily.query(
        """select u.email, o.org_sourced_id, m.grade_code, m.source, m.pairing_basis, m.valid_from::varchar, m.valid_to::varchar
        from fct_memberships m join dim_users u using (user_key) join dim_orgs o using (org_key)
        where m.district_id = 'member-at-schools' and u.email is not null order by all"""
    ) == [
        ("ada@d.example", "A", "03", "added", "served_grades", str(FIRST), "2020-12-20"),
        ("ada@d.example", "B", "06", "added", "served_grades", str(FIRST), "2020-12-20"),
        ("bo@d.example", "A", None, "added", "explicit_row", str(FIRST), str(SECOND)),
        ("bo@d.example", "C", "09", "added", "explicit_row", str(SECOND), None),
        ("cy@d.example", "A", None, "added", "explicit_row", str(FIRST), "2020-10-15"),
        ("cy@d.example", "A", None, "added", "explicit_row", str(SECOND), None),
    ]
    # Their use before they were added is theirs too; from the end date on nobody knows them.
    assert daily.query(
        """select usage_date::varchar, roster_status, string_agg(org_sourced_id || grade_code, ' ' order by org_sourced_id) from fct_product_usage
        left join bridge_membership_groups using (membership_group_key) left join dim_orgs using (org_key)
        where fct_product_usage.district_id = 'member-at-schools' group by all order by all"""
    ) == [
        ("2020-09-15", "member", "A03 B06"), ("2020-12-19", "member", "A03 B06"), ("2020-12-20", "unrostered", None),
    ]  # fmt: skip
    # On no roster, they are in no denominator.
    assert daily.query("select email, is_rostered from dim_users where email = 'ada@d.example' and district_id = 'member-at-schools'") == [
        ("ada@d.example", False)
    ]  # fmt: skip
    assert held(daily, "member-on-template") == {
        ("school:alphaschool", "03", "teacher", "explicit_row"), ("school:alphaschool", "04", "teacher", "explicit_row"),
    }  # fmt: skip


def test_a_changed_address_and_a_new_id_keep_the_person(daily):
    assert people(daily, "new-ids") == 2
    assert daily.query(
        """select count(*), count(distinct user_key), min(roster_status) from fct_product_usage where district_id = 'new-ids'"""
    ) == [(4, 2, "rostered")]
    assert daily.query(
        """select identifier_value, valid_from::varchar, valid_to::varchar from bridge_user_identifiers
        where district_id = 'new-ids' and identifier_type = 'email' and identifier_value like '%@%' order by 2"""
    ) == [("ada@d.example", str(FIRST), str(SECOND)), ("ada.new@d.example", str(SECOND), None)]


def test_a_template_is_the_full_list_of_its_kind(daily):
    assert daily.query(
        """select u.user_sourced_id, u.user_type, o.org_sourced_id, m.grade_code, m.pairing_basis, m.valid_from::varchar, m.valid_to::varchar
        from fct_memberships m join dim_users u using (user_key) join dim_orgs o using (org_key)
        where m.district_id = 'template-leavers' order by all"""
    ) == [
        ("S1", "student", "A", "03", "explicit_row", str(FIRST), None),
        ("S2", "student", "A", "03", "explicit_row", str(FIRST), None),
        ("T1", "educator", "A", "03", "explicit_row", str(FIRST), str(SECOND)),
        ("T1", "educator", "B", "03", "explicit_row", str(SECOND), None),
        ("T2", "educator", "A", "03", "explicit_row", str(FIRST), str(SECOND)),
        (None, "administrator", "district:template-leavers", None, "district_default", str(FIRST), str(SECOND)),
    ]
    assert daily.query(
        """select o.org_sourced_id, o.org_type, p.org_sourced_id, o.is_active from dim_orgs o
        left join dim_orgs p on o.parent_org_key = p.org_key where o.district_id = 'template-leavers' order by all"""
    ) == [
        ("A", "school", "district:template-leavers", True),
        ("B", "school", "district:template-leavers", True),
        ("district:template-leavers", "district", None, True),
    ]


def test_roles_of_1_2_are_dated_and_say_which_school_comes_first(daily):
    assert held(daily, "new-standard", FIRST) == {(org, None, "teacher", "org_only") for org in "AB"}
    assert held(daily, "new-standard", SECOND) == {(org, None, "teacher", "explicit_row") for org in "AB"}
    assert held(daily, "new-standard") == {
        ("A", None, "teacher", "explicit_row"),
        ("D", None, "districtAdministrator", "explicit_row"),
    }
    assert daily.query(
        """select valid_from::varchar, is_current from fct_memberships
        where district_id = 'new-standard' and role = 'districtAdministrator'"""
    ) == [("2020-12-01", True)]
    assert daily.query(
        """select valid_from::varchar, org_sourced_id from fct_memberships join dim_orgs using (org_key)
        where fct_memberships.district_id = 'new-standard' and is_primary order by 1"""
    ) == [(str(FIRST), "A"), (str(SECOND), "B"), (str(THIRD), "A")]


def test_deltas_change_what_they_name_and_bulk_reconciles(daily):
    def schools(day):
        return dict(
            daily.query(
                f"""select user_sourced_id, org_sourced_id from fct_memberships m join dim_users using (user_key)
                join dim_orgs using (org_key) where m.district_id = 'deltas'
                and valid_from <= date '{day}' and coalesce(valid_to, date '9999-12-31') > date '{day}'"""
            )
        )

    assert schools(FIRST) == {"S1": "A", "S2": "A", "S3": "A"}
    assert schools(SECOND) == {"S1": "B", "S3": "A", "S4": "B"}
    assert schools(THIRD) == {"S1": "B", "S3": "A", "S4": "C"}
    (refused,) = [d for d in daily.first_run["deliveries"] if d["verdict"] == "rejected"]
    assert refused["district_id"] == "delta-first"
    assert [f["rule"] for f in refused["findings"] if f["severity"] == "reject"] == ["delta-needs-bulk"]


def test_a_school_that_nobody_knows_is_told_with_the_closest_names(daily):
    (delivery,) = [
        d for d in daily.first_run["deliveries"] if d["district_id"] == "unknown-school" and d["kind"] == "educators"
    ]
    (finding,) = [f for f in delivery["findings"] if f["rule"] == "template-school-resolves"]
    assert (finding["row"], finding["column"], finding["value"]) == (2, "school_name", "[10 characters: aaaa aaaaa]")
    assert "'Alpha School' (A)" in finding["fix"]
    assert {f["rule"] for f in delivery["findings"] if f["severity"] == "error"} == {
        "template-school-resolves",
        "template-email-present",
    }
    assert held(daily, "unknown-school") == {("A", None, "student", "org_only"), ("A", None, "teacher", "explicit_row")}
    assert daily.query(
        """select school_id, school_name, match_type, org_name, closest_org_name from school_name_check
        where district_id in ('unknown-school', 'form-template-on-roster') order by all"""
    ) == [
        ("A", None, "id", "Alpha School", None),
        ("B", None, "id", "Beta School", None),
        (None, "ALPHA school", "name", "Alpha School", None),
        (None, "Alfa Scool", "closest", None, "Alpha School"),
        (None, "Gamma, Upper School", "name", "Gamma, Upper School", None),
    ]


def test_a_list_of_schools_makes_one_school_of_its_names_from_the_first_day(daily):
    assert daily.query(
        """select u.user_sourced_id, o.org_sourced_id, o.org_name, m.valid_from::varchar, m.valid_to::varchar
        from fct_memberships m join dim_users u using (user_key) join dim_orgs o using (org_key)
        where m.district_id = 'school-list' order by all"""
    ) == [
        ("T1", "101", "Alpha Elementary School", str(FIRST), None),
        ("T2", "101", "Alpha Elementary School", str(FIRST), None),
        ("T3", "102", "Beta School", str(THIRD), None),
        ("T3", "school:gamma", "Gamma", str(FIRST), str(THIRD)),
    ]
    assert daily.query(
        """select o.org_sourced_id, p.org_sourced_id, o.is_active from dim_orgs o
        left join dim_orgs p on o.parent_org_key = p.org_key where o.district_id = 'school-list' order by all"""
    ) == [
        ("101", "district:school-list", True),
        ("102", "district:school-list", True),
        ("district:school-list", None, True),
        ("school:gamma", "district:school-list", False),
    ]


def test_random_districts_have_the_memberships_of_the_brute_force(daily, districts):
    pii_key = bytes.fromhex((daily.lake / ".pii_key").read_text())
    compared = 0
    for district_id, deliveries in districts.items():
        if district_id in ("delta-first", "school-list") or not deliveries:
            continue
        oracle = Oracle(district_id, deliveries, pii_key)
        for day in sorted(oracle.states):
            rows = daily.query(
                f"""select m.user_key, o.org_sourced_id, m.grade_code, m.role, m.source, m.is_primary
                from fct_memberships m join dim_orgs o using (org_key)
                where m.district_id = '{district_id}' and m.valid_from <= date '{day}'
                    and coalesce(m.valid_to, date '9999-12-31') > date '{day}'"""
            )
            expected = {(person, *row) for person, of_person in oracle.memberships(day).items() for row in of_person}
            assert len(rows) == len(set(rows))
            assert set(rows) == expected, (district_id, day)
            compared += len(rows)
        users = daily.query(
            f"select user_key from dim_users where district_id = '{district_id}' and email_domain is distinct from 'x'"
        )
        assert set(oracle.people.values()) <= {user for (user,) in users}
        sources = dict(
            daily.query(
                f"select source_user_key, user_key from bridge_user_sources where district_id = '{district_id}'"
            )
        )
        assert sources == oracle.people, district_id
    assert compared > 120


def shuffled(path: Path) -> None:
    """The same rows in another order."""
    with path.open(newline="", encoding="utf-8") as stream:
        header, *rows = csv.reader(stream)
    random.Random(5).shuffle(rows)
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])


@pytest.mark.long
def test_late_shuffled_and_replayed_deliveries_end_in_the_same_marts(daily, districts, session_house):
    """The second date comes last, after the third was applied: refused in a refresh, and taken by a backfill."""
    house = session_house("late")
    (house.lake).mkdir(parents=True)
    shutil.copy(daily.lake / ".pii_key", house.lake)
    land(house, districts, FIRST, THIRD)
    for district_id, lines in USAGE.items():
        roster.usage(house.landing / district_id / "usage_2021-01-15.csv", lines, "occurred_at,user_email,user_id,url")
    for file in house.landing.glob("random*/*.csv"):
        shuffled(file)
    house.take()
    late = {name: districts[name] for name in ("new-standard", "deltas")}
    land(house, late, SECOND)
    assert [[f.rule for f in outcome.report.findings if f.severity == "reject"] for outcome in house.take()] == [
        ["delivery-order"],
        ["delivery-order"],
    ]
    land(house, {name: said for name, said in districts.items() if name not in late}, SECOND)
    before, after = SECOND - timedelta(days=3), SECOND + timedelta(days=3)
    done = house.run("backfill", str(before), str(after), "--json").stdout
    assert '"rejected"' not in done and not list(house.quarantine.glob("*/2020-11-02*"))
    of_arrival = ("fct_deliveries", "fct_rule_results", "fct_usage_days", "fct_roster_states")
    found, expected = house.marts(of_arrival), daily.marts(of_arrival)
    assert len(expected["bridge_user_access"]) >= 4
    # Whom the late delivery calls a student loses the plain address, even where a later list, read before it, calls them staff.
    for marts in (found, expected):
        marts["bridge_user_identifiers"] = sorted((row[:4] + row[5:] for row in marts["bridge_user_identifiers"]), key=repr)  # fmt: skip
    for mart in expected:
        assert found[mart] == expected[mart], mart
