"""The dashboard: its figures against the oracle, and the page itself in a real browser."""

from __future__ import annotations

import csv
import io
import itertools
import json
import random
import re
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import openpyxl
import pytest
from axe_playwright_python.sync_playwright import Axe
from hypothesis import example, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page, expect

from conftest import opening
from oracle import EVERY
from oracle import Inventory as Oracle
from rollcall.dashboard import components, filters, heat, sheets, tables, views
from rollcall.dashboard.app import Source, create
from rollcall.dashboard.filters import PERIODS, USER_TYPES, Filters, Options, period_of
from rollcall.dashboard.queries import Inventory
from rollcall.dashboard.scope import Figures
from rollcall.dashboard.warehouse import NothingPublished, Warehouse
from rollcall.errors import RollcallError
from rollcall.paths import PROJECT
from rollcall.web.people import EVERYONE, Grant, Viewer

ZONE = "America/Chicago"
SIZE = ["--users", "500", "--days", "24", "--events", "1500"]


@dataclass
class District:
    """A published sample district, all but its last day of usage; and what it delivered, for the oracle."""

    house: object
    files: Path
    last: Path

    def source(self) -> Source:
        return Source(self.house.settings)


@pytest.fixture(scope="module")
def district(session_house) -> District:
    house = session_house("dashboard")
    house.run("sample", str(house.landing), *SIZE)
    folder = house.landing / "maplewood"
    files = house.root / "delivered"
    last = max(folder.glob("usage_*.csv"))
    aside = house.root / last.name
    last.rename(aside)
    # The sample's own settings call nothing late; here all is, whenever this runs.
    settings = folder / "district.toml"
    settings.write_text(re.sub("freshness_days.*", "", settings.read_text("utf-8")), "utf-8")
    shutil.copytree(folder, files)
    house.refresh()
    return District(house, files, aside)


@pytest.fixture(scope="module")
def oracle(district) -> Oracle:
    return Oracle(district.files, PROJECT / "seeds", ZONE)


def random_filters(options, rng: random.Random) -> Filters:
    """Any combination that a person can choose; often narrow, sometimes all or none."""
    (there,) = options.districts.values()
    period = rng.choice(list(PERIODS))
    day = there.first_day + timedelta(days=rng.randrange((there.last_day - there.first_day).days + 1))
    first, last = there.period_of(period, day)
    if period == "custom":
        last = first + timedelta(days=rng.randrange(20))

    def some(values, often: float) -> tuple[str, ...]:
        values = list(values)
        if rng.random() > often:
            return ()
        count = rng.choice([1, 1, 2, 3, len(values)])
        chosen = set(rng.sample(values, min(count, len(values))))
        return tuple(value for value in values if value in chosen)

    return Filters(
        there.district_id, period, first, last, some(there.schools, 0.6), some(there.grades, 0.5),
        some(USER_TYPES, 0.4), some(options.statuses, 0.3), rng.choice(["", "", "", "", "google", "oak", "nothing like it"]),
    )  # fmt: skip


def is_everyone(options, filters: Filters) -> bool:
    return options.narrows(filters) == ((), ())


def expected(oracle: Oracle, options, filters: Filters) -> dict:
    schools, grades = options.narrows(filters)
    return oracle.answer(replace(filters, schools=schools, grades=grades), is_everyone(options, filters))


@pytest.mark.long
def test_200_random_filters_are_answered_as_the_oracle_answers_them(district, oracle):
    inventory = district.source().inventory()
    rng, seen = random.Random(20251124), 0
    for _ in range(200):
        filters = random_filters(inventory.options, rng)
        answer = expected(oracle, inventory.options, filters)
        products = inventory.products(filters)
        assert inventory.headline(filters, products) == pytest.approx(answer["headline"]), filters
        assert inventory.headline(filters) == pytest.approx(answer["headline"]), filters
        found = {row["product_name"]: row for row in products}
        assert found.keys() == answer["products"].keys(), filters
        for name, figures in answer["products"].items():
            minutes = figures.pop("active_minutes")
            assert {key: found[name][key] for key in figures} == pytest.approx(figures), (filters, name)
            assert abs(found[name]["active_minutes"] - minutes) <= 0.5 + 1e-9, (filters, name)
        has_users = not (filters.statuses or filters.search)
        assert by_day(inventory.trend(filters)) == by_day(answer["trend"], has_users), filters
        seen += bool(products)
    assert seen > 100, "too many of the random filters pick nobody"


def test_administrators_of_the_district_are_with_everybody_and_in_no_school(district, oracle):
    inventory = district.source().inventory()
    options = inventory.options
    administrators = replace(options.read("?period=school_year"), user_types=("administrator",))
    (there,) = options.districts.values()
    every = tuple(there.schools)
    by_school = [inventory.headline(f, inventory.products(f))["users"] for f in (replace(administrators, schools=(s,)) for s in every)]  # fmt: skip
    everybody = inventory.headline(administrators, inventory.products(administrators))["users"]
    chosen = replace(administrators, schools=every)
    assert inventory.headline(chosen, inventory.products(chosen))["users"] == everybody
    central = [
        person
        for person, kind in oracle.user_types.items()
        if kind == "administrator"
        and {org for org, _, _ in oracle.rows(person, there.last_day) or ()} == {"DIST"}
        and any(p == person for _, p, _ in oracle.use)
    ]
    assert central
    assert sum(by_school) == everybody - len(central)


@pytest.mark.long
def test_the_other_pages_say_what_the_oracle_says(district, oracle):
    inventory = district.source().inventory()
    options = inventory.options
    rng, seen = random.Random(4), Counter()
    for _ in range(60):
        filters = random_filters(options, rng)
        schools, grades = options.narrows(filters)
        asked = replace(filters, schools=schools, grades=grades), is_everyone(options, filters)
        assert by_place(inventory.by_school_and_grade(filters)) == oracle.places(*asked), filters

        covered = oracle.coverage(*asked)
        statuses = {row["roster_status"]: (row["users"], row["page_loads"]) for row in inventory.coverage(filters)}
        assert statuses == covered["by_status"], filters
        assert inventory.match_rate(filters) == pytest.approx(covered["match_rate"]), filters
        domains = {
            row["email_domain"]: (row["users"], row["page_loads"]) for row in inventory.unrostered_domains(filters)
        }
        assert domains == covered["domains"], filters
        placeless = inventory.without_place(filters)
        names = ("people", "without_school", "without_grade")
        assert {row["user_type"]: tuple(row[name] for name in names) for row in placeless} == covered["without"], (
            filters
        )

        keys = {name: key for key, name in _names(inventory).items()}
        new = {_names(inventory)[key]: day for key, day in inventory.new_products(filters).items()}
        assert new == oracle.new_products(filters), filters
        name = rng.choice(sorted(keys))
        told = oracle.of_product(*asked, name)
        assert by_day(inventory.product_trend(filters, keys[name])) == by_day(told["trend"]), (filters, name)
        educators = [
            (row["active_days"], row["page_loads"])
            for row in inventory.educators(filters, [keys[name]], 1000)[keys[name]]
        ]
        assert sorted(educators, reverse=True) == told["educators"], (filters, name)
        assert by_place(inventory.by_school_and_grade(filters, keys[name])) == oracle.places(*asked, name), (
            filters,
            name,
        )
        seen.update(statuses=len(statuses), new=len(new), educators=len(educators), days=len(told["trend"]))
    assert min(seen.values()) > 20, seen


def _names(inventory) -> dict[str, str]:
    return {
        row["product_key"]: row["product_name"]
        for row in inventory.version.rows("select product_key::varchar as product_key, product_name from dim_products")
    }


def by_day(days: list[dict] | dict, has_users: bool = True) -> dict:
    """Day → people, page loads; of a trend, or of what the oracle says of it."""
    if isinstance(days, dict):
        days = [{"usage_date": day, "users": users, "page_loads": loads} for day, (users, loads) in days.items()]
    return {row["usage_date"]: (row["users"] if has_users else None, row["page_loads"]) for row in days}


def by_place(rows: list[dict]) -> dict:
    cells = {
        (EVERY if row["is_every_school"] else row["school"], EVERY if row["is_every_grade"] else row["grade"]): row
        for row in rows
    }
    return {
        cell: (row["users"], row["rostered"], row["pct_access"] and pytest.approx(row["pct_access"]))
        for cell, row in cells.items()
    }


def test_a_map_of_schools_shades_by_fifths_and_puts_totals_first():
    rows = [
        {
            "is_every_school": False, "is_every_grade": False, "school": f"S{number:02}", "school_name": f"School {number:02}", "grade": "03",
            "users": number, "rostered": 100, "student_days": 10 * number, "page_loads": number, "minutes": 0, "few": "<10" if number < 10 else None,
        }
        for number in range(5, 60)
    ]  # fmt: skip
    rows.append(
        rows[0] | {"is_every_school": True, "school": None, "school_name": None, "few": None, "student_days": 9_000}
    )
    drawn = heat.draw(rows, {"03": "Grade 3", "04": "Grade 4"}, "active", 10)
    assert [column["field"] for column in drawn.columns] == ["school_name", "every", "g_03"]
    assert drawn.totals[0]["school_name"] == "All schools" and drawn.totals[0]["g_03"] == 900
    hidden, first, last = drawn.rows[0], drawn.rows[5], drawn.rows[-1]
    assert hidden["g_03"] is None and hidden["few_g_03"] == "<10" and "q_g_03" not in hidden
    assert (first["g_03"], first["q_g_03"], last["g_03"], last["q_g_03"]) == (10, 0, 59, 4)
    shades = Counter(row["q_g_03"] for row in drawn.rows if "q_g_03" in row)
    assert shades == {shade: 10 for shade in range(5)}


@pytest.mark.long
def test_who_reads_every_page_and_export_works_out_no_small_count(district):
    """The attacker of test_suppression.py, on the pages: each count of students that any of them shows is an equation, and so are the
    page loads of a selection, of which those of a few students must not be one."""
    figures, inventory = district.source().figures(), district.source().inventory()
    options = inventory.options
    (there,) = options.districts.values()
    schools, grades = list(there.schools), list(there.grades)
    everyone = options.read("?period=month&from=2025-09-01")
    singles = [((s,) if s else (), (g,) if g else ()) for s in [None, *schools] for g in [None, *grades]]
    pairs = [(schools[:2], ()), (schools[:-1], ()), ((), grades[:2]), ((), grades[1:]), (schools[:1], grades[:3])]
    students = replace(everyone, user_types=("student",))
    shown: dict[str | None, list[tuple]] = defaultdict(list)
    for some, few in [*singles, *pairs]:
        asked = replace(students, schools=tuple(some), grades=tuple(few))
        if figures.too_few(asked):
            continue
        headline = figures.headline(asked)
        shown["page loads"].append((some, few, headline["page_loads"]))
        if headline["users"] is not None:
            shown[None].append((some, few, headline["users"]))
        # Everyone less everyone else.
        others = [
            figures.headline(replace(asked, user_types=(kind,)))["users"] for kind in USER_TYPES if kind != "student"
        ]
        everybody = figures.headline(replace(asked, user_types=()))["users"]
        if everybody is not None and None not in others:
            shown[None].append((some, few, everybody - sum(others)))
        for row in figures.products(asked):
            if row["students"] is not None:
                shown[row["product_key"]].append((some, few, row["students"]))
    names = [None, "page loads", *sorted(key for key in shown if key not in (None, "page loads"))][:60]
    product = {key: None if key == "page loads" else key for key in names}
    for key in names:
        for row in figures.places(students, product[key]):
            if row["few"] is None:
                some = () if row["is_every_school"] else (row["school"],)
                few = () if row["is_every_grade"] else (row["grade"],)
                shown[key].append((some, few, row["users"]))
    worked, small, equations = [], 0, 0
    for key in names:
        cells = {
            (row["school"], row["grade"]): row["users"]
            for row in inventory.by_school_and_grade(students, product[key])
            if not row["is_every_school"] and not row["is_every_grade"] and row["users"]
        }
        order = list(cells)
        matrix = np.array(
            [
                [(not some or s in some) and (not few or g in few) for s, g in order]
                for some, few, _ in shown[key]
            ],
            dtype=float,
        ).reshape(-1, len(order))  # fmt: skip
        _, sizes, basis = np.linalg.svd(matrix, full_matrices=False)
        known = (basis[: (sizes > 1e-9).sum()] ** 2).sum(axis=0) > 1 - 1e-9
        worked += [
            (key, place, cells[place])
            for place, is_known in zip(order, known, strict=True)
            if is_known and cells[place] < 10
        ]
        small += sum(count < 10 for count in cells.values())
        equations += len(matrix)
    assert worked == []
    assert small > 300 and equations > 500, (small, equations)


@pytest.mark.long
def test_who_subtracts_periods_from_each_other_works_out_no_small_count(district):
    """Every run of days, week and month, side by side: figures that are sums of days are equations, of each place and product."""
    figures, inventory = district.source().figures(), district.source().inventory()
    options, days = figures.options, sorted(inventory.school_days("maplewood"))[-11:]
    students = options.read("?period=custom&from=2025-09-22&to=2025-09-22&type=student")
    spans = [replace(students, first=a, last=b) for a in days for b in days if a <= b]
    spans += [replace(students, period=kind, first=period_of(kind, day)[0], last=period_of(kind, day)[1]) for kind in ("day", "week", "month") for day in days]  # fmt: skip
    (there,) = options.districts.values()
    products = [row["product_key"] for row in inventory.products(students)[::40]]
    shown, counts = defaultdict(list), defaultdict(dict)
    known = sorted(inventory.school_days("maplewood"))

    def places(of, span: Filters, product: str | None) -> dict:
        return {
            (
                product,
                None if row["is_every_school"] else row["school"],
                EVERY if row["is_every_grade"] else row["grade"],
            ): row
            for row in of.places(span, product)
        }

    for product in [None, *products[:2]]:
        for span in dict.fromkeys(spans):
            inside = [span.first <= day <= span.last for day in known]
            for place, row in places(figures, span, product).items():
                if row["few_active"] is None:
                    shown[place].append((inside, row["student_days"]))
                if row["few"] is None:
                    shown[*place, "page loads"].append((inside, row["page_loads"]))
    for day in known:
        for product in [None, *products[:2]]:
            for place, row in places(inventory, replace(students, period="day", first=day, last=day), product).items():
                counts[place][day] = counts[*place, "page loads"][day] = row["users"]
    # The days of a product by day, and its sums, in each school.
    for span in dict.fromkeys(spans):
        inside = [span.first <= day <= span.last for day in known]
        for school in list(there.schools)[:3]:
            asked = replace(span, schools=(school,))
            if not figures.too_few(asked):
                for row in figures.products(asked):
                    if row["few"] is None and row["product_key"] in products:
                        shown[row["product_key"], school, "product"].append((inside, None))
                for one in figures.trend(asked):
                    if one["users"] is not None:
                        shown[None, school, EVERY].append(([day == one["usage_date"] for day in known], one["users"]))
    for day in known:
        for school in list(there.schools)[:3]:
            for row in inventory.products(replace(students, period="day", first=day, last=day, schools=(school,))):
                counts[row["product_key"], school, "product"][day] = row["students"]
    worked, equations = [], 0
    for place, told in shown.items():
        # That a count is zero, everybody knows.
        used = [number for number, day in enumerate(known) if counts[place].get(day)]
        matrix = np.array([inside for inside, _ in told], dtype=float)[:, used]
        _, sizes, basis = np.linalg.svd(matrix, full_matrices=False)
        fixed = (basis[: (sizes > 1e-9).sum()] ** 2).sum(axis=0) > 1 - 1e-9
        small = [
            (place, known[n], counts[place][known[n]]) for n, is_fixed in zip(used, fixed, strict=True) if is_fixed
        ]
        worked += [each for each in small if each[2] < 10]
        equations += len(told)
    assert worked == []
    assert equations > 2_000, equations
    small = sum(0 < count < 10 for by_day_ in counts.values() for count in by_day_.values())
    assert small > 100, "there is nothing to be worked out"


def test_the_queries_of_the_metrics_page_give_the_figures_of_the_dashboard(district):
    """docs/metrics.md is for other tools: its queries are run as they stand, against what the page says."""
    text = (PROJECT / "docs" / "metrics.md").read_text("utf-8")
    queries = dict(re.findall(r"<!-- query: (\w+) -->\s*```sql\n(.*?)```", text, re.DOTALL))
    inventory = district.source().inventory()
    students = inventory.options.read("?period=month&from=2025-09-01&type=student")
    figures = district.source().figures()
    rows = {name: inventory.version.rows(sql) for name, sql in queries.items()}
    products = {row["product_name"]: row for row in figures.products(students)}
    assert {row["product_name"]: (row["users"], row["page_loads"]) for row in rows["usage_by_product"]} == {
        name: (row["students"], row["page_loads"]) for name, row in products.items()
    }
    for row in rows["access_and_engagement"]:
        wanted = products[row["product_name"]]
        assert (row["pct_access"] is None) == (wanted["few"] is not None)
        assert (row["pct_access"], row["engagement_index"]) == pytest.approx(
            (wanted["pct_access"], wanted["engagement_index"]), abs=0.051
        )
    assert {row["users"] is None for row in rows["usage_by_product"]} == {True, False}
    everybody = inventory.options.read("?period=month&from=2025-09-01")
    assert rows["roster_match_rate"][0]["roster_match_rate"] == pytest.approx(inventory.match_rate(everybody))
    assert {"usage_by_product", "access_and_engagement", "roster_match_rate"} <= rows.keys()


def test_no_query_of_the_docs_counts_a_few_students(district):
    """Each query of README and docs/ that gives a small count of people counts staff, or only districts."""
    version, seen = district.source().inventory().version, Counter()
    for page in [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]:
        for block in re.findall(r"```sql\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            for sql in (each.strip() for each in block.split(";") if "marts." in each):
                rows = version.rows(sql)
                counts = [
                    row[name] for row in rows for name in row if re.search("users|people|students|count_star", name)
                ]
                if any(count is not None and 0 < count < 10 for count in counts):
                    seen["small"] += 1
                    assert (
                        "role <> 'student'" in sql or "user_type = 'educator'" in sql or "group by user_type" in sql
                    ), (page, sql)
                seen["queries"] += 1
    assert seen["queries"] > 20 and seen["small"], seen


def test_an_address_reads_as_it_was_written(district):
    options = district.source().inventory().options
    rng = random.Random(7)
    for _ in range(100):
        filters = random_filters(options, rng)
        assert options.read(filters.as_query()) == filters


def test_all_grades_of_a_district_are_everyone_whatever_grades_others_have():
    small = filters.District("small", "Small", {"A": "A", "B": "B"}, {"03": "Grade 3"})
    large = filters.District("large", "Large", {"A": "A", "B": "B"}, {"03": "Grade 3", "04": "Grade 4"})
    options = Options({"small": small, "large": large}, ())
    chosen = options.read("?district=small&grade=03")
    assert chosen.grades == ("03",) and options.narrows(chosen) == ((), ())
    assert options.narrows(options.read("?district=large&grade=03")) == ((), ("03",))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "  =1", "\u00a0=1", "＝1+1"])
def test_a_name_that_looks_like_a_formula_is_exported_as_text(text):
    written = [{"product_name": text, "page_loads": -5}]
    lines = sheets.head("Products", text, sheets.PRODUCTS)
    rows = list(csv.reader(io.StringIO(sheets.as_csv(lines, sheets.PRODUCTS, written).decode("utf-8-sig"))))
    assert rows[-1][0] == f"'{text}" and "-5" in rows[-1] and rows[1] == [f"'{text}"]
    sheet = openpyxl.load_workbook(io.BytesIO(sheets.as_xlsx(lines, sheets.PRODUCTS, written))).active
    cells = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert all(cell.data_type != "f" for cell in cells) and -5 in [cell.value for cell in cells]


@pytest.mark.parametrize("before", ["\t", "\r", "\n", "\ufeff", "\u200b"])
def test_nothing_unseen_stands_before_a_formula_in_an_export(before):
    content = sheets.as_csv([before + "=1"], sheets.PRODUCTS, [{"product_name": before + "=1"}]).decode("utf-8-sig")
    written = before.encode("unicode_escape").decode() + "=1"
    rows = list(csv.reader(io.StringIO(content)))
    assert rows[0] == [written] and rows[-1][0] == written


def test_the_dashboard_can_write_nothing_and_open_nothing_else(district):
    version = district.source().inventory().version
    for sql in (
        "create table marts.mine (a int)",
        "delete from dim_users",
        f"select * from read_csv('{district.last}')",
        "attach ':memory:' as other; copy dim_users to '/tmp/out.csv'",
        "set enable_external_access = true",
    ):
        with pytest.raises(Exception, match=r"(?i)read.only|disabled|locked|cannot"):
            version.rows(sql)


@pytest.mark.long
def test_many_who_ask_for_dates_of_their_own_at_once_are_all_answered(district, monkeypatch):
    """More dates than are kept: what one makes, another must not have taken away before it is read."""
    options = district.source().inventory().options
    (there,) = options.districts.values()
    everyone = options.default()
    asked = [
        replace(everyone, period="custom", first=there.first_day + timedelta(first), last=there.first_day + timedelta(first + days))
        for first in range(12)
        for days in (1, 4, 9)
    ]  # fmt: skip

    def answer(inventory, filters: Filters):
        return inventory.headline(filters, inventory.products(filters)), inventory.by_school_and_grade(filters)

    alone, shared = (Inventory(Warehouse(district.house.settings).version()) for _ in range(2))
    expected = [answer(alone, filters) for filters in asked]
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(lambda filters: answer(shared, filters), asked * 2)) == expected * 2

    def kept() -> int:
        return sum(kind == "rolled" and period == "custom" for kind, _, period, *_ in shared.tables._tables)

    before = kept()
    # What nobody has read for a while makes room.
    monkeypatch.setattr(tables, "_IN_USE", 0.0)
    answer(shared, replace(asked[0], last=asked[0].last + timedelta(30)))
    assert before == len(asked) > kept() == tables.KEPT["custom"]


def test_a_pointer_that_leads_nowhere_takes_the_page_from_nobody_who_has_it(district):
    source = district.source()
    inventory = source.inventory()
    pointer = district.house.settings.pointer
    kept = pointer.readlink()
    try:
        pointer.unlink()
        pointer.symlink_to("versions/no_such.duckdb")
        assert source.inventory() is inventory and inventory.products(inventory.options.default())
        with pytest.raises(RollcallError, match="no_such cannot be opened"):
            district.source().inventory()
        pointer.unlink()
        with pytest.raises(NothingPublished):
            source.inventory()
    finally:
        pointer.unlink(missing_ok=True)
        pointer.symlink_to(kept)


# In a browser


@pytest.fixture(scope="module")
def log(district) -> Path:
    """What the dashboard's command writes to its standard error."""
    return district.house.root / "dashboard.log"


@pytest.fixture(scope="module")
def address(district, log):
    """The dashboard, served by its own command."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", "from rollcall.cli import main; main()", "dashboard", "--port", "0"],
        env=district.house.environment,
        cwd=district.house.root,
        stdout=subprocess.PIPE,
        stderr=log.open("w"),
        text=True,
    )
    line = process.stdout.readline()
    found = re.search(r"http://\S+", line)
    assert found, line
    yield found[0].rstrip("/")
    process.terminate()
    process.wait(10)


@pytest.fixture
def page(browser, address):
    with opening(browser, address) as page:
        yield page


def opened(page: Page, address: str, path: str = "/", query: str = "") -> None:
    page.goto(address + path + query)
    expect(page.locator("#footer")).to_contain_text("Published", timeout=20_000)
    settled(page)


def settled(page: Page) -> None:
    """Waits until an answer that was asked for, or is about to be, is painted."""
    page.wait_for_timeout(300)
    expect(page.locator("[data-dash-is-loading=true], body.waiting")).to_have_count(0, timeout=15_000)
    page.wait_for_load_state("networkidle")


def cards(page: Page) -> dict[str, str]:
    names = page.locator("#cards .card-name").all_inner_texts()
    return dict(zip(names, page.locator("#cards .figure").all_inner_texts(), strict=True))


def choose(page: Page, control: str, *labels: str) -> None:
    """Opens a multi-select and picks, as a mouse does."""
    page.locator(f"#{control}").click()
    for label in labels:
        page.locator(".dash-dropdown-option", has_text=re.compile(f"^{re.escape(label)}$")).click()
    page.keyboard.press("Escape")
    settled(page)


def exported(page: Page, table: str = "products", kind: str = "csv") -> list[dict[str, str]]:
    """The rows of an exported table, below the lines that say what it is."""
    with page.expect_download() as download:
        page.locator(f"a.export[data-table={table}][data-kind={kind}]").click()
    if kind == "xlsx":
        lines = [
            [cell.value for cell in row]
            for row in openpyxl.load_workbook(io.BytesIO(Path(download.value.path()).read_bytes())).active.iter_rows()
        ]
        top = next(number for number, line in enumerate(lines) if not any(line)) + 1
        return [dict(zip(lines[top], map(str, line), strict=True)) for line in lines[top + 1 :]]
    text = Path(download.value.path()).read_text("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text.partition("\n\n")[2])))


def agrees(shown: str, value: float | None, words: str, counted: int) -> None:
    """A figure is the oracle's, or hidden: as few where it is, and with a star where it would give away another."""
    assert shown in (words, "<10" if counted < 10 else "*"), (shown, value, counted)
    if 0 < counted < 10:
        assert shown == "<10", (shown, value)


def test_what_the_page_and_its_export_say_is_what_the_oracle_says(district, oracle, page, address):
    figures = district.source().figures()
    options = figures.options
    rng, seen = random.Random(11), Counter()
    while seen["pages"] < 6:
        filters = random_filters(options, rng)
        answer = expected(oracle, options, filters)
        if figures.too_few(filters):
            page.goto(address + "/" + filters.as_query())
            expect(page.locator("#notice")).to_contain_text("Figures about so few students are hidden", timeout=20_000)
            continue
        opened(page, address, query=filters.as_query())
        seen["pages"] += 1
        headline, found = answer["headline"], cards(page)
        hidden = found["Active users"] == "<10"
        assert found == {
            "Active users": "<10" if hidden else components.short(headline["users"]),
            "Rostered users reached": "<10" if hidden else components.percent(headline["reach"]),
            "Page loads": components.short(headline["page_loads"]),
            "Products in use": components.short(headline["products"]),
            "Unapproved use": components.percent(headline["unapproved"]),
        }, filters
        rows = {row["Product"].removeprefix("'"): row for row in exported(page)}
        assert rows.keys() == answer["products"].keys()
        for name, one in answer["products"].items():
            shown = rows[name]
            agrees(shown["Students"], one["students"], str(one["students"]), one["students"])
            assert int(shown["Educators"]) == one["educators"]
            assert int(shown["Page loads"]) == one["page_loads"]
            seen["hidden" if shown["Students"] in ("<10", "*") else "shown"] += 1
            for heading, metric in (("Access", "pct_access"), ("Engagement", "engagement_index")):
                if one[metric] is None:
                    assert shown[heading] in ("", "<10", "*")
                elif shown["Students"] in ("<10", "*"):
                    assert shown[heading] == shown["Students"]
                else:
                    assert abs(float(shown[heading]) - one[metric]) <= 0.05 + 1e-9
    assert min(seen.values()) > 5, seen


def test_filters_change_the_figures_and_the_address_and_can_be_gone_back_from(district, page, address):
    opened(page, address)
    before = cards(page)
    (there,) = district.source().inventory().options.districts.values()
    school_id, school = next(iter(there.schools.items()))
    choose(page, "schools", school)
    narrowed = cards(page)
    assert narrowed["Active users"] != before["Active users"]
    assert parse_qs(urlsplit(page.url).query)["school"] == [school_id]
    choose(page, "types", "Students")
    students = cards(page)
    query = urlsplit(page.url).query
    assert parse_qs(query)["type"] == ["student"]
    # A bookmark shows the same.
    opened(page, address, query="?" + query)
    assert cards(page) == students
    # Other pages keep the selection.
    page.get_by_role("link", name="Schools and grades").click()
    expect(page.locator("#heat")).to_contain_text(school)
    assert parse_qs(urlsplit(page.url).query)["school"] == [school_id]
    page.go_back()
    settled(page)
    assert cards(page) == students
    page.get_by_role("button", name="Clear").click()
    settled(page)
    assert cards(page) == before
    assert "school" not in parse_qs(urlsplit(page.url).query)
    # Of all products the rows in sight are drawn, and no others: thousands of rows at once would hold up the page.
    assert int(re.search(r"\d+", page.locator("#products-count").inner_text())[0]) > 100
    assert 10 < page.locator("#products .ag-center-cols-container .ag-row").count() < 40


def test_the_export_is_the_table_as_it_is_sorted_and_says_what_it_is(page, address):
    opened(page, address, query="?period=month&from=2025-09-01")
    page.locator(".ag-header-cell", has_text="Educators").click()
    settled(page)
    assert parse_qs(urlsplit(page.url).query)["sort"] == ["products.educators:asc"]
    on_screen = page.locator("#products .ag-center-cols-container [col-id=product_name]").all_inner_texts()
    rows = exported(page)
    assert [row["Product"] for row in rows][:5] == on_screen[:5]
    counts = [int(row["Educators"]) for row in rows]
    assert counts == sorted(counts)
    with page.expect_download() as download:
        page.locator("a.export[data-table=products][data-kind=csv]").click()
    lines = Path(download.value.path()).read_text("utf-8-sig").splitlines()
    assert lines[0] == "Products" and "September 2025; data through" in lines[1]
    assert any(line.startswith('"Students: ') or line.startswith("Students: ") for line in lines)
    assert exported(page, kind="xlsx")[0]["Product"] == rows[0]["Product"]
    # The address keeps the order.
    page.reload()
    settled(page)
    expect(page.locator("#products .ag-center-cols-container [col-id=product_name]").first).to_have_text(on_screen[0])


def test_a_table_that_is_drawn_after_its_figures_came_shows_them(page, address):
    page.add_init_script("window.requestIdleCallback = (what) => setTimeout(what, 4000)")
    opened(page, address)
    expect(page.locator("#cards .card")).to_have_count(5)
    expect(page.locator("#products")).to_have_count(0)
    expect(page.locator("#products-count")).to_contain_text("in use", timeout=20_000)
    expect(page.locator("#products .ag-center-cols-container [col-id=product_name]").first).to_be_visible()
    # And what is chosen afterwards, too.
    opened(page, address, query="?q=nothing+like+it")
    expect(page.locator("#products-note")).to_contain_text("No use", timeout=20_000)
    expect(page.locator(".grid:visible")).to_have_count(0)
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#products .ag-center-cols-container [col-id=product_name]").first).to_be_visible()


def test_what_is_not_open_is_drawn_when_the_browser_has_time(page, address):
    opened(page, address, "/coverage")
    expect(page.locator("#coverage .figure").first).to_be_visible()
    for grid in ("products", "heat", "new", "unapproved"):
        page.locator(f"#{grid} .ag-root").wait_for(state="attached")
    # What draws charts is large: a page without one does not ask for it.
    assert page.evaluate("window.Plotly === undefined")
    page.get_by_role("link", name="Inventory").click()
    expect(page.locator("#trend .bars path").first).to_be_visible()


def test_a_cell_leads_to_its_page_under_the_filters_of_now(district, page, address):
    opened(page, address, "/schools")
    (there,) = district.source().inventory().options.districts.values()
    link = page.locator("#heat .ag-pinned-left-cols-container .ag-row a").first
    school = link.inner_text()
    choose(page, "statuses", "Approved")
    query = parse_qs(urlsplit(link.get_attribute("href")).query)
    assert (query["status"], there.schools[query["at"][0]]) == (["approved"], school)
    link.click()
    settled(page)
    assert (urlsplit(page.url).path, parse_qs(urlsplit(page.url).query)["at"]) == ("/school", query["at"])
    expect(page.locator("#school")).to_contain_text(school)


def test_a_product_has_its_own_page_with_the_educators_to_ask(district, page, address):
    opened(page, address)
    page.locator(".ag-center-cols-container a", has_text="Google Docs").click()
    expect(page.locator(".product-name")).to_have_text("Google Docs")
    expect(page.locator("#product")).to_contain_text("Educators who use it most")
    students = {
        row["sourcedId"]
        for row in csv.DictReader(io.StringIO(_roster_users(district.files)))
        if row["role"] == "student"
    }
    emails = page.locator("#product a[href^='mailto:']").all_inner_texts()
    assert emails
    known = {row["email"].lower(): row for row in csv.DictReader(io.StringIO(_roster_users(district.files)))}
    assert all(known[email]["sourcedId"] not in students for email in emails)
    assert "product=" in page.url


def test_the_heat_map_and_the_coverage_page_show_what_the_oracle_says(district, oracle, page, address):
    options = district.source().inventory().options
    (there,) = options.districts.values()
    filters = options.read("?period=month&from=2025-09-01&type=student")
    opened(page, address, "/schools", filters.as_query() + "&measure=reach")
    rows = {row["School"]: row for row in exported(page, "heat")}
    places = oracle.places(filters, True)
    headings = {"All grades": EVERY, **{code.lstrip("0") if code.isdigit() else code: code for code in there.grades}}
    seen = Counter()
    for heading, where in {"All schools": EVERY, **{name: key for key, name in there.schools.items()}}.items():
        for column, grade in headings.items():
            if (where, grade) in places and column in rows.get(heading, {}):
                users, rostered, _ = places[where, grade]
                shown = rows[heading][column]
                seen[shown in ("<10", "*")] += 1
                if shown not in ("<10", "*"):
                    assert users >= 10 and float(shown) == pytest.approx(100 * users / rostered, abs=0.05), (
                        heading,
                        column,
                    )
                elif shown == "<10":
                    assert users < 10
    assert min(seen[True], seen[False]) > 5, seen
    filters = options.read(
        f"?period=month&from=2025-09-01&school={next(iter(there.schools))}&type=student&type=educator"
    )
    opened(page, address, "/coverage", filters.as_query())
    covered = oracle.coverage(filters, False)
    assert page.locator("#coverage .figure").first.inner_text() == components.percent(covered["match_rate"])
    users, loads = covered["by_status"]["rostered"]
    row = page.locator("#coverage tr", has_text="On the roster").locator("td.n").all_inner_texts()
    assert row == [f"{users:,}", f"{loads:,}"]


def _roster_users(folder: Path) -> str:
    import zipfile

    with zipfile.ZipFile(max(folder.glob("roster_*.zip"))) as archive:
        return archive.read("users.csv").decode()


@pytest.mark.parametrize(
    "path", ["/", "/schools", "/review", "/coverage", "/quality", "/product", "/school", "/wall", "/compare"]
)
@pytest.mark.long
def test_pages_are_accessible_and_fit_their_screen(page, address, district, path):
    query = "?period=month&from=2025-09-01"
    if path == "/product":
        inventory = district.source().inventory()
        query += f"&product={inventory.products(inventory.options.read(query))[0]['product_key']}"
    if path == "/school":
        query += "&at=SCH0000"
    opened(page, address, path, query)
    # What is dark is another colour, and otherwise the same page.
    for scheme, rules in (
        ("light", ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]),
        ("dark", ["color-contrast"]),
    ):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(300)  # colors change over time
        found = Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]})
        assert found.violations_count == 0, found.generate_report()
    for width in (375, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(100)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{path} is {wide} px wide on a screen of {width}"
        here = page.locator("nav a[aria-current]:visible")
        assert not here.count() or 0 <= here.bounding_box()["x"] < width - here.bounding_box()["width"], "the page's own link is not on the screen"  # fmt: skip
        if path == "/" and width == 375:
            assert page.locator(".figure:visible").first.bounding_box()["y"] < 700, (
                "no figure on a phone's first screen"
            )
        page.wait_for_timeout(300)
        charts = page.locator(".js-plotly-plot:visible").evaluate_all("charts => charts.map((chart) => [chart._fullLayout.width, chart.clientWidth])")  # fmt: skip
        assert all(abs(drawn - room) <= 2 for drawn, room in charts), charts


@pytest.mark.parametrize(("scheme", "path", "count"), [("light", "/", 6), ("dark", "/", 6), ("light", "/schools", 4)])
@pytest.mark.long
def test_every_picker_is_accessible_while_it_is_open(page, address, scheme, path, count):
    page.emulate_media(color_scheme=scheme)
    opened(page, address, path, "?period=custom&from=2025-09-02&to=2025-09-12")
    shown = page.locator("button.dash-dropdown:visible")
    expect(shown).to_have_count(count)
    pickers = [button.get_attribute("id") for button in shown.all()]
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
    for name in pickers:
        page.locator(f"#{name}").click()
        expect(page.locator(".dash-dropdown-content")).to_have_attribute("aria-label", re.compile("."))
        heights = page.locator(".dash-dropdown-option").evaluate_all(
            "options => options.map((each) => each.offsetHeight)"
        )
        assert max(heights) <= 40, (name, "options are more than one line high", heights)
        found = Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]})
        assert found.violations_count == 0, (name, found.generate_report())
        page.keyboard.press("Escape")
    page.locator("#dates").first.click()
    expect(page.locator(".dash-datepicker-content")).to_be_visible()
    found = Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()


def test_the_filters_work_from_the_keyboard(page, address):
    opened(page, address)
    before = cards(page)
    page.locator("#grades").focus()
    page.keyboard.press("Tab")
    types = page.get_by_role("button", name=re.compile("^User types"))
    expect(types).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".dash-dropdown-search")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".dash-options-list-option-checkbox").first).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator(".dash-options-list-option-checkbox").first).to_be_checked()
    page.keyboard.press("Escape")
    expect(types).to_be_focused()
    settled(page)
    assert cards(page) != before
    assert "type=" in page.url
    # From the table to a product, and back.
    page.locator("a.export[data-table=products][data-kind=xlsx]").focus()
    for key in ("Tab", "ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    second = page.locator(".ag-cell-focus a").inner_text()
    page.keyboard.press("Enter")
    expect(page.locator(".product-name")).to_have_text(second)
    expect(page).to_have_title(f"{second} · Rollcall")
    expect(page.locator(".product-name")).to_be_focused()
    page.get_by_role("link", name="All products").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_title("Inventory · Rollcall")
    assert "type=" in page.url and "product=" not in page.url


def test_every_letter_that_is_typed_at_a_picker_is_searched_for(page, address):
    """Also those typed before its list is there, which takes longest on a busy computer."""
    opened(page, address)
    search = page.locator(".dash-dropdown-search")
    for picker in ("when", "schools"):  # one of many, and several
        for how, delay in itertools.product(("click", "focus"), (0, 5, 20, 50, 100)):
            button = page.locator(f"#{picker}")
            getattr(button, how)()
            page.keyboard.type("mtwos", delay=delay)
            expect(search).to_have_value("mtwos")
            page.keyboard.press("Escape")
            expect(search).to_have_count(0)
            expect(button).to_be_focused()  # it gets the focus back, a moment after its list has gone
            page.wait_for_timeout(100)
    # One that is not searched opens with the keys of a list alone.
    page.locator("#period").focus()
    page.keyboard.type("w")
    page.wait_for_timeout(300)
    expect(page.locator(".dash-dropdown-content")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.locator(".dash-dropdown-option")).not_to_have_count(0)
    expect(search).to_have_count(0)


def test_a_selection_without_use_and_an_unknown_page_say_what_to_do(page, address):
    for path in ("/", "/review"):
        opened(page, address, path, "?q=nothing+like+it")
        expect(page.locator("#notice")).to_contain_text("clear the filters")
        expect(page.locator("#main")).not_to_contain_text("is approved")
        expect(page.locator(".grid:visible")).to_have_count(0)
    page.goto(address + "/nowhere")
    expect(page.locator("#notice")).to_contain_text("no such page")
    page.goto(address + "/product?product=12")
    expect(page.locator("#notice")).to_contain_text("Choose one from the inventory")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?school=CLOSED", "has no school “CLOSED”"), ("?district=elsewhere", "no district “elsewhere”"), ("?grade=99", "no grade “99”"),
        ("?period=month&from=9999-12-31", "“9999-12-31” is not a date"),
    ],
)  # fmt: skip
@pytest.mark.long
def test_an_address_that_names_what_is_not_there_says_so_and_shows_nobody(page, address, query, words):
    page.goto(address + "/" + query)
    expect(page.locator("#notice")).to_contain_text(words, timeout=20_000)
    settled(page)
    expect(page.locator("#main section:visible")).to_have_count(0)
    assert query in page.url, "the address is not put right behind one's back"
    choose(page, "types", "Students")
    expect(page.locator("#cards")).to_be_visible()
    assert "type=student" in page.url


def test_days_are_compared_with_like_days_or_not_at_all(district):
    inventory = district.source().inventory()
    options, days = inventory.options, inventory.school_days("maplewood")
    for query in (
        "?period=day&from=2025-09-30",
        "?period=week&from=2025-09-15",
        "?period=custom&from=2025-09-16&to=2025-09-24",
    ):
        filters = options.read(query)
        then, why = inventory.before(filters)
        assert then is not None, why
        now_days, then_days = (
            [day for day in sorted(days) if each.first <= day <= each.last] for each in (filters, then)
        )
        assert [day.weekday() for day in now_days] == [day.weekday() for day in then_days] and now_days
        assert then.last < filters.first
    # The week of the first day of use has nothing before it, and the week after has fewer days before it.
    assert inventory.before(options.read("?period=week&from=2025-09-01"))[1] == "No earlier data"
    assert inventory.before(options.read("?period=week&from=2025-09-08")) == (None, "No earlier data")
    assert inventory.before(options.read("?period=school_year"))[1] == "No earlier data"
    holiday = options.earlier(options.read("?period=week&from=2025-09-22"), frozenset(days - {min(d for d in days if d.isoformat() >= "2025-09-15")}))  # fmt: skip
    assert holiday == (None, "Not compared: 4 school days before, 5 now")


def test_what_the_weeks_before_cannot_be_held_against_is_held_against_the_year_before():
    first, last = date(2024, 9, 2), date(2025, 10, 31)
    there = filters.District("a", "A", first_day=first, last_day=last)
    options = Options({"a": there}, ())
    days = {first + timedelta(days=n) for n in range((last - first).days + 1)}
    days = frozenset(day for day in days if day.weekday() < 5 and day.month not in (7, 8))
    # The week before September is in the summer.
    september = options.earlier(options.read("?period=week&from=2025-09-01"), days)[0]
    assert (september.first, september.last) == (date(2024, 9, 2), date(2024, 9, 8))
    october = options.earlier(options.read("?period=week&from=2025-10-06"), days)[0]
    assert (october.first, october.last) == (date(2025, 9, 29), date(2025, 10, 5))
    # With neither of both, the page says what stands in the way just before.
    assert options.earlier(options.read("?period=week&from=2025-09-01"), days - {date(2024, 9, 3)}) == (None, "Not compared: 0 school days before, 5 now")  # fmt: skip


def test_dates_in_grids_are_written_out(district, page, address):
    figures = district.source().figures()
    (there,) = figures.options.districts.values()
    later = (there.first_day + timedelta(weeks=n) for n in (1, 2, 3))
    queries = [f"?period=week&from={day - timedelta(days=day.weekday())}" for day in later]
    query = next(each for each in queries if figures.new_products(figures.options.read(each)))
    opened(page, address, "/review", query)
    shown = page.locator("#new .ag-center-cols-container [col-id=first_used]").all_inner_texts()
    days = {components.long_day(day) for day in figures.new_products(figures.options.read(query)).values()}
    assert shown and set(shown) <= days, (shown, days)


@pytest.mark.long
def test_ticked_products_and_schools_are_compared(district, page, address):
    figures = district.source().figures()
    query = "?period=month&from=2025-09-01"
    for path, table, kind in (("/", "products", "product"), ("/schools", "heat", "school")):
        opened(page, address, path, query)
        boxes = page.locator(f"#{table} .ag-center-cols-container input[type=checkbox], #{table} .ag-pinned-left-cols-container input[type=checkbox]")  # fmt: skip
        button = page.locator(f"#{table}-compare")
        expect(button).to_be_disabled()
        for number in range(5 if kind == "product" else 1):
            boxes.nth(number).check()
        # One is nothing to compare, and five are too many to see side by side.
        expect(button).to_be_disabled()
        for number in range(5):
            boxes.nth(number).set_checked(number in (0, 2))
        expect(button).to_have_text("Compare 2")
        button.click()
        settled(page)
        asked = parse_qs(urlsplit(page.url).query)["one"]
        assert len(asked) == 2 and urlsplit(page.url).path == "/compare", page.url
        rows = [row.locator("td, th").all_inner_texts() for row in page.locator("#compare tr").all()]
        told = {row[0]: row[1:] for row in rows}
        filters = figures.options.read(query)
        if kind == "product":
            known = {row["product_key"]: row for row in figures.products(filters)}
            assert rows[0][1:] == [known[key]["product_name"] for key in asked]
            assert told["Page loads"] == [f"{known[key]['page_loads']:,}" for key in asked]
            assert told["Students"] == [known[key]["few"] or f"{known[key]['students']:,}" for key in asked]
        else:
            one = [figures.headline(replace(filters, schools=(key,))) for key in asked]
            assert rows[0][1:] == [figures.options.districts["maplewood"].schools[key] for key in asked]
            assert told["Page loads"] == [f"{each['page_loads']:,}" for each in one]
    page.goto(address + "/compare" + query)
    expect(page.locator("#compare")).to_contain_text("Select two to four")


def test_the_wall_shows_the_figures_of_the_district_and_is_amber_when_data_is_late(district, page, address):
    figures = district.source().figures()
    filters = figures.options.read("?period=month&from=2025-09-01")
    opened(page, address, "/wall", filters.as_query())
    now = figures.headline(filters)
    assert page.locator("#wall .figure").all_inner_texts() == [
        components.short(now["users"]), components.percent(now["reach"]), components.short(now["page_loads"]),
        components.short(now["products"]), components.percent(now["unapproved"]),
    ]  # fmt: skip
    assert page.locator("nav:visible, .filters:visible").count() == 0
    for width, height in ((1366, 768), (1440, 900), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollHeight") <= height, "nobody scrolls a wall"
    staff = (
        district.source().inventory().version.rows("select display_name from dim_users where display_name is not null")
    )
    text = page.locator("#wall").inner_text()
    assert staff and not [row for row in staff if row["display_name"] in text]
    expect(page.locator("#banner")).to_contain_text("Late data")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 223, 148)"
    # To people who see no deliveries, the usage is late, whose last day is on every page.
    principal = Figures(figures, Viewer("x", (("maplewood", Grant(frozenset(["SCH0000"]), frozenset())),)))
    assert re.fullmatch(r"Late data: usage through October 2, 2025 \([\d,]+ days ago\)\.", sheets.text_of(views.banner(principal, "maplewood")))  # fmt: skip
    # While nothing is late, the ground is that of any page.
    page.locator("#banner").evaluate("banner => banner.replaceChildren()")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(245, 247, 250)"


@pytest.mark.long
def test_figures_are_never_old_while_the_server_is_away(district, browser, tmp_path):
    """Stopped and started again under an open page."""
    from conftest import free_port

    port = free_port()

    def start() -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", "from rollcall.cli import main; main()", "dashboard", "--port", str(port)],
            env=district.house.environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert "http" in process.stdout.readline()
        return process

    process = start()
    page = browser.new_page(viewport={"width": 1440, "height": 1000})
    try:
        opened(page, f"http://127.0.0.1:{port}", query="?period=month&from=2025-09-01")
        before = cards(page)
        process.terminate()
        process.wait(10)
        page.locator("#types").click()
        page.locator(".dash-dropdown-option", has_text=re.compile("^Educators$")).click()
        page.keyboard.press("Escape")
        expect(page.locator("#connection")).to_contain_text("The server is not responding", timeout=10_000)
        assert cards(page) == before
        assert float(page.locator("#inventory").evaluate("section => getComputedStyle(section).opacity")) < 0.6
        process = start()
        page.get_by_role("button", name="Retry").click()
        expect(page.locator("#connection")).to_be_hidden(timeout=20_000)
        settled(page)
        educators = cards(page)
        assert educators != before
        assert float(page.locator("#inventory").evaluate("section => getComputedStyle(section).opacity")) == 1
        # A sign-on in front of it that has ended.
        page.route("**/_dash-update-component", lambda route: route.fulfill(status=401))
        page.locator("#search").fill("oak")
        expect(page.locator("#connection")).to_contain_text("Your session has ended", timeout=10_000)
        assert cards(page) == educators
        page.unroute("**/_dash-update-component")
        page.get_by_role("button", name="Retry").click()
        expect(page.locator("#connection")).to_be_hidden(timeout=20_000)
        settled(page)
        assert cards(page) != educators
    finally:
        page.close()
        process.terminate()
        process.wait(10)


@pytest.mark.long
def test_every_table_of_every_page_exports_what_it_shows(district):
    """As CSV and XLSX, with its title, selection and definitions in the head."""
    client = create(district.house.settings).server.test_client()
    figures = Figures(district.source().figures(), EVERYONE)
    query = "?district=maplewood&period=month&from=2025-09-01"
    products = [row["product_key"] for row in figures.products(figures.options.read(query))]
    more = {
        "/product": f"&product={products[0]}",
        "/school": "&at=SCH0000",
        "/compare": f"&one={products[0]}&one={products[1]}",
    }
    seen = Counter()
    for path in views.USES:
        address = query + more.get(path, "")
        shown = views.show(figures, views.kept(figures.options.read(address), path), path, address)
        for one in [each for part in shown.parts.values() for each in sheets.tables_of(part)]:
            name, rows = getattr(one, "data-export"), one.children[1].children
            answer = client.get(f"/export/{name}.csv{address}", headers={"Host": "localhost"})
            assert answer.status_code == 200, name
            lines = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
            top = lines.index([])
            assert lines[0] == [getattr(one, "data-title")] and lines[1][0].startswith(
                "Maplewood Unified School District"
            )
            assert len(lines) == top + 2 + len(rows) and len(lines[top + 1]) == len(rows[0].children), name
            seen[path] += 1
            if seen[path] == 1:
                book = client.get(f"/export/{name}.xlsx{address}", headers={"Host": "localhost"})
                assert openpyxl.load_workbook(io.BytesIO(book.get_data())).active.max_row == len(lines), name
            for row, written in zip(rows, lines[top + 2 :], strict=True):
                for cell, text in zip(row.children, written, strict=True):
                    told = sheets.text_of(cell)
                    number = told.replace(",", "").rstrip("%")
                    assert text.removeprefix("'") in (told, number, "" if told == "–" else told), (name, told, text)
    # The pages with grids alone have a test in the browser, members are the office's, and a wall has no one who exports.
    assert {path for path in views.USES if seen[path]} == set(views.USES) - {"/schools", "/review", "/wall", "/members"}
    assert client.get(f"/export/product-nothing.csv{query}", headers={"Host": "localhost"}).status_code == 404
    assert client.get(f"/export/school-grades.csv{query}&at=NOWHERE", headers={"Host": "localhost"}).status_code == 404


def test_the_columns_of_the_products_are_in_the_address_and_the_export(page, address):
    opened(page, address, query="?period=month&from=2025-09-01")
    page.locator("#products-columns").click()
    for name in ("Provider", "Minutes"):
        page.locator(".dash-dropdown-option", has_text=re.compile(f"^{name}$")).click()
    page.keyboard.press("Escape")
    headings = page.locator("#products .ag-header-cell-text")
    expect(headings.filter(has_text="Provider")).to_have_count(0)
    kept = parse_qs(urlsplit(page.url).query)["columns"][0].split(".")
    assert "students" in kept and not {"provider", "active_minutes"} & set(kept)
    page.reload()
    settled(page)
    expect(headings.filter(has_text="Students")).to_have_count(1)
    expect(headings.filter(has_text="Provider")).to_have_count(0)
    assert list(exported(page)[0]) == ["Product", "Subject", "Status", "Privacy", "Students", "Educators", "Page loads", "Access", "Engagement"]  # fmt: skip


def test_a_print_has_every_row_and_the_selection(district, page, address):
    opened(page, address, query="?period=month&from=2025-09-01")
    rows = exported(page)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("table.printed tbody tr").count() == len(rows) > 100
    assert (
        page.locator("table.printed .chip").count() == len(rows) > page.locator("table.printed .chip.good").count() > 0
    )
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("table.printed").count() == 0
    expect(page.locator("#selection")).to_have_text(
        "All schools, everyone, September 2025; data through October 2, 2025"
    )


def test_before_the_first_version_the_page_says_how_to_get_one(tmp_path, browser):
    from conftest import House

    house = House(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", "from rollcall.cli import main; main()", "dashboard", "--port", "0"],
        env=house.environment | {"PYTHONUNBUFFERED": "1"}, cwd=tmp_path, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        found = re.search(r"http://\S+", process.stdout.readline())
        page = browser.new_page()
        page.goto(found[0])
        expect(page.locator("main")).to_contain_text("rollcall refresh", timeout=15_000)
        page.close()
    finally:
        process.terminate()
        process.wait(10)


def send(address: str, raw: bytes, timeout: float = 20) -> tuple[int, bytes]:
    """The status and the body that the server answers such bytes with, whatever a client would have made of them."""
    host, port = urlsplit(address).netloc.split(":")
    with socket.create_connection((host, int(port)), timeout) as connection:
        connection.sendall(raw)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return int(answer.split(b" ", 2)[1]), answer.partition(b"\r\n\r\n")[2]


def get(address: str, target: bytes) -> int:
    return send(address, b"GET " + target + b" HTTP/1.0\r\nHost: localhost\r\n\r\n")[0]


def post(address: str, body: bytes) -> tuple[int, bytes]:
    head = f"POST /_dash-update-component HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return send(address, head.encode() + body)


def callbacks(address: str) -> list[dict]:
    """The body that the page would send for each callback, with nothing chosen."""
    with urllib.request.urlopen(address + "/_dash-dependencies") as answer:
        found = json.load(answer)
    bodies = []
    for one in found:
        if one["clientside_function"] is None:
            each = one["output"][2:-2].split("...") if one["output"].startswith("..") else [one["output"]]
            outputs = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in each]
            bodies.append(
                {
                    "output": one["output"],
                    "outputs": outputs if one["output"].startswith("..") else outputs[0],
                    "inputs": [{"id": i["id"], "property": i["property"], "value": None} for i in one["inputs"]],
                    "state": [{"id": i["id"], "property": i["property"], "value": None} for i in one["state"]],
                    "changedPropIds": [],
                }
            )
    return bodies


DATES = ["0001-01-01", "9999-12-31", "1899-12-31", "2200-01-01", "2025-09-31", "2025-W40-1", "-1", "²"]
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())) | st.sampled_from(DATES),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=5), each, max_size=3),
    max_leaves=6,
)  # fmt: skip
WORDS = st.sampled_from([*DATES, *PERIODS, *USER_TYPES, "maplewood", "SCH0000", "%ED%A0%80", "%00", "12", "²", "9" * 30]) | st.text(max_size=20)  # fmt: skip
NAMES = (
    "district",
    "period",
    "from",
    "to",
    "school",
    "grade",
    "type",
    "status",
    "q",
    "product",
    "at",
    "one",
    "measure",
    "sort",
)


@given(pairs=st.lists(st.tuples(st.sampled_from(NAMES), WORDS), max_size=8), path=st.sampled_from(["/", "/schools", "/review", "/coverage", "/quality", "/product", "/school", "/wall", "/compare", "/elsewhere"]))  # fmt: skip
@settings(max_examples=150, deadline=None)
@example(pairs=[("period", "week"), ("from", "9999-12-31")], path="/")
@example(pairs=[("period", "custom"), ("from", "0001-01-01"), ("to", "9999-12-31")], path="/schools")
@example(pairs=[("period", "school_year"), ("from", "9999-12-31")], path="/review")
@example(pairs=[("product", "²")], path="/product")
@example(pairs=[("q", "\ud800")], path="/coverage")
@pytest.mark.long
def test_no_address_breaks_a_page(address, pairs, path):
    """The address itself, and what the page then asks for."""
    query = "?" + "&".join(f"{name}={value}" for name, value in pairs)
    target = (path + query).encode("utf-8", "surrogatepass")
    assert get(address, re.sub(rb"[\x00-\x20]", b"+", target)) in (200, 400)
    choose_, show = (next(body for body in callbacks(address) if part in body["output"]) for part in ("when.value", "cards.children"))  # fmt: skip
    given_ = {"url.search": query, "url.pathname": path, "district.value": "maplewood", "period.value": "month"}
    for one in choose_["inputs"] + choose_["state"]:
        one["value"] = given_.get(f"{one['id']}.{one['property']}")
    choose_["changedPropIds"] = ["url.search"]
    status, answer = post(address, json.dumps(choose_).encode())
    assert status in (200, 204), (status, query)  # 204: what is chosen already
    response = json.loads(answer)["response"] if answer else {}
    chosen = {name: value["value"] for name, value in response.items() if "value" in value}
    for one in show["inputs"] + show["state"]:
        one["value"] = chosen.get(one["id"], given_.get(f"{one['id']}.{one['property']}"))
    status, _ = post(address, json.dumps(show).encode())
    assert status == 200, (status, query)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_no_body_breaks_the_server(address, data):
    """A body of the page's own with one thing changed, or anything at all."""
    bodies = callbacks(address)
    body = data.draw(st.sampled_from(bodies))
    kind = data.draw(st.sampled_from(["value", "value", "value", "part", "any", "bytes"]))
    if kind == "value" and body["inputs"] + body["state"]:
        for _ in range(data.draw(st.integers(1, 3))):
            data.draw(st.sampled_from(body["inputs"] + body["state"]))["value"] = data.draw(
                ANY | WORDS | st.lists(WORDS, max_size=3)
            )
    elif kind == "part":
        body[data.draw(st.sampled_from(sorted(body)))] = data.draw(ANY)
    elif kind == "any":
        body = data.draw(ANY)
    sent = data.draw(st.binary(max_size=200)) if kind == "bytes" else json.dumps(body).encode()
    status, answer = post(address, sent)
    assert status in (200, 204, 400), (status, sent, answer)


@pytest.mark.parametrize(
    "body", [b"[" * 400_000, b'{"output": ' * 50_000, b'{"output":"' + b"x" * 900_000 + b'"}', b"9" * 20_000]
)
def test_a_body_that_is_deep_or_long_is_refused_and_not_logged(address, log, body):
    before = len(log.read_bytes())
    assert post(address, body)[0] == 400
    assert len(log.read_bytes()) - before < 4_000


def test_a_body_over_a_megabyte_is_refused_before_it_is_sent(address):
    host, port = urlsplit(address).netloc.split(":")
    head = b"POST /_dash-update-component HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    for more in (b"Content-Length: 314572800\r\n\r\n", b"Content-Length: 1000001\r\n\r\n"):
        with socket.create_connection((host, int(port)), 10) as connection:
            connection.sendall(head + more)
            assert connection.recv(1000).startswith(b"HTTP/1.1 413"), more
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        answer = b""
        try:
            for _ in range(40):
                connection.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            answer = connection.recv(1000)
        except (BrokenPipeError, ConnectionResetError):
            answer = answer or b"HTTP/1.1 413 closed"
        assert answer.startswith(b"HTTP/1.1 413")


@pytest.mark.long
def test_connections_that_never_finish_their_request_keep_nobody_out(address):
    host, port = urlsplit(address).netloc.split(":")
    half = []
    try:
        for _ in range(300):
            connection = socket.create_connection((host, int(port)), 5)
            connection.sendall(
                b"POST /_dash-update-component HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{"
            )
            half.append(connection)
        assert get(address, b"/") == 200
        half[0].settimeout(30)
        assert half[0].recv(1000) == b"", "it is still open"
    finally:
        for connection in half:
            connection.close()


def test_only_the_names_it_is_served_under_are_answered(address):
    request = urllib.request.Request(address + "/", headers={"Host": "elsewhere.example"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 421


@pytest.mark.long
def test_the_figures_of_a_district_are_its_own(district, page, address):
    """Last but one in this file: it publishes another district beside the first."""
    alone = district.source().inventory()
    rng = random.Random(8)
    asked = [random_filters(alone.options, rng) for _ in range(30)]
    questions = (
        "trend",
        "coverage",
        "match_rate",
        "without_place",
        "unrostered_domains",
        "new_products",
        "by_school_and_grade",
    )

    def answers(inventory, filters: Filters) -> list:
        products = inventory.products(filters)
        told = [getattr(inventory, question)(filters) for question in questions]
        return [products, inventory.headline(filters, products), inventory.educators(filters, [key]), *told]

    key = alone.products(alone.options.default())[0]["product_key"]
    before = [answers(alone, filters) for filters in asked]
    opened(page, address)
    made = district.house.root / "made"
    district.house.run("sample", str(made), "--users", "100", "--days", "2", "--seed", "3", "--start", "2025-09-08")
    shutil.copytree(made / "maplewood", district.house.landing / "oakdale")
    settings = district.house.landing / "oakdale" / "district.toml"
    settings.write_text(
        re.sub("freshness_days.*", "", settings.read_text("utf-8").replace("Maplewood", "Oakdale")), "utf-8"
    )
    version = page.locator("#footer code").inner_text()
    (district.house.landing / "oakdale" / "roster_2025-09-20.zip").write_bytes(b"no archive at all")
    district.house.refresh(code=20)
    both = district.source().inventory()
    assert list(both.options.districts) == ["maplewood", "oakdale"]
    assert [answers(both, filters) for filters in asked] == before
    assert both.product(both.options.default("maplewood"), key)
    assert both.product(both.options.default("oakdale"), key) is None

    expect(page.locator("#footer code")).not_to_have_text(version, timeout=15_000)
    opened(page, address, query=asked[0].as_query())
    page.locator("#district").click()
    page.keyboard.type("oak")
    expect(page.locator(".dash-dropdown-option")).to_have_count(1)
    page.locator(".dash-dropdown-option", has_text="Oakdale Unified School District").click()
    settled(page)
    expect(page.locator("#district-name")).to_have_text("Oakdale Unified School District")
    there = both.options.districts["oakdale"]
    expected = both.headline(both.options.default("oakdale"))
    assert cards(page)["Active users"] == components.short(expected["users"])
    assert parse_qs(urlsplit(page.url).query) == {"district": ["oakdale"], "period": ["month"], "from": ["2025-09-01"]}
    page.locator("#grades").click()
    expect(page.locator(".dash-dropdown-option")).to_have_text(list(there.grades.values()))
    page.keyboard.press("Escape")
    # What needs someone now: counted beside Deliveries, and named there, a refused delivery with its report.
    late = [kind for kind, *_ in views.late(Figures(district.source().figures(), EVERYONE), "oakdale")]
    assert {"oneroster", "usage"} <= set(late)
    expect(page.locator("#badge")).to_contain_text(str(1 + len(late)))
    page.get_by_role("link", name="Deliveries").click()
    expect(page.locator("#district")).to_be_visible()
    problem = page.locator("#problems .card").first
    expect(problem).to_contain_text("roster_2025-09-20.zip")
    expect(problem.locator(".chip")).to_have_text(["rejected", *["late"] * len(late)])
    with page.expect_popup() as opened_:
        problem.get_by_role("link", name="Open the report on roster_2025-09-20.zip").click()
    expect(opened_.value.locator("body")).to_contain_text("roster_2025-09-20.zip")
    # Of its own district alone, and of nothing but what is published.
    (one,) = both.open_problems("oakdale")
    client = create(district.house.settings).server.test_client()

    def status(delivery: str, of: str) -> int:
        return client.get(f"/report/{delivery}?district={of}", headers={"Host": "localhost"}).status_code

    assert status(one["delivery_id"], "oakdale") == 200
    assert [status(one["delivery_id"], "maplewood"), status("%2e%2e", ".."), status("x", "oakdale")] == [404] * 3
    # A path that leads elsewhere is a page of the dashboard, and no report.
    odd = client.get("/report/..%2F..%2Foakdale?district=oakdale", headers={"Host": "localhost"})
    assert "roster_2025-09-20" not in odd.text


@pytest.mark.long
def test_a_new_version_appears_without_a_reload(district, page, address):
    """Last in this file: it publishes a further day."""
    opened(page, address, query="?period=school_year")
    before, version = cards(page), page.locator("#footer code").inner_text()
    district.last.rename(district.house.landing / "maplewood" / district.last.name)
    district.house.refresh()
    expect(page.locator("#footer code")).not_to_have_text(version, timeout=15_000)
    settled(page)
    assert cards(page)["Page loads"] != before["Page loads"]
