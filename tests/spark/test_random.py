"""Rosters of every form, named and random, built on both engines as they arrive: every mart is the same. `make test-spark-full`.

`ROLLCALL_SPARK_SEED` draws other ones.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from history import PRODUCTS
from houses import House
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

import forms
import roster
from rollcall import sample
from rollcall.engines import spark
from rollcall.refresh.run import Days
from test_forms import CASES

pytestmark = pytest.mark.skipif(os.environ.get("ROLLCALL_SPARK_STEPS") != "all", reason="make test-spark-full")

SEED = int(os.environ.get("ROLLCALL_SPARK_SEED", "917"))
RANDOM = 10
FIRST, SECOND, THIRD = forms.DATES
MAILS = ["x@d.example", "Y@D.example", "z@d.example", "w@d.example", "p@d.example", "m@d.example", "ada@d.example",
         "parent@d.example", "ada.new@d.example", "cy@d.example", "who@else.example", "it's@d.example", ""]  # fmt: skip
IDS = ["", "", "T1", "T2", "S1", "S9", "E1", "N1", "X9"]
HOSTS = ["https://docs.google.com/d/1", "http://WWW.Müller.example/é?a=b#c", "https://a.b.c.example.co.uk/x/y", "never.example",
         "https://it-s.example.org:8443/p/q", "https://other.example/", "not a host", "https://10.0.0.1/admin"]  # fmt: skip


def _drawn(number: int) -> list[list[forms.Delivery]]:
    made: list[list[forms.Delivery]] = []

    # The first that is drawn is the simplest, and the second is not.
    @seed(number)
    @settings(max_examples=2, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(forms.district(), min_size=RANDOM, max_size=RANDOM))
    def draw(drawn: list[list[forms.Delivery]]) -> None:
        made.extend(drawn)

    draw()
    return made[-RANDOM:]


class Arrivals:
    """What arrives: each district's deliveries by date, some of a date only later, and use of days before and between."""

    def __init__(self, house: House, number: int):
        self.house, self.random = house, random.Random(number)
        self.districts = CASES | {f"random{place:02}": drawn for place, drawn in enumerate(_drawn(number))}
        made = house.root / "made"
        list(sample.make(made, 120, 6, number, date(2025, 8, 18), 400))
        (self.sample,) = made.iterdir()
        dated = [name for name, deliveries in self.districts.items() if any(one.date == SECOND for one in deliveries)]
        self.late = set(self.random.sample(sorted(dated), len(dated) // 2))

    def _land(self, districts: set[str], day: date) -> None:
        for district_id in sorted(districts):
            for delivery in self.districts[district_id]:
                if delivery.date == day:
                    delivery.write(self.house.landing / district_id)

    def _use(self, first: date, last: date, count: int) -> None:
        for district_id in self.districts:
            days = [first + timedelta(number) for number in range((last - first).days + 1)]
            for day in self.random.sample(days, min(2, len(days))):
                rows = [
                    (
                        f"{datetime(day.year, day.month, day.day) + timedelta(minutes=self.random.randrange(1440)):%Y-%m-%dT%H:%M:%SZ}",
                        self.random.choice(MAILS), self.random.choice(IDS), self.random.choice(HOSTS),
                    )
                    for _ in range(count)
                ]  # fmt: skip
                rows.append(
                    (f"{day}T12:00:00Z", "x@d.example", "", HOSTS[0])
                )  # a file without a row that counts is rejected
                file = self.house.landing / district_id / f"usage_{day}_{self.random.randrange(10**6)}.csv"
                roster.usage(file, rows, "occurred_at,user_email,user_id,url")

    def _give_sample(self, *patterns: str) -> None:
        folder = self.house.landing / self.sample.name
        folder.mkdir(parents=True, exist_ok=True)
        for pattern in patterns:
            for file in sorted(self.sample.glob(pattern)):
                shutil.move(file, folder / file.name)

    def first(self) -> None:
        self._land(set(self.districts), FIRST)
        self._use(date(2020, 9, 20), FIRST, 12)
        self._products(date(2020, 9, 1), "docs.google.com", "example.co.uk;it-s.example.org/p")
        self._give_sample("district.toml", "roster_2025-08-18.zip", "products_*", "usage_2025-08-18.csv")

    def second(self) -> None:
        self._land(set(self.districts) - self.late, SECOND)
        self._use(FIRST, SECOND, 12)
        self._give_sample("roster_2025-08-20.zip", "usage_2025-08-19.csv", "usage_2025-08-21.csv")

    def third(self) -> None:
        """The newest rosters, another catalog, and use of days before the first roster."""
        self._land(set(self.districts), THIRD)
        self._use(date(2020, 9, 1), THIRD, 12)
        self._products(THIRD, "google.com", "it-s.example.org;other.example")
        self._give_sample("usage_2025-08-20.csv")

    def late_ones(self) -> Days:
        """Rosters older than those that are applied, and the rest of the use."""
        self._land(self.late, SECOND)
        self._give_sample("*")
        return Days(SECOND, SECOND)

    def _products(self, day: date, *hosts: str) -> None:
        lines = [f"P{place},Product {place},Maker,{host},K12,,approved," for place, host in enumerate(hosts)]
        for district_id in sorted(self.districts)[::2]:
            file: Path = self.house.landing / district_id / f"products_{day}.csv"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("\n".join([PRODUCTS, *lines]) + "\n", "utf-8")


def test_rosters_of_every_form_are_the_same_on_both_engines(tmp_path):
    house = House(tmp_path)
    arrivals = Arrivals(house, SEED)
    steps: list[Callable[[], Days | None]] = [arrivals.first, arrivals.second, arrivals.third, arrivals.late_ones]
    people = []
    try:
        for step in steps:
            backfill = step()
            if backfill:
                # A backfill takes kept deliveries: those that come too late are kept when they are refused.
                house.refresh("duckdb")
            run = house.refresh("duckdb", backfill=backfill)
            assert run.version == run.run_id and not run.failures, (step, run.failures)
            accepted = [outcome for outcome in run.outcomes if outcome.verdict == "accepted"]
            assert len(accepted) >= (1 if backfill else 30), (step, len(accepted))
            run = house.refresh("spark")
            assert run.version == run.run_id and not run.failures and not run.mended, (step, run.failures, run.mended)
            assert house.differences() == {}, (SEED, step)
            people.append(house.query("spark", "select count(*) from dim_users")[0][0])
    finally:
        spark.stop()
    empty = [mart for mart, rows in house.row_counts("spark").items() if not rows]
    assert empty == [] and len(set(people)) > 1
    # What is hard: people who move, who are at several schools at once, whose address is another's, too, and use of them.
    for what, sql in {
        "moved": "select user_key from fct_memberships group by user_key having count(distinct org_key) > 1 and count(distinct valid_from) > 1",
        "several": "select user_key from fct_memberships where is_current group by user_key having count(distinct org_key) > 1",
        "shared": "select identity_key from bridge_usage_identities where user_key is null",
        "used": "select user_key from fct_product_usage where user_key is not null group by user_key",
    }.items():
        assert len(house.query("spark", sql)) > 5, what
