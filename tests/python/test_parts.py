"""Of a district with a new roster, the people whom its rows can touch are derived again: the marts are those of a rebuild."""

from __future__ import annotations

import os
import random
from datetime import timedelta

import duckdb
import pytest

import roster
from moving import FIRST, District

pytestmark = pytest.mark.long


def _derived(house) -> tuple[int, int]:
    """How many districts the last build derived in part, and how many rows of users it read."""
    with duckdb.connect(str(house.build / "work.duckdb"), read_only=True) as connection:
        return connection.execute(
            """select (select count(*) from intermediate.int_increments__roster_parts),
                (select count(*) from staging.stg_oneroster__users)"""
        ).fetchone()


def _differences(house) -> list[str]:
    """The marts that a rebuild from the whole lake makes otherwise."""
    before = house.marts()
    house.refresh("--full")
    after = house.marts()
    assert before.keys() == after.keys() and before["fct_memberships"] and before["fct_product_usage"]
    return [mart for mart in before if before[mart] != after[mart]]


@pytest.fixture(scope="module")
def lived(session_house):
    """A district in which each delivery is of a few people; what each build derived, and what was so after it."""
    house = session_house("lived")
    district = District(house.landing / "d", random.Random(1))
    users = {user["sourcedId"]: user for user in district.files["users.csv"]}
    # Two teachers with the same lists, of which only what their schools serve says what goes with what; nobody else serves 11 and 12.
    for user in users.values():
        user["grades"] = ",".join(grade for grade in user["grades"].split(",") if grade not in ("11", "12")) or "05"
    for one in district.files["classes.csv"]:
        one["grades"] = "05"
    users["P0"] |= {"orgSourcedIds": "A", "grades": "11"}
    users["P1"] |= {"orgSourcedIds": "B", "grades": "12"}
    users["T0"] |= {"role": "teacher", "orgSourcedIds": "A,B", "grades": "11,12", "enabledUser": "true"}
    for id_ in ("T1", "T3"):
        users[id_] |= {"role": "teacher", "orgSourcedIds": "C", "grades": "05", "identifier": ""}
    for id_ in ("T2", "T4"):
        users[id_] |= {"role": "teacher", "orgSourcedIds": "C", "grades": "05", "identifier": f"E{id_}"}
    taught = [
        row for row in district.files["enrollments.csv"] if row["userSourcedId"] not in ("T0", "T1", "T2", "T3", "P2")
    ]
    district.files["enrollments.csv"] = [*taught, roster.enrollment("K1", "A", "T3", "teacher")]
    district.files["classes.csv"][0] |= {"schoolSourcedId": "A"}
    (district.folder / "district.toml").write_text("[thresholds]\nremoval = 1\nupdate = 1\nrow_loss = 1\n")
    house.derived, house.said = [], []

    def refresh(*arguments: str) -> None:
        house.refresh(*arguments)
        house.derived.append(_derived(house))
        house.said.append(
            {
                "pairs of T0": house.query(
                    """select org_sourced_id, grade_code from fct_memberships join dim_orgs using (org_key)
                    join dim_users using (user_key) where user_sourced_id = 'T0' and is_current order by all"""
                ),
                "users of T1": house.query(
                    """select users_of_person from bridge_user_sources where source = 'oneroster' and source_id = 'T1'"""
                ),
                "grades of T3": house.query(
                    """select grade_code from fct_memberships join dim_users using (user_key)
                    where user_sourced_id = 'T3' and is_current and pairing_basis = 'class_enrollment'"""
                ),
                "member": house.query(
                    """select count(*) from fct_memberships join dim_users using (user_key)
                    where email = 'new@schools.example' and is_current"""
                ),
                "P2": house.query("select is_active from dim_users where user_sourced_id = 'P2'"),
            }
        )

    district.send_roster()
    district.send_use()
    refresh()
    # A student takes grade 11 along to B; two teachers share an address; a class is of another grade.
    district.day += timedelta(days=1)
    users["P0"]["orgSourcedIds"] = "B"
    users["T1"]["email"] = users["T2"]["email"]
    district.files["classes.csv"][0]["grades"] = "07"
    district.send_roster()
    district.send_use()
    refresh()
    # A third has the address too, so that it is nobody's; a student has left; someone is added for two days.
    district.day += timedelta(days=1)
    users["T4"]["email"] = users["T2"]["email"]
    district.files["users.csv"].remove(users["P2"])
    district.send_roster()
    member = {
        "first_name": "New",
        "last_name": "Here",
        "email": "new@schools.example",
        "role": "teacher",
        "school": "C",
    }
    ends = {"end_date": str(district.day + timedelta(days=2))}
    roster.template(district.folder / f"members_{district.day}.csv", "members", [member | ends])
    refresh()
    # The day is reached without a roster.
    district.day += timedelta(days=3)
    district.send_use()
    refresh()
    # The student is back, and a roster of before all that comes late.
    district.day += timedelta(days=1)
    district.files["users.csv"].append(users["P2"])
    district.send_roster()
    refresh()
    users["P4"]["grades"] = "11"
    late = district.day - timedelta(days=3)
    district.send_roster(late)
    house.run("backfill", str(late), str(late))
    house.derived.append(_derived(house))
    return house


def test_people_of_whom_nothing_is_new_are_not_read(lived):
    everybody = lived.derived[0][1]
    assert everybody > 150
    assert [parts for parts, _ in lived.derived] == [0, 1, 1, 1, 1, 1]
    assert all(rows < everybody / 5 for _, rows in lived.derived[1:])


def test_others_whom_a_new_row_touches_are(lived):
    def said(what: str) -> list[list[tuple]]:
        return [each[what] for each in lived.said]

    assert said("pairs of T0")[:2] == [[("A", "11"), ("B", "12")], [("A", None), ("B", "11"), ("B", "12")]]
    assert said("users of T1")[:3] == [[(1,)], [(2,)], [(1,)]]
    assert said("grades of T3")[:2] == [[("05",)], [("07",)]]
    assert said("member") == [[(0,)], [(0,)], [(1,)], [(0,)], [(0,)]]
    assert said("P2") == [[(True,)], [(True,)], [(False,)], [(False,)], [(True,)]]


def test_all_of_it_is_as_a_rebuild_makes_it(lived):
    assert _differences(lived) == []


@pytest.mark.parametrize("seed", range(int(os.environ.get("ROLLCALL_HISTORIES", 0))))
def test_random_changes_of_a_few_people_end_where_a_rebuild_does(house, seed):
    """`make histories`: two districts, of which one knows addresses that the other knows too, held to a rebuild after each change."""
    draw, parts = random.Random(seed), 0
    districts = [District(house.landing / name, draw, draw.choice(["1.1", "1.1", "1.2"])) for name in ("d", "e")]
    for district in districts:
        district.begin()
    house.refresh(code=None)
    for _ in range(10):
        is_late = [district.go_on() for district in districts if draw.random() < 0.7]
        if any(is_late):
            house.run("backfill", str(FIRST), str(max(district.day for district in districts)), code=None)
        else:
            house.refresh(code=None)
        parts += _derived(house)[0]
        assert _differences(house) == [], [district.says for district in districts]
    assert parts > 3
