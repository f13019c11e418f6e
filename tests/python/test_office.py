"""The Deliveries and Members pages: a data manager's first week in a real browser, without a shell, and what the server refuses."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from conftest import free_port, opening
from rollcall.dashboard.app import create
from rollcall.office import routes

pytestmark = pytest.mark.long

SIZE = ["--users", "300", "--days", "14", "--events", "600"]
DISTRICT = "maplewood"
ALIAS = "Oak Hill School House"
MANAGER = "manager@maple.example"


@dataclass
class Roster:
    """A roster of the sample, and rosters made from it."""

    content: dict[str, bytes]

    def rows(self, name: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.content[name].decode())))

    @property
    def students(self) -> list[dict[str, str]]:
        return [row for row in self.rows("users.csv") if row["role"] == "student"]

    def without(self, gone: set[str]) -> Roster:
        """The roster without these users."""
        changed = dict(self.content)
        for name, column in (
            ("users.csv", "sourcedId"),
            ("enrollments.csv", "userSourcedId"),
            ("demographics.csv", "sourcedId"),
        ):
            rows = [row for row in self.rows(name) if row[column] not in gone]
            stream = io.StringIO()
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
            changed[name] = stream.getvalue().encode()
        return Roster(changed)

    def write(self, path: Path) -> Path:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.content.items():
                archive.writestr(name, content)
        return path


@pytest.fixture(scope="module")
def house(session_house):
    house = session_house("office")
    house.run("sample", str(house.landing), *SIZE)
    folder = house.landing / DISTRICT
    newest = max(folder.glob("roster_*.zip"))
    with zipfile.ZipFile(newest) as archive:
        house.roster = Roster({name: archive.read(name) for name in archive.namelist()})
    # A template beside OneRoster; one of its rows names a school as nobody else does.
    rows = [
        (
            "T900",
            "Ines",
            "Quist",
            "ines.quist@maplewood.k12.example",
            "teacher",
            "",
            "Oak Hill Elementary School",
            "03",
        ),
        ("T901", "Olu", "Peck", "olu.peck@maplewood.k12.example", "teacher", "", ALIAS, "04"),
    ]
    with (folder / "educators_2025-09-10.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(
            ("sis_id", "first_name", "last_name", "email", "role", "school_id", "school_name", "grade_level")
        )
        writer.writerows(rows)
    (folder / "access_2025-09-10.csv").write_text(
        "email,role,school\ndirector@maple.example,director,\nmanager@maple.example,data_manager,\nprincipal@maple.example,principal,SCH0000\n"
    )
    house.refresh()
    return house


@contextmanager
def serving(house, port: int = 0, **settings: str) -> Iterator[tuple[str, subprocess.Popen]]:
    """(address, process) of the dashboard's own command."""
    with (house.root / "dashboard.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", "from rollcall.cli import main; main()", "dashboard", "--port", str(port)],
            env=house.environment | {f"ROLLCALL_{name.upper()}": value for name, value in settings.items()},
            cwd=house.root,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found, (house.root / "dashboard.log").read_text()
        yield found[0].rstrip("/"), process
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def served(house):
    """On loopback, without sign-on."""
    with serving(house) as found:
        yield found


@pytest.fixture(scope="module")
def address(served):
    return served[0]


@pytest.fixture(scope="module")
def behind_a_proxy(house):
    """The address where a proxy signs people on."""
    port = free_port()
    more = {"sign_on": "proxy", "public_url": f"http://127.0.0.1:{port}", "proxy_addresses": '["127.0.0.1"]'}
    with serving(house, port, **more) as (found, _):
        yield found


@pytest.fixture
def page(browser, address):
    with opening(browser, address) as page:
        yield page


@pytest.fixture
def manager(browser, behind_a_proxy):
    """The page of the district's data manager, who is signed on."""
    with opening(browser, behind_a_proxy, extra_http_headers={"X-Forwarded-Email": MANAGER}) as page:
        yield page


def opened(page: Page, address: str, path: str) -> None:
    page.goto(address + path)
    expect(page.locator("#footer")).to_contain_text("Published", timeout=20_000)
    expect(page.locator(f"#office-{'members' if path == '/members' else 'deliveries'} .office")).to_be_visible(
        timeout=10_000
    )


def upload(page: Page, file: Path):
    """Uploads a file, and waits until it has been tried; its card."""
    page.set_input_files("#office-deliveries input[type=file]", file)
    card = page.locator(".upload-card", has=page.get_by_role("heading", name=file.name))
    expect(card).to_be_visible(timeout=15_000)
    expect(card).to_have_attribute("data-state", "tried", timeout=120_000)
    return card


def refreshed(page: Page, house) -> None:
    """Presses the button, and waits for the new version to be on the page."""
    before = page.locator("#footer code").inner_text()
    page.get_by_role("button", name="Refresh now").click()
    expect(page.locator("#footer code")).not_to_have_text(before, timeout=150_000)
    expect(page.locator(".refresh-said")).to_contain_text("it ended", timeout=30_000)


def counts(card, what: str) -> list[str]:
    """Added, changed and removed, as the table has them."""
    return (
        card.locator(".counts tr", has=card.page.get_by_role("cell", name=what, exact=True))
        .locator("td.n")
        .all_inner_texts()
    )


def test_a_data_manager_gets_through_the_first_week_without_a_shell(house, manager, behind_a_proxy, tmp_path):
    page, address = manager, behind_a_proxy
    roster: Roster = house.roster
    first, later = tmp_path / "first", tmp_path / "later"
    leaving = {row["sourcedId"] for row in roster.students[:40:10]}
    many = leaving | {row["sourcedId"] for row in roster.students[::4]}
    for folder in (first, later):
        folder.mkdir()

    # A file that is rejected: the page says what to fix, and does not offer to place it.
    broken = roster.without(leaving)
    broken.content["users.csv"] = broken.content["users.csv"].replace(b"enabledUser", b"enableduser", 1)
    opened(page, address, "/quality")
    card = upload(page, broken.write(first / "roster_2026-01-12.zip"))
    expect(card).to_contain_text("users.csv misspells the column 'enabledUser'")
    expect(card.get_by_role("button", name="Place it")).to_have_count(0)
    card.get_by_role("button", name="Remove").click()
    expect(page.locator(".upload-card")).to_have_count(0)

    # The fixed one: what would change is what the files say, and nothing is applied before it is confirmed.
    card = upload(page, roster.without(leaving).write(later / "roster_2026-01-12.zip"))
    assert counts(card, "People") == ["0", "0", f"{len(leaving)}"]
    card.locator("summary").click()
    schools = {row["sourcedId"]: row["name"] for row in roster.rows("orgs.csv")}
    expected: dict[str, int] = {}
    for row in roster.students:
        if row["sourcedId"] in leaving:
            for org in row["orgSourcedIds"].split(","):
                expected[schools[org]] = expected.get(schools[org], 0) + 1
    said = {
        row.locator("td").first.inner_text(): int(row.locator("td").last.inner_text())
        for row in card.locator("details tbody tr").all()
    }
    assert {school: removed for school, removed in said.items() if removed} == expected
    # Not by a click: what a browser downloads carries no header of the test's proxy.
    link = card.get_by_role("link", name="Download the rows that would change").get_attribute("href")
    rows = list(csv.DictReader(io.StringIO(page.request.get(address + link).text())))
    assert {row["person_id"] for row in rows if row["what"] == "person"} == leaving
    assert not any(row["person_name"] for row in rows if row["user_type"] == "student")
    assert not list(house.landing.glob(f"{DISTRICT}/**/*.zip"))
    card.get_by_role("button", name="Place it").click()
    expect(page.get_by_role("status").filter(has_text="in the landing folder")).to_be_visible()
    (placed,) = house.landing.glob(f"{DISTRICT}/_by_hand/*.zip")
    assert placed.read_bytes() == (later / "roster_2026-01-12.zip").read_bytes()

    # Someone who is on no roster, and a school that the template calls something else.
    opened(page, address, "/members")
    page.get_by_label("First name").fill("Amina")
    page.get_by_label("Last name").fill("Okoye")
    page.get_by_label("Email", exact=True).fill("amina.okoye@maplewood.k12.example")
    page.get_by_text("Schools, grades and an end date").click()
    page.get_by_role("group", name="Grades").get_by_label("Grade 4").check()
    page.get_by_label("Until").fill("2099-06-30")
    page.get_by_role("button", name="Add", exact=True).click()
    # What cannot be is refused, and nothing that was typed is lost.
    expect(page.get_by_role("status").filter(has_text="name the school too")).to_be_visible()
    page.get_by_role("group", name="Schools").get_by_label("Oak Hill Elementary School").check()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Amina Okoye is added")).to_be_visible()
    row = page.locator(".names tr", has_text=ALIAS)
    expect(row).to_contain_text("no match")
    row.get_by_role("combobox").select_option("Oak Hill Elementary School")
    row.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text=f"“{ALIAS}” is Oak Hill Elementary School")).to_be_visible()

    # A roster that takes too many away comes by another way, and is held.
    roster.without(many).write(house.landing / DISTRICT / "roster_2026-01-13.zip")
    opened(page, address, "/quality")
    refreshed(page, house)
    held = page.locator(".item", has=page.get_by_role("heading", name="roster_2026-01-13.zip"))
    expect(held).to_contain_text("would be removed")
    assert house.query("select count(*) from dim_users where user_type = 'student' and is_active") == [
        (len(roster.students) - len(leaving),)
    ]
    assert house.query("select display_name from dim_users where email = 'amina.okoye@maplewood.k12.example'") == [("Amina Okoye",)]  # fmt: skip
    assert house.query(
        """select org_name, grade_code, source, valid_to::varchar from fct_memberships join dim_users using (user_key)
        join dim_orgs using (org_key) where email = 'amina.okoye@maplewood.k12.example' and is_current"""
    ) == [("Oak Hill Elementary School", "04", "added", "2099-06-30")]
    named = house.query(
        """select orgs.org_name, memberships.grade_code from fct_memberships as memberships join dim_users using (user_key)
        join dim_orgs as orgs using (org_key) where email = 'olu.peck@maplewood.k12.example' and is_current"""
    )
    assert named == [("Oak Hill Elementary School", "04")]

    # What it would change, then the decision, with its reason.
    held.get_by_role("button", name="See what would change").click()
    expect(held.locator(".counts")).to_be_visible(timeout=120_000)
    assert counts(held, "People") == ["0", "0", f"{len(many - leaving)}"]
    held.get_by_label("Reason").fill("Two classes have moved away")
    held.get_by_role("button", name="Release").click()
    expect(page.get_by_role("status").filter(has_text="Released")).to_be_visible()
    refreshed(page, house)
    expect(page.locator(".item")).to_have_count(0)
    assert house.query("select count(*) from dim_users where user_type = 'student' and is_active") == [
        (len(roster.students) - len(many),)
    ]
    ((verdict, by, why),) = house.query(
        "select verdict, decided_by, decided_why from fct_deliveries where file_name = 'roster_2026-01-13.zip'"
    )
    assert (verdict, by, why) == ("accepted", MANAGER, "Two classes have moved away")
    row = page.locator(".files tr", has_text="roster_2026-01-12.zip")
    expect(row).to_contain_text("published")
    expect(row).to_contain_text(MANAGER)

    # The educator is on the list now, and can be taken off it again.
    opened(page, address, "/members")
    page.get_by_label("Name or email").fill("okoye")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".educators tbody tr")).to_have_count(1)
    expect(page.locator(".educators tbody tr")).to_contain_text("Oak Hill Elementary School: Grade 4")
    expect(page.locator(".educators tbody tr")).to_contain_text("Added manually, until June 30, 2099")
    link = page.get_by_role("link", name="Export educators and staff as CSV").get_attribute("href")
    rows = list(csv.reader(page.request.get(address + link).body().decode("utf-8-sig").splitlines()))
    assert [row[:2] for row in rows if "@" in "".join(row)] == [["Amina Okoye", "amina.okoye@maplewood.k12.example"]]
    page.get_by_role("button", name="Remove Amina Okoye").click()
    expect(page.get_by_role("status").filter(has_text="is removed with the next refresh")).to_be_visible()
    (removal,) = [
        file for file in house.landing.glob(f"{DISTRICT}/_by_hand/members_*.csv") if "tobedeleted" in file.read_text()
    ]
    assert "amina.okoye@maplewood.k12.example" in removal.read_text()


def test_a_new_district_signs_on_and_uploads_its_first_roster(session_house, browser, tmp_path):
    """Before the first version nobody signs on; the list that the operator places says who does, and has no other way in."""
    house = session_house("new")
    (house.landing / "oak").mkdir(parents=True)
    alone = create(house.settings, attach=routes.attach).server.test_client()
    start = alone.get("/office/start").get_data(as_text=True)
    assert 'href="/quality?district=oak"' in start
    deliveries = alone.get("/office/deliveries?district=oak").get_data(as_text=True)
    assert "Drop a file here" in deliveries and 'data-published=""' in deliveries
    assert alone.get("/office/members?district=oak").status_code == 400
    (house.landing / "oak" / "access.csv").write_text("email,role,school\nmanager@oak.example,data_manager,\n")
    port = free_port()
    more = {"sign_on": "proxy", "public_url": f"http://127.0.0.1:{port}", "proxy_addresses": '["127.0.0.1"]'}
    roster_file = tmp_path / "educators_2026-11-20.csv"
    roster_file.write_text(
        "sis_id,first_name,last_name,email,role,school_id,school_name,grade_level\nT1,Ada,Byron,ada@oak.example,teacher,,Oak Hill School,03\n"
    )
    with serving(house, port, **more) as (address, _):
        for path in ("/", "/office/start", "/office/deliveries?district=oak", "/office/members?district=oak"):
            asked = urllib.request.Request(f"{address}{path}", headers={"X-Forwarded-Email": "manager@oak.example"})
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(asked)
        house.refresh()
        with opening(browser, address, extra_http_headers={"X-Forwarded-Email": "manager@oak.example"}) as page:
            opened(page, address, "/members")
            expect(page.locator("#office-members")).to_contain_text("0 people")
            opened(page, address, "/quality")
            card = upload(page, roster_file)
            assert counts(card, "Schools") == ["1", "0", "0"]
            card.get_by_role("button", name="Place it").click()
            expect(page.get_by_role("status").filter(has_text="in the landing folder")).to_be_visible()
            refreshed(page, house)
            opened(page, address, "/members")
            expect(page.locator(".educators tbody tr")).to_contain_text("Oak Hill School: Grade 3")
        asked = urllib.request.Request(f"{address}/", headers={"X-Forwarded-Email": "ada@oak.example"})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(asked)


@pytest.mark.parametrize("path", ["/quality", "/members"])
def test_the_pages_are_accessible_and_fit_a_phone(page, address, path, tmp_path):
    opened(page, address, path)
    if path == "/quality":
        file = tmp_path / "educators.csv"
        file.write_text("sis_id,first_name\nT1,Ada\n")
        card = upload(page, file)
    for scheme, rules in (
        ("light", ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]),
        ("dark", ["color-contrast"]),
    ):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(300)
        found = Axe().run(page, options={"runOnly": rules, "resultTypes": ["violations"]})
        assert found.violations_count == 0, found.generate_report()
    page.set_viewport_size({"width": 375, "height": 800})
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    if path == "/quality":
        card.get_by_role("button", name="Remove").click()
        expect(card).to_have_count(0)


def ask(address: str, path: str, data: bytes | dict | None = None, **headers: str) -> tuple[int, str]:
    """(status, text) of a request as the page sends it."""
    body = urllib.parse.urlencode(data).encode() if isinstance(data, dict) else data
    kind = {} if isinstance(data, dict) else {"Content-Type": "application/octet-stream"}
    request = urllib.request.Request(address + path, body, kind | headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def begun(address: str, name: str, size: int) -> str:
    status, text = ask(address, "/office/uploads", {"district": DISTRICT, "name": name, "size": size})
    assert status == 200, text
    return json.loads(text)["id"]


def test_what_is_not_meant_or_not_there_is_refused(house, address):
    assert ask(address, "/office/refresh", {"district": DISTRICT}, **{"Sec-Fetch-Site": "cross-site"})[0] == 403
    for district in ("", "nowhere", "..", f"{DISTRICT}/..", "../landing"):
        assert ask(address, f"/office/deliveries?district={urllib.parse.quote(district)}")[0] == 404
        assert ask(address, "/office/uploads", {"district": district, "name": "a.csv", "size": 3})[0] == 404
    for name in ("district.toml", "a.exe", ".csv.part", "x"):
        assert ask(address, "/office/uploads", {"district": DISTRICT, "name": name, "size": 3})[0] == 400
    for size in ("0", "-1", "many", f"{house.settings.upload_max_bytes + 1}"):
        assert ask(address, "/office/uploads", {"district": DISTRICT, "name": "a.csv", "size": size})[0] == 400
    for upload_id in ("0" * 16, "..", "%2e%2e"):
        assert ask(address, f"/office/uploads/{upload_id}/pieces/0?district={DISTRICT}", b"abc")[0] == 404
        assert ask(address, f"/office/uploads/{upload_id}/report.html?district={DISTRICT}")[0] == 404
    for delivery_id in ("nothing", "..", "2025"):
        assert ask(address, f"/office/deliveries/{delivery_id}/report.html?district={DISTRICT}")[0] == 404
        said = ask(address, f"/office/deliveries/{delivery_id}/release", {"district": DISTRICT, "why": "x"})
        assert ("notice" in said[1] and "held" in said[1]) or said[0] == 404
    status, text = ask(address, "/office/deliveries/nothing/discard", {"district": DISTRICT, "why": "  "})
    assert status == 200 and "Give a reason" in text
    status, text = ask(address, "/office/members/add", {"district": DISTRICT, "email": "nobody", "first_name": "A", "last_name": "B", "role": "teacher"})  # fmt: skip
    assert status == 200 and "is not an email address" in text
    assert not list(house.landing.glob(f"{DISTRICT}/**/*nobody*"))


@pytest.fixture
def signed(house):
    """Asks, as a proxy does, for a person: (who, method, path, form) → answer."""
    more = {"sign_on": "proxy", "public_url": "http://localhost:8050", "proxy_addresses": ["127.0.0.1"]}
    app = create(house.settings.model_copy(update=more), attach=routes.attach)
    clients: dict[str, object] = {}

    def answer(who: str, method: str, path: str, has_token: bool = True, **form: str):
        client = clients.setdefault(who, app.server.test_client())
        headers = {"Host": "localhost:8050"} | ({"X-Forwarded-Email": who} if who else {})
        if method == "POST" and has_token and who:
            client.get("/", headers=headers)
            if (cookie := client.get_cookie("_csrf_token", domain="localhost")) is not None:
                headers["X-CSRFToken"] = cookie.decoded_value
        return client.open(path, method=method, headers=headers, data=form if method == "POST" else None)

    answer.rules = [rule for rule in app.server.url_map.iter_rules() if rule.rule.startswith("/office/")]
    return answer


def test_only_who_may_change_a_district_changes_it(house, signed):
    """Walks every address of the office: what is added is held to the same."""
    before = sorted(house.landing.rglob("*"))
    assert len(signed.rules) >= 13
    for rule in signed.rules:
        path = re.sub(r"<[^>]*>", lambda name: "0" if name[0].startswith("<int") else "x", rule.rule)
        there = f"{path}?district={DISTRICT}"
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            assert signed("", method, there).status_code in (302, 400, 401, 403), path
            for email in ("stranger@maple.example", "principal@maple.example"):
                assert signed(email, method, there, district=DISTRICT).status_code == 403, (email, path)
            for email in ("director@maple.example", "manager@maple.example"):
                assert signed(email, method, f"{path}?district=elsewhere", district="elsewhere").status_code == 403, (
                    path
                )
            if method == "GET":
                assert signed("director@maple.example", method, there).status_code in (200, 403, 404), path
            else:
                assert signed("director@maple.example", method, there, district=DISTRICT).status_code == 403, path
                assert signed("manager@maple.example", method, there, has_token=False, district=DISTRICT).status_code == 400, path  # fmt: skip
    assert sorted(house.landing.rglob("*")) == before
    seen = signed("director@maple.example", "GET", f"/office/members?district={DISTRICT}").get_data(as_text=True)
    assert "Quist" in seen and "<form" in seen and "/office/members/add" not in seen


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_tables_of_the_members_page_are_exported_as_others_are(house, signed, kind):
    """All rows, not the first few hundred; small counts as on the page; a line of the access log."""
    there = f"?district={DISTRICT}"
    educators = signed("director@maple.example", "GET", f"/office/members/members.{kind}{there}&search=a")
    assert educators.status_code == 200 and f'filename="members_{DISTRICT}.{kind}"' in educators.headers["Content-Disposition"]  # fmt: skip
    names, students = (signed("director@maple.example", "GET", f"/office/members/{name}.{kind}{there}") for name in ("names", "students"))  # fmt: skip
    assert names.status_code == students.status_code == 200
    if kind == "csv":
        rows = list(csv.reader(io.StringIO(educators.get_data().decode("utf-8-sig"))))
        assert ["Name", "Email", "Role", "Schools and grades", "Source", "Why they are one person"] in rows
        ((staff,),) = house.query(
            """select count(*) from dim_users where is_active and user_type <> 'student'
            and contains(lower(coalesce(display_name, '') || ' ' || coalesce(email, '')), 'a')"""
        )
        assert sum(1 for row in rows if len(row) == 6) - 1 == staff
        assert ALIAS in names.get_data(as_text=True) and "<10" in students.get_data(as_text=True)
    lines = json.loads(house.run("access", "--district", DISTRICT, "--json").stdout)
    assert {line["what"] for line in lines if line["action"] == "exported"} >= {f"members.{kind} search a", f"students.{kind}"}  # fmt: skip
    for name in ("nothing.csv", "members.html", "members.py"):
        assert signed("director@maple.example", "GET", f"/office/members/{name}{there}").status_code == 404


def test_each_change_is_in_the_access_log(house, signed):
    form = {
        "district": DISTRICT,
        "email": "vera.lind@maplewood.k12.example",
        "first_name": "Vera",
        "last_name": "Lind",
        "role": "aide",
    }
    answer = signed("manager@maple.example", "POST", "/office/members/add", **form)
    assert answer.status_code == 200 and "Vera Lind is added" in answer.get_data(as_text=True)
    lines = json.loads(house.run("access", "--district", DISTRICT, "--json").stdout)
    (line,) = [line for line in lines if "vera.lind@maplewood.k12.example" in line["what"]]
    assert (line["who"], line["action"]) == ("manager@maple.example", "added an educator")


def test_pieces_are_put_together_once_and_in_order(house, address):
    content = b"sis_id,first_name\n" + b"T1,Ada\n" * 20
    upload_id = begun(address, "../../evil\\..\\list.csv", len(content))
    pieces = f"/office/uploads/{upload_id}/pieces/"
    there = f"?district={DISTRICT}"
    assert json.loads(ask(address, f"{pieces}5{there}", b"later")[1])["there"] == 0
    assert json.loads(ask(address, f"{pieces}0{there}", content[:10])[1])["there"] == 10
    # Sent twice, since the answer was lost on its way.
    assert json.loads(ask(address, f"{pieces}0{there}", content[:10])[1])["there"] == 10
    assert ask(address, f"{pieces}10{there}", content)[0] == 400
    assert json.loads(ask(address, f"{pieces}10{there}", content[10:])[1])["there"] == len(content)
    (file,) = house.state.glob(f"uploads/{DISTRICT}/{upload_id}/file/*")
    assert file.read_bytes() == content and file.name == "list.csv"
    assert ask(address, f"/office/uploads/{upload_id}/remove", {"district": DISTRICT})[0] == 200
    assert not (house.state / "uploads" / DISTRICT / upload_id).exists()


def _memory(pid: int, what: str) -> int:
    """Bytes that a process has in memory, now (VmRSS) or at most (VmHWM)."""
    return 1024 * int(re.search(rf"{what}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


def test_a_large_upload_takes_no_memory(house, served):
    address, process = served
    size, piece = 60 * 2**20, bytes(900_000)
    upload_id = begun(address, "usage_2026-01-05.csv.gz", size)
    Path(f"/proc/{process.pid}/clear_refs").write_text("5")  # the peak from here on
    before, sent = _memory(process.pid, "VmRSS"), 0
    while sent < size - len(piece):
        status, text = ask(address, f"/office/uploads/{upload_id}/pieces/{sent}?district={DISTRICT}", piece)
        assert status == 200, text
        sent = json.loads(text)["there"]
    assert _memory(process.pid, "VmHWM") - before < 20 * 2**20
    assert ask(address, f"/office/uploads/{upload_id}/remove", {"district": DISTRICT})[0] == 200


def test_what_if_changes_nothing_and_says_what_a_refresh_then_does(house, tmp_path):
    roster: Roster = house.roster
    gone = {row["sourcedId"] for row in roster.students[1:30:7]}
    now = house.query("select count(*) from dim_users where user_type = 'student' and is_active")[0][0]
    file = roster.without(gone).write(tmp_path / "roster_2026-02-02.zip")
    before = {
        path: path.stat().st_mtime_ns
        for room in (house.lake, house.landing, house.warehouse)
        for path in room.rglob("*")
    }
    found = json.loads(house.run("what-if", str(file), "--district", DISTRICT, "--json").stdout)
    assert {
        path: path.stat().st_mtime_ns
        for room in (house.lake, house.landing, house.warehouse)
        for path in room.rglob("*")
    } == before
    assert not list(house.build.glob(".intake-*"))
    (figure,) = [one for one in found["figures"] if one["name"] == "Students"]
    assert (figure["before"], figure["after"]) == (now, len(roster.students) - len(gone))
    file.rename(house.landing / DISTRICT / file.name)
    deadline = time.monotonic() + 60
    while house.run("refresh", "--json", code=None).returncode == 40 and time.monotonic() < deadline:
        time.sleep(1)
    assert house.query("select count(*) from dim_users where user_type = 'student' and is_active") == [
        (figure["after"],)
    ]
    # Who could see the figures with another access list, before anyone can.
    listed = tmp_path / "access_2026-02-03.csv"
    listed.write_text("email,role,school\nmanager@maple.example,data_manager,\nnew@maple.example,director,\n")
    said = json.loads(house.run("what-if", str(listed), "--district", DISTRICT, "--json").stdout)
    assert (
        said["changes"]["access"] == {"added": 1, "changed": 0, "removed": 2}
        and said["changes"]["person"]["removed"] == 0
    )
    again = json.loads(house.run("what-if", str(next(house.archive.glob(f"{DISTRICT}/*/{file.name}"))), "--district", DISTRICT, "--json").stdout)  # fmt: skip
    assert again["already_delivered"] and again["figures"] == []


def test_on_spark_a_file_is_checked_and_nothing_is_built(house, tmp_path):
    file = house.roster.write(tmp_path / "roster_2026-03-01.zip")
    found = json.loads(house.run("what-if", str(file), "--district", DISTRICT, "--json", engine="spark").stdout)
    assert found["verdict"] == "accepted" and found["not_built"] and found["figures"] == []


def test_a_purge_takes_what_was_uploaded(session_house):
    house = session_house("office-purge")
    house.lake.mkdir()
    for district in ("oak", "elm"):
        (house.landing / district).mkdir(parents=True)
        folder = house.state / "uploads" / district / "0123456789abcdef" / "file"
        folder.mkdir(parents=True)
        (folder / "roster.csv").write_text("a\n")
    done = house.run("purge", "--district", "oak", "--by", "Ada", "--why", "the contract ended", "--yes")
    assert "none left in state" in done.stdout
    assert [folder.name for folder in (house.state / "uploads").iterdir()] == ["elm"]
