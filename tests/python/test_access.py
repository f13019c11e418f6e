"""Who gets in, what they see, and what nobody gets to see: sign-on, grants and scopes, against a real provider and the oracle."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import re
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import dash
import flask
import pytest
import requests
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient
from playwright.sync_api import expect
from werkzeug.serving import make_server

import provider
from conftest import House
from oracle import Inventory as Oracle
from rollcall import accesslog
from rollcall.dashboard import guard, views
from rollcall.dashboard.app import create
from rollcall.dashboard.filters import PERIODS
from rollcall.dashboard.privacy import Shown
from rollcall.dashboard.queries import Inventory
from rollcall.dashboard.scope import Figures, Scopes
from rollcall.dashboard.source import Source
from rollcall.dashboard.warehouse import Warehouse
from rollcall.errors import RollcallError
from rollcall.office import routes
from rollcall.paths import PROJECT
from rollcall.settings import Settings
from rollcall.web import people
from rollcall.web.people import Grant, NoAccess, Viewer, granted
from test_dashboard import by_day, by_place, random_filters

HERE = "http://localhost:8050"
HOST = {"Host": "localhost:8050"}
UPDATE = "/_dash-update-component"
MAPLEWOOD = """email,role,school
director@maple.example,director,
manager@maple.example,data_manager,
curriculum@maple.example,curriculum,
principal@maple.example,principal,SCH0000
two@maple.example,principal,"SCH0000; Birch Valley Middle School"
viewer@maple.example,viewer,SCH0001
both@maple.example,principal,SCH0003
leaver@maple.example,viewer,SCH0001
"""
OAKDALE = "email,role,school\nboth@maple.example,director,\n"
ELM = "email,role,school\nelm@elm.example,director,\n"


@dataclass
class Place:
    """Published districts with access lists, and what the first delivered, for the oracle."""

    house: House
    files: Path
    source: Source

    def settings(self, **more: object) -> Settings:
        return self.house.settings.model_copy(update=more)


@pytest.fixture(scope="module")
def place(session_house) -> Place:
    house = session_house("access")
    for name, size in (("maplewood", ["500", "12", "1"]), ("oakdale", ["100", "2", "3"])):
        users, days, seed = size
        made = house.root / name
        house.run("sample", str(made), "--users", users, "--days", days, "--seed", seed, "--events", "1500")
        shutil.move(made / "maplewood", house.landing / name)
    files = house.root / "delivered"
    shutil.copytree(house.landing / "maplewood", files)
    settings = house.landing / "oakdale" / "district.toml"
    settings.write_text(settings.read_text().replace("Maplewood", "Oakdale") + "roster_grants_access = true\n")
    shutil.copytree(house.landing / "oakdale", house.landing / "elm")  # to be purged
    for name, text in (("maplewood", MAPLEWOOD), ("oakdale", OAKDALE), ("elm", ELM)):
        (house.landing / name / "access_2025-09-20.csv").write_text(text)
    (house.landing / "maplewood" / "roster_2025-09-21.zip").write_bytes(b"no archive at all")
    house.refresh(code=20)
    source = Source(house.settings)
    source.figures()
    return Place(house, files, source)


@pytest.fixture(scope="module")
def identity() -> Iterator[provider.Provider]:
    with provider.serving() as found:
        yield found


@pytest.fixture
def oidc(place, identity) -> dict[str, object]:
    identity.spoil, identity.sign, identity.named = (lambda claims: claims), identity.signed, ""
    return {
        "sign_on": "oidc", "public_url": HERE, "oidc_issuer": identity.issuer, "oidc_client_id": provider.CLIENT,
        "oidc_client_secret": type(place.house.settings.smtp_password)(provider.SECRET),
    }  # fmt: skip


@pytest.fixture
def app(place, oidc, monkeypatch) -> dash.Dash:
    # A test that asks a thousand things in a few seconds is to hear what there is to hear.
    monkeypatch.setattr(guard, "_MOST_REQUESTS", "1000000 per minute")
    return create(place.settings(**oidc), source=place.source, attach=routes.attach)


def sign_on(client: FlaskClient, email: str, identity: provider.Provider, there: str = "/") -> flask.Response:
    """What a browser does: the answer to the way back from the provider."""
    identity.email = email
    asked = client.get(there, headers=HOST)
    assert asked.status_code == 302 and asked.headers["Location"].startswith("/sign-in?next="), asked.status
    begun = client.get(asked.headers["Location"], headers=HOST)
    assert begun.headers["Location"].startswith(f"{identity.issuer}/authorize")
    back = requests.get(begun.headers["Location"], allow_redirects=False, timeout=10).headers["Location"]
    assert back.startswith(f"{HERE}/signed-in?")
    return client.get(back.removeprefix(HERE), headers=HOST)


def signed_on(app: dash.Dash, email: str, identity: provider.Provider) -> FlaskClient:
    client = app.server.test_client()
    assert sign_on(client, email, identity).status_code == 302
    client.get("/", headers=HOST)  # gives the token against forgery
    return client


def token(client: FlaskClient) -> str:
    return client.get_cookie("_csrf_token").value


# Sign-on


def test_who_signs_on_at_the_provider_is_let_in_with_a_cookie_that_no_script_and_no_other_site_gets(
    place, oidc, identity
):
    app = create(place.settings(**oidc | {"public_url": "https://rollcall.example"}), source=place.source)
    client = app.server.test_client()
    host = {"base_url": "https://rollcall.example", "headers": {"Host": "rollcall.example"}}
    identity.email = "Director@Maple.example "
    there = client.get("/schools?period=week", **host).headers["Location"]
    begun = client.get(there, **host)
    asked = parse_qs(urlsplit(begun.headers["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"] and asked["scope"] == ["openid email"]
    back = requests.get(begun.headers["Location"], allow_redirects=False, timeout=10).headers["Location"]
    before = client.get_cookie("__Host-rollcall", domain="rollcall.example").value
    signed = client.get(back.removeprefix("https://rollcall.example"), **host)
    assert signed.headers["Location"] == "/schools?period=week"
    (cookie,) = [each for each in signed.headers.getlist("Set-Cookie") if each.startswith("__Host-rollcall=")]
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; ")) and "Domain" not in cookie
    assert client.get_cookie("__Host-rollcall", domain="rollcall.example").value != before
    page = client.get("/", **host)
    assert page.status_code == 200 and page.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert page.headers["X-Frame-Options"] == "DENY" and page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Cache-Control"] == "no-store" and page.headers["Referrer-Policy"] == "same-origin"
    assert "'unsafe-inline'" not in page.headers["Content-Security-Policy"].partition("style-src")[0]
    assert "director@maple.example" in client.get("/_dash-layout", **host).get_data(as_text=True)
    # A code is of one use: the way back, taken again, signs nobody on.
    assert app.server.test_client().get(back.removeprefix("https://rollcall.example"), **host).status_code == 401


SPOILED = {
    "another issuer": lambda claims: claims | {"iss": "https://elsewhere.example"},
    "no issuer": lambda claims: {name: value for name, value in claims.items() if name != "iss"},
    "another audience": lambda claims: claims | {"aud": "another client"},
    "several audiences without ours": lambda claims: claims | {"aud": ["one", "two"], "azp": provider.CLIENT},
    "another nonce": lambda claims: claims | {"nonce": "another"},
    "no nonce": lambda claims: {name: value for name, value in claims.items() if name != "nonce"},
    "expired": lambda claims: claims | {"iat": claims["iat"] - 900, "exp": claims["iat"] - 300},
    "no end": lambda claims: {name: value for name, value in claims.items() if name != "exp"},
    "not yet": lambda claims: claims | {"nbf": claims["iat"] + 900},
    "no address": lambda claims: claims | {"email": None},
    "no verified address": lambda claims: claims | {"email_verified": False},
    "an address of which nothing is said": lambda claims: {n: v for n, v in claims.items() if n != "email_verified"},
    "verified as a text": lambda claims: claims | {"email_verified": "true"},
}  # fmt: skip
SIGNED = ("unsigned", "signed_by_another", "signed_with_the_public_key", "signed_with_the_secret")


@pytest.mark.parametrize("what", [*SPOILED, *SIGNED])
def test_a_token_that_is_not_the_providers_for_us_now_signs_nobody_on(app, identity, what):
    identity.spoil = SPOILED.get(what, lambda claims: claims)
    identity.sign = getattr(identity, what) if what in SIGNED else identity.signed
    client = app.server.test_client()
    answer = sign_on(client, "director@maple.example", identity)
    assert answer.status_code == 401 and "not signed on" in answer.get_data(as_text=True)
    assert client.get("/_dash-layout", headers=HOST).status_code == 401


def test_a_provider_of_another_name_is_not_used(place, oidc, identity):
    identity.named = "https://elsewhere.example"
    client = create(place.settings(**oidc), source=place.source).server.test_client()
    assert client.get("/sign-in", headers=HOST).status_code == 502


def test_an_answer_to_someone_elses_question_signs_nobody_on(app, identity):
    """The state and the verifier are those of the browser that asked: a link that an attacker sends signs nobody on as them."""
    attacker, victim = app.server.test_client(), app.server.test_client()
    identity.email = "director@maple.example"
    begun = attacker.get("/sign-in", headers=HOST)
    back = requests.get(begun.headers["Location"], allow_redirects=False, timeout=10).headers["Location"]
    victim.get("/sign-in", headers=HOST)
    assert victim.get(back.removeprefix(HERE), headers=HOST).status_code == 401
    for spoiled in (
        f"{back}x",
        f"{back}&iss=https%3A%2F%2Felsewhere.example",
        "/signed-in",
        "/signed-in?error=access_denied",
    ):
        assert attacker.get(spoiled.removeprefix(HERE), headers=HOST).status_code == 401, spoiled


@pytest.mark.parametrize(
    "there", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "/\tx"]
)
def test_signing_on_leads_to_no_other_site(app, identity, there):
    client = app.server.test_client()
    identity.email = "director@maple.example"
    begun = client.get(f"/sign-in?next={quote(there, safe='')}", headers=HOST)
    back = requests.get(begun.headers["Location"], allow_redirects=False, timeout=10).headers["Location"]
    assert client.get(back.removeprefix(HERE), headers=HOST).headers["Location"] == "/"


def test_a_session_ends_when_it_is_left_alone_when_it_is_old_and_when_someone_signs_out(app, identity, monkeypatch):
    now = [accesslog.time.time()]
    monkeypatch.setattr(accesslog.time, "time", lambda: now[0])
    layout = {"path": "/_dash-layout", "headers": HOST}
    idle, used = (signed_on(app, "director@maple.example", identity) for _ in range(2))
    polls = poll(app)
    for _ in range(14):  # an hour is the limit; nine minutes are not
        now[0] += 9 * 60
        assert used.get(**layout).status_code == 200
        # An open page that asks by itself whether there is a new version is nobody before it.
        idle_status = idle.post(UPDATE, json=polls, headers=HOST | {"X-CSRFToken": token(idle)}).status_code
    assert idle_status == 401 and idle.get(**layout).status_code == 401
    now[0] += 12 * 3600
    assert used.get(**layout).status_code == 401

    client = signed_on(app, "director@maple.example", identity)
    copied = client.get_cookie("rollcall").value
    form = {"csrf_token": token(client)}
    assert client.post("/sign-out", headers=HOST).status_code == 400, "another site signs people out"
    answer = client.post("/sign-out", data=form, headers=HOST)
    there = urlsplit(answer.headers["Refresh"].removeprefix("0; url="))
    asked = parse_qs(there.query)
    assert there.geturl().startswith(f"{identity.issuer}/end?") and asked["client_id"] == [provider.CLIENT]
    assert asked["post_logout_redirect_uri"] == [f"{HERE}/signed-out"]
    thief = app.server.test_client()
    thief.set_cookie("rollcall", copied)
    assert thief.get(**layout).status_code == 401
    assert thief.get("/signed-out", headers=HOST).status_code == 200


def poll(app: dash.Dash) -> dict:
    """What an open page asks every few seconds."""
    callback = app.callback_map["version.data"]
    return {
        "output": "version.data", "outputs": {"id": "version", "property": "data"},
        "inputs": [one | {"value": 1} for one in callback["inputs"]],
        "state": [one | {"value": "x"} for one in callback["state"]], "changedPropIds": ["clock.n_intervals"],
    }  # fmt: skip


def test_without_sign_on_only_this_machine_is_answered(place):
    with pytest.raises(RollcallError, match="nobody signs on"):
        create(place.settings(), "0.0.0.0", place.source)
    for host in ("0.0.0.0", "::", "192.168.1.5", "rollcall.example"):
        done = place.house.run("dashboard", "--host", host, "--port", "0", code=1)
        assert len(done.stderr.strip().splitlines()) == 1 and "ROLLCALL_SIGN_ON" in done.stderr, host
    client = create(place.settings(), source=place.source).server.test_client()
    assert client.get("/_dash-layout", headers={"Host": "localhost"}).status_code == 200
    away = {"environ_base": {"REMOTE_ADDR": "192.168.1.9"}}
    assert client.get("/_dash-layout", headers={"Host": "localhost"}, **away).status_code == 403
    assert not (place.house.root / "none").exists()


@pytest.mark.parametrize(
    "more, said",
    [
        ({"sign_on": "oidc"}, "ROLLCALL_OIDC_ISSUER"),
        ({"sign_on": "proxy"}, "ROLLCALL_PROXY_ADDRESSES"),
        ({"public_url": "http://rollcall.example"}, "https://"),
        ({"oidc_issuer": "http://accounts.example"}, "https://"),
        ({"proxy_addresses": '["10.0.0.300"]'}, "10.0.0.300"),
        ({"sign_on": "maybe"}, "ROLLCALL_SIGN_ON"),
    ],
)  # fmt: skip
def test_half_a_configuration_of_sign_on_does_not_start(place, more, said):
    done = place.house.run("dashboard", code=2, **more)
    assert len(done.stderr.strip().splitlines()) == 1 and said in done.stderr


def test_a_proxy_names_people_and_nobody_else_does(place):
    settings = place.settings(sign_on="proxy", public_url="https://rollcall.example", proxy_addresses=["10.0.0.0/29"])
    client = create(settings, "0.0.0.0", place.source).server.test_client()

    def asked(address: str, *emails: str) -> int:
        headers = [("Host", "rollcall.example"), *(("X-Forwarded-Email", email) for email in emails)]
        return client.get("/_dash-layout", headers=headers, environ_base={"REMOTE_ADDR": address}).status_code

    assert asked("10.0.0.3", " Director@Maple.example") == 200
    assert asked("10.0.0.9", "director@maple.example") == 403
    assert asked("127.0.0.1", "director@maple.example") == 403
    assert asked("10.0.0.3") == 401
    assert asked("10.0.0.3", "nobody@maple.example") == 403
    assert asked("10.0.0.3", "nobody@maple.example", "director@maple.example") == 401
    assert asked("10.0.0.3", "nobody@maple.example,director@maple.example") == 401


def test_nobody_asks_without_end(place, oidc, identity, monkeypatch):
    monkeypatch.setattr(guard, "_MOST_REQUESTS", "20 per minute")
    app = create(place.settings(**oidc), source=place.source)
    one, other = (signed_on(app, f"{name}@maple.example", identity) for name in ("director", "principal"))
    codes = [one.get("/_dash-layout", headers=HOST).status_code for _ in range(30)]
    assert codes[:10] == [200] * 10 and codes[-1] == 429
    assert other.get("/_dash-layout", headers=HOST).status_code == 200, "one person's haste is another's wait"


def test_who_is_granted_nothing_gets_a_page_that_says_so(app, identity):
    client = app.server.test_client()
    sign_on(client, "stranger@maple.example", identity)
    page = client.get("/", headers=HOST)
    text = page.get_data(as_text=True)
    assert page.status_code == 403 and "stranger@maple.example" in text and "access list" in text and "Sign out" in text
    assert client.get("/_dash-layout", headers=HOST).status_code == 403


# Who sees what


def whole(source: Source) -> Shown:
    """The inventory without a threshold, so that every figure can be held to the oracle's."""
    return Shown(Inventory(Warehouse(source.settings).version()), 0, source.settings)


def of_schools(schools: frozenset[str] | None, people_: frozenset[str] | None = None) -> Viewer:
    return Viewer("x@maple.example", (("maplewood", Grant(schools, schools if people_ is None else people_)),))


def random_viewer(rng: random.Random, schools: list[str]) -> tuple[Viewer, frozenset[str] | None]:
    own = None if rng.random() < 0.15 else frozenset(rng.sample(schools, rng.choice([1, 1, 1, 2, 3, len(schools)])))
    return of_schools(own), own


@pytest.fixture(scope="module")
def oracle(place) -> Oracle:
    return Oracle(place.files, PROJECT / "seeds", "America/Chicago")


def test_what_anybody_gets_is_the_brute_force_over_the_rows_that_are_theirs(place, oracle):
    shown, rng, seen = whole(place.source), random.Random(19), Counter()
    every = list(shown.options.districts["maplewood"].schools)
    for _ in range(120):
        viewer, own = random_viewer(rng, every)
        figures = Figures(shown, viewer)
        assert list(figures.options.districts) == ["maplewood"]
        there = figures.options.districts["maplewood"]
        assert set(there.schools) == (set(every) if own is None else own)
        filters = random_filters(figures.options, rng)
        if own is not None:
            filters = replace(filters, search="")  # of some schools, nobody finds a product by a host
        schools, grades = figures.options.narrows(filters)
        asked = replace(filters, schools=schools, grades=grades)
        everyone = own is None and not (schools or grades)
        assert own is None or (schools and set(schools) <= own)
        answer, products = oracle.answer(asked, everyone), figures.products(filters)
        assert figures.headline(filters, products) == pytest.approx(answer["headline"]), (own, filters)
        assert figures.headline_alone(filters) == pytest.approx(answer["headline"]), (own, filters)
        found = {row["product_name"]: row for row in products}
        assert found.keys() == answer["products"].keys(), (own, filters)
        for name, numbers in answer["products"].items():
            numbers.pop("active_minutes")
            assert {key: found[name][key] for key in numbers} == pytest.approx(numbers), (own, filters, name)
        has_users = not (filters.statuses or filters.search)
        assert by_day(figures.trend(filters)) == by_day(answer["trend"], has_users), (own, filters)
        rows = figures.places(filters)
        cells = [row for row in rows if not (row["is_every_school"] and row["is_every_grade"])]
        assert by_place(cells) == oracle.places(asked, everyone), (own, filters)
        if products:
            key, name = products[0]["product_key"], products[0]["product_name"]
            found_ = oracle.of_product(asked, everyone, name)
            assert by_day(figures.product_trend(filters, key)) == by_day(found_["trend"]), (own, filters, name)
            asking = figures.educators(filters, [key], 1000)[key]
            rows = [(row["active_days"], row["page_loads"]) for row in asking]
            assert sorted(rows, reverse=True) == found_["educators"], (own, filters, name)
            assert own is None or {n for row in asking for n in row["schools"].split(", ")} <= set(
                there.schools.values()
            )
        seen.update(some=own is not None, used=bool(products), everyone=everyone, all_schools=own == set(every))
    assert min(seen.values()) > 3, seen


def test_new_products_weeks_and_first_days_are_those_of_the_schools_that_someone_sees(place, oracle):
    shown = whole(place.source)
    for schools in (frozenset(["SCH0000"]), frozenset(["SCH0001", "SCH0004"])):
        figures = Figures(shown, of_schools(schools))
        filters = replace(figures.options.read("?period=school_year&from=2025-09-01"), search="")
        asked = replace(filters, schools=tuple(sorted(schools)))
        first: dict[str, object] = {}
        weeks: dict[object, tuple[set, list]] = {}
        for day, person, product, loads, _ in oracle._used(asked, False):
            first[product.name] = min(first.get(product.name, day), day)
            people_, sums = weeks.setdefault(day - timedelta(days=day.weekday()), (set(), []))
            sums.append(loads)
            if oracle.user_types.get(person) == "student":
                people_.add(person)
        found_ = {row["usage_date"]: (row["users"], row["page_loads"]) for row in figures.weekly_students(filters)}
        assert found_ == {day: (len(people_), sum(sums)) for day, (people_, sums) in weeks.items()}
        second = replace(filters, period="custom", first=max(weeks), last=filters.last)
        names = {
            row["product_key"]: row["product_name"]
            for row in shown.products(shown.options.read("?district=maplewood&period=school_year&from=2025-09-01"))
        }
        new = {names[key]: day for key, day in figures.new_products(second).items()}
        assert new == {name: day for name, day in first.items() if day >= max(weeks)}
        unseen = Counter()
        for key, name in names.items():
            known = figures.product(filters, key)
            assert (known["first_used"] if known else None) == first.get(name), name
            unseen[known is None] += 1
        assert unseen[True] and unseen[False], "every product is used in every school: this holds nothing"


def test_what_someone_with_schools_gets_a_director_gets_too(place):
    """So what is hidden is hidden from both, and no two people know more together than a director does."""
    shown = place.source.figures()
    director = Figures(shown, Viewer("d@maple.example", (("maplewood", Grant(None, None)),)))
    rng, hidden = random.Random(7), Counter()
    every = list(director.options.districts["maplewood"].schools)
    for _ in range(60):
        own = frozenset(rng.sample(every, rng.choice([1, 1, 2, 3])))
        figures = Figures(shown, of_schools(own))
        filters = replace(random_filters(figures.options, rng), search="", statuses=())
        schools, grades = figures.options.narrows(filters)
        same = replace(filters, schools=schools, grades=grades)
        assert figures.too_few(filters) == director.too_few(same)
        for question in ("headline", "trend", "products", "places"):
            mine, theirs = getattr(figures, question)(filters), getattr(director, question)(same)
            assert mine == theirs, (question, own, filters)
            hidden[question] += "'few': '<10'" in repr(mine) or "'few': True" in repr(mine)
    assert hidden["products"] > 5 and hidden["places"] > 5, "nothing small was there to be hidden"


def test_what_several_rows_grant_adds_up_and_no_more():
    def of(*rows: tuple[str, str, str | None]) -> dict[str, Grant]:
        named = [dict(zip(("district_id", "access_role", "school"), row, strict=True)) for row in rows]
        return dict(granted("x@maple.example", named).grants)

    a, b = frozenset(["A"]), frozenset(["B"])
    assert of() == {} and of(("d", "wizard", None)) == {}
    assert of(("d", "director", None)) == {"d": Grant(None, None, may_see_deliveries=True)}
    assert of(("d", "data_manager", None)) == {"d": Grant(None, None, may_see_deliveries=True, may_change=True)}
    assert of(("d", "curriculum", None)) == {"d": Grant(None, None)}
    assert of(("d", "principal", "A"), ("d", "principal", "B")) == {"d": Grant(a | b, a | b)}
    assert of(("d", "principal", "A"), ("d", "viewer", None)) == {"d": Grant(None, a)}
    assert of(("d", "viewer", "B"), ("d", "principal", "A")) == {"d": Grant(a | b, a)}
    assert of(("d", "viewer", "B")) == {"d": Grant(b, frozenset())}
    # A role of the district that comes with a school is no role of the district.
    assert of(("d", "director", "A")) == {"d": Grant(a, a)}
    assert of(("d", "viewer", "A"), ("e", "director", None)).keys() == {"d", "e"}


def test_names_are_for_those_who_may_see_them_and_hosts_for_those_who_see_the_district(place):
    shown = place.source.figures()
    query = "?district=maplewood&period=school_year&from=2025-09-01"
    viewer, principal = (Figures(shown, of_schools(frozenset(["SCH0000"]), people_)) for people_ in (frozenset(), None))
    mixed = Figures(shown, Viewer("x", (("maplewood", Grant(None, frozenset(["SCH0000"]))),)))
    director = Figures(shown, Viewer("x", (("maplewood", Grant(None, None)),)))
    filters = director.options.read(query)
    keys = [row["product_key"] for row in director.products(filters)[:5]]

    def named(figures: Figures, filters: object) -> set[str]:
        return {row["name"] for rows in figures.educators(filters, keys, 1000).values() for row in rows}

    assert named(viewer, filters) == set()
    assert named(principal, filters) == named(mixed, filters) == named(director, replace(filters, schools=("SCH0000",)))
    assert named(mixed, filters) < named(director, filters) and named(mixed, filters)
    assert named(mixed, replace(filters, schools=("SCH0001",))) == set()
    assert director.hosts(filters, keys[0]) and principal.hosts(filters, keys[0]) is None
    # A host of which the school may know nothing is nothing to find a product by.
    host = next(h for key in keys for h in director.hosts(filters, key) if h.split(".")[0] not in ("www", ""))
    word = next(
        label for key in keys for h in director.hosts(filters, key) for label in [h]
        if not any(label in str(row[name]).lower() for row in director.products(filters) for name in ("product_name", "provider"))
    )  # fmt: skip
    assert (
        host
        and director.products(replace(filters, search=word))
        and not principal.products(replace(filters, search=word))
    )


def test_a_scope_asks_nothing_that_is_not_granted(place):
    shown = place.source.figures()
    principal = Figures(shown, of_schools(frozenset(["SCH0000"])))
    query = "?district=maplewood&period=month&from=2025-09-01"
    filters = shown.options.read(query)
    foreign = replace(filters, schools=("SCH0001",))
    elsewhere = replace(filters, district_id="oakdale")
    for filters_, names in (
        (
            foreign,
            ("too_few", "products", "headline", "headline_alone", "trend", "places", "weekly_students", "new_products"),
        ),
        (
            elsewhere,
            (
                "too_few",
                "products",
                "headline",
                "headline_alone",
                "trend",
                "places",
                "weekly_students",
                "new_products",
                "before",
            ),
        ),
        (filters, ("coverage", "match_rate", "without_place", "unrostered_domains")),
    ):
        for name in names:
            with pytest.raises(NoAccess):
                getattr(principal, name)(filters_)
    for name in ("deliveries", "verdicts", "findings", "freshness", "school_names", "open_problems", "set_aside"):
        for district in ("maplewood", "oakdale"):
            with pytest.raises(NoAccess):
                getattr(principal, name)(district)
    for name in ("school_days", "is_whole", "sees_deliveries"):
        with pytest.raises(NoAccess):
            getattr(principal, name)("oakdale")
    # Whatever is added to the scope later is held to the same: it is on this list, or no method of it.
    public = {name for name in vars(Figures) if not name.startswith("_")}
    assert public == {
        "settings", "threshold", "few", "version_name", "published_at", "is_whole", "has_page", "school_days", "periods", "before", "too_few",
        "products", "headline", "headline_alone", "trend", "product_trend", "places", "weekly_students", "new_products", "educators", "product",
        "hosts", "coverage", "match_rate", "without_place", "unrostered_domains", "sees_deliveries", "deliveries", "verdicts", "findings",
        "freshness", "school_names", "open_problems", "set_aside", "reported",
    }  # fmt: skip


# Every way in


def payload(app: dash.Dash, output: str, **given: object) -> dict:
    """What a page sends for a callback; `given` by component, with `__` for the dot."""
    callback = app.callback_map[output]
    usual = {
        "url__pathname": "/", "url__search": "", "period__value": "month", "district__value": "maplewood", "when__value": WHEN,
        "search__value": "", "version__data": "x", "retry__data": "", "missing__data": "", "title__data": "",
    }  # fmt: skip

    def value(one: dict) -> object:
        name = f"{one['id']}__{one['property']}"
        if name in given or name in usual:
            return given.get(name, usual.get(name))
        if one["property"] in ("n_clicks", "n_intervals"):
            return 0
        if one["id"] in ("schools", "grades", "types", "statuses"):
            return []
        return True if one["property"] == "hidden" else None

    changed = given.get("changed", f"{callback['inputs'][0]['id']}.{callback['inputs'][0]['property']}")
    return {
        "output": output, "outputs": guard.split_callback_id(output), "changedPropIds": [changed],
        **{kind: [one | {"value": value(one)} for one in callback[kind]] for kind in ("inputs", "state")},
    }  # fmt: skip


WHEN = "maplewood|month|2025-09-01|2025-09-30"
# Callbacks and routes that show nothing of a district: each was looked at. Whatever is added is held to a scope.
WITHOUT_FIGURES = {"..when-field.hidden...dates-field.hidden.."}
PUBLIC = {
    "/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>", "/_dash-component-suites/plotly/package_data/plotly.min.js",
    "/assets/<path:filename>", "/_favicon.ico", "/sign-in", "/signed-in", "/signed-out",
}  # fmt: skip
SHELL = {"/", "/<path:path>", "/static/<path:filename>", "/_dash-dependencies", "/_reload-hash", "/sign-out"}


def posted(client: FlaskClient, body: dict) -> flask.Response:
    return client.post(UPDATE, json=body, headers=HOST | {"X-CSRFToken": token(client)})


def test_no_callback_and_no_route_is_without_a_scope(app, identity, monkeypatch):
    """Walks all that the application has registered: nobody and strangers get nothing, and figures come by the scope of who asks."""
    asked: list[str | None] = []
    of = Scopes.figures
    monkeypatch.setattr(Scopes, "figures", lambda self: asked.append(people.current().email) or of(self))
    anonymous, principal = app.server.test_client(), signed_on(app, "principal@maple.example", identity)
    director, stranger = signed_on(app, "director@maple.example", identity), app.server.test_client()
    sign_on(stranger, "stranger@maple.example", identity)
    outputs = [output for output, callback in app.callback_map.items() if "callback" in callback]
    assert len(outputs) > 4
    for output in outputs:
        body = payload(app, output)
        for client in (anonymous, stranger):
            answer = client.post(UPDATE, json=body, headers=HOST)
            assert answer.status_code in (400, 401, 403) and not asked, (output, answer.status)
        assert principal.post(UPDATE, json=body, headers=HOST).status_code == 400, "without the token of the session"
        answer = posted(principal, body)
        assert answer.status_code in (200, 204), (output, answer.get_data())
        assert set(asked) == ({"principal@maple.example"} if output not in WITHOUT_FIGURES else set()), output
        asked.clear()
    rules = list(app.server.url_map.iter_rules())
    assert {rule.rule for rule in rules} >= PUBLIC | {"/office/refresh"}
    for rule in rules:
        known = {"<kind>": "csv", "<name>": "products", "<int:offset>": "0"}
        path = re.sub("<[^>]*>", lambda name, known=known: known.get(name[0], "x"), rule.rule)
        is_office = path.startswith("/office/")
        path += "?district=maplewood" if is_office else ""
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            if rule.rule in PUBLIC:
                continue
            answer = anonymous.open(path, method=method, headers=HOST)
            is_sent_away = answer.status_code == 302 and answer.headers["Location"].startswith("/sign-in?next=")
            assert is_sent_away or answer.status_code in (400, 401), (method, path, answer.status)
            if rule.rule not in ("/sign-out", UPDATE):
                assert stranger.open(path, method=method, headers=HOST).status_code == 403, path
            assert not asked, path
            if is_office:
                # What data managers do: a principal does none of it, with all that a form of ours sends, and a director looks on.
                sent = [(client, HOST | {"X-CSRFToken": token(client)}) for client in (principal, director)]
                answers = [client.open(path, method=method, headers=headers).status_code for client, headers in sent]
                assert answers[0] == 403 and (method == "GET" or answers[1] == 403), (method, path, answers)
                if method != "GET":
                    assert principal.open(path, method=method, headers=HOST).status_code == 400, path
                asked.clear()
                continue
            if rule.rule not in SHELL | {UPDATE}:
                principal.open(path, method=method, headers=HOST)
                assert set(asked) == {"principal@maple.example"}, path
                asked.clear()


def secrets_of_others(place: Place, school: str) -> dict[str, set[str]]:
    """What someone who has one school must never read: words of other schools and districts, their people, and products that only they use."""
    query = place.house.query
    schools = {
        text
        for row in query(
            f"select org_sourced_id, org_name from dim_orgs where org_type = 'school' and not (district_id = 'maplewood' and org_sourced_id = '{school}')"
        )
        for text in row
    }
    own = {
        name
        for (name,) in query(
            f"select org_name from dim_orgs where district_id = 'maplewood' and org_sourced_id = '{school}'"
        )
    }
    here = f"(select user_key from fct_memberships join dim_orgs using (org_key) where org_sourced_id = '{school}' and fct_memberships.district_id = 'maplewood')"
    names = {
        text
        for row in query(
            f"select display_name, email from dim_users where display_name is not null and user_key not in {here}"
        )
        for text in row
        if text
    }
    both = {
        text
        for row in query(
            f"select display_name, email from dim_users where display_name is not null and user_key in {here}"
        )
        for text in row
        if text
    }
    used = f"""(select product_key from fct_product_usage where membership_group_key in (
        select membership_group_key from bridge_membership_groups join dim_orgs using (org_key)
        where org_sourced_id = '{school}' and dim_orgs.district_id = 'maplewood'))"""
    products = {
        name
        for (name,) in query(
            f"select product_name from dim_products where not is_catalogued and product_key not in {used}"
        )
    }
    ours = {name for (name,) in query(f"select product_name from dim_products where product_key in {used}")}
    deliveries = {text for row in query("select delivery_id, file_name from fct_deliveries") for text in row}
    found = {
        "schools": schools - own - {"SCH0000"},
        "people": names - both,
        "products": products - ours,
        "deliveries": deliveries,
        "district": {"oakdale", "Oakdale"},
    }
    assert all(found.values()), {name: len(words) for name, words in found.items()}
    return found


def test_five_hundred_attempts_to_see_what_is_not_granted_show_nothing(place, app, identity):
    client = signed_on(app, "principal@maple.example", identity)
    forbidden = {word for words in secrets_of_others(place, "SCH0000").values() for word in words}
    unused = place.house.query("select product_key::varchar from dim_products where district_id = 'oakdale' limit 3")
    used = [
        row["product_key"]
        for row in place.source.figures().products(
            place.source.figures().options.read("?district=maplewood&period=school_year&from=2025-09-01")
        )
    ]
    show = next(output for output in app.callback_map if "cards.children" in output)
    choose = next(output for output in app.callback_map if "district.value" in output)
    surround = next(output for output in app.callback_map if "district-name.children" in output)
    attempts, seen = Counter(), []

    def held(kind: str, request: str, answer: flask.Response) -> str:
        """Notes an attempt, and whatever its answer shows that its request did not say."""
        attempts[kind] += 1
        text = (
            answer.get_data(as_text=True).encode().decode("unicode_escape", "replace")
            if answer.is_json
            else answer.get_data(as_text=True)
        )
        seen.extend((kind, request, word) for word in forbidden if word in text and word not in request)
        return text

    def figures(body: dict) -> object:
        answer = posted(client, body)
        held("callback", json.dumps(body), answer)
        return answer.status_code, (answer.json or {}).get("response")

    # Addresses: pages and exports with the ids of others, alone and beside one's own.
    ids = ["SCH0001", "SCH0002", "SCH0003", "SCH0004", "DIST"]
    paths = list(views.USES)
    exported = [
        "products", "new", "unapproved", "heat", "inventory-status", "coverage-status", "coverage-places", "coverage-domains", "quality-open",
        "quality-kinds", "quality-schools", "quality-findings", "quality-deliveries", "product-schools", "product-educators", "school-grades",
        "school-products", "school-moves", "school-ask", "wall-new", "compare-all",
    ]  # fmt: skip
    asked = (
        [f"&school={each}" for each in ids]
        + [f"&at={each}" for each in ids]
        + ["&one=SCH0000&one=SCH0001", "&school=SCH0000&school=SCH0002"]
    )
    asked += [f"&product={each}" for (each,) in unused] + [
        f"&product={used[0]}",
        f"&product={used[-1]}",
        "&q=SCH0001",
        "&grade=09&grade=10",
    ]
    for name, more in itertools.product(exported, asked):
        if name.startswith(("coverage", "quality")) and not more.startswith("&school"):
            continue
        address = f"/export/{name}.csv?district=maplewood&period=month&from=2025-09-01{more}"
        answer = client.get(address, headers=HOST)
        held("export", address, answer)
        if name.startswith(("coverage", "quality")) or "school=" in more:
            assert answer.status_code == 404, address
    for name, period in itertools.product(exported, PERIODS):
        address = f"/export/{name}.xlsx?district=oakdale&period={period}&from=2025-09-08"
        assert client.get(address, headers=HOST).status_code == 404, address
        attempts["export"] += 1
    for path, more in itertools.product(paths, asked):
        address = f"{path}?district=maplewood&period=month&from=2025-09-01{more}"
        held("address", address, client.get(address, headers=HOST))

    # Callbacks, replayed with other inputs: they say what they would say without these.
    def shown(**more: object) -> dict:
        return payload(app, show, **more)

    for path in paths:
        at = {"/school": "?at=SCH0000", "/product": f"?product={used[0]}", "/compare": "?one=SCH0000&one=SCH0001"}.get(
            path, ""
        )
        usual = figures(shown(url__pathname=path, url__search=at))
        for schools in ([each] for each in ids):
            assert figures(shown(url__pathname=path, url__search=at, schools__value=schools)) == usual, (path, schools)
            if path == "/school":
                found_ = figures(shown(url__pathname=path, url__search=f"?at={schools[0]}"))[1]
                assert "school" not in found_ and "no such school" in json.dumps(found_["notice"]), schools
        mine = figures(shown(url__pathname=path, url__search=at, schools__value=["SCH0000"]))
        assert figures(shown(url__pathname=path, url__search=at, schools__value=["SCH0000", *ids])) == mine, path
        for when in (
            "oakdale|month|2025-09-01|2025-09-30",
            "|month|2025-09-01|2025-09-30",
            "maplewood', 'x|month|2025-09-01|2025-09-30",
        ):
            assert figures(shown(url__pathname=path, url__search=at, when__value=when))[0] == 200
        status, found_ = figures(shown(url__pathname=path, url__search=at, missing__data="x|?district=oakdale"))
        assert status == 200 and (
            path not in ("/coverage", "/quality") or "no such page" in json.dumps(found_["notice"])
        )
    for district, query in itertools.product(
        ["oakdale", "maplewood", "", None], ["?district=oakdale", "?district=oakdale&school=SCH0001", "?school=SCH0003"]
    ):
        for changed in ("url.search", "district.value", "period.value", "clear.n_clicks"):
            body = payload(
                app,
                choose,
                district__value=district,
                url__search=query,
                changed=changed,
                when__value="oakdale|week|2025-09-08|2025-09-14",
                schools__value=ids,
            )
            status, found_ = figures(body)
            if status == 200:
                assert found_["district"]["value"] == "maplewood" and [
                    each["value"] for each in found_["schools"]["options"]
                ] == ["SCH0000"]
    for district in ("oakdale", "OAKDALE", "%", "*", None):
        assert figures(payload(app, surround, district__value=district))[0] == 204

    # Reports of deliveries, by their real names.
    for district_id, delivery_id in place.house.query("select district_id, delivery_id from fct_deliveries"):
        address = f"/report/{delivery_id}?district={district_id}"
        answer = client.get(address, headers=HOST)
        attempts["report"] += 1
        assert answer.status_code == 404, address
    assert (place.house.quarantine / "maplewood").is_dir()

    # The other half of the pages, which data managers have.
    pieces = ("deliveries", "members", "start", "deliveries/x/report.html", "uploads/x/report.html")
    pieces += tuple(f"members/{name}.{kind}" for name in ("members", "students", "names") for kind in ("csv", "xlsx"))
    for district, piece in itertools.product(["maplewood", "oakdale", "../oakdale", ""], pieces):
        address = f"/office/{piece}?district={quote(district)}"
        answer = client.get(address, headers=HOST)
        held("office", address, answer)
        assert answer.status_code == 403, (address, answer.status)

    # Sessions: forged, changed, of another key, ended, and headers that only a proxy would be believed.
    good = client.get_cookie("rollcall").value
    forged = [
        good[:place_] + ("A" if good[place_] != "A" else "B") + good[place_ + 1 :]
        for place_ in range(0, len(good) - 3, 5)
    ]
    other = flask.Flask("other")
    other.secret_key = b"another key of thirty-two bytes.."
    sessions = SecureCookieSessionInterface().get_signing_serializer(other)
    forged += [
        sessions.dumps(each)
        for each in ({"token": "x"}, {"email": "director@maple.example"}, {"who": "director@maple.example"})
    ]
    own = SecureCookieSessionInterface().get_signing_serializer(app.server)
    stored = hashlib.sha256(own.loads(good)["token"].encode()).hexdigest()
    forged += [
        own.dumps(each)
        for each in (
            {"token": stored},
            {"token": ""},
            {"token": None},
            {"token": ["x"]},
            {"token": "' or 1=1 --"},
            {"email": "director@maple.example"},
        )
    ]
    for cookie in forged:
        thief = app.server.test_client()
        thief.set_cookie("rollcall", cookie)
        assert thief.get("/_dash-layout", headers=HOST).status_code == 401, cookie
        attempts["session"] += 1
    for header in (
        "X-Forwarded-Email",
        "X-Forwarded-User",
        "X-Remote-User",
        "Remote-User",
        "X-Forwarded-For",
        "Authorization",
    ):
        value = "127.0.0.1" if header.endswith("For") else "director@maple.example"
        assert app.server.test_client().get("/_dash-layout", headers=HOST | {header: value}).status_code == 401
        found_ = client.get("/_dash-layout", headers=HOST | {header: value})
        held("header", header, found_)
        assert "principal@maple.example" in found_.get_data(as_text=True)
    assert client.get("/_dash-layout", headers={"Host": "evil.example"}).status_code == 421
    for where in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        assert (
            client.post(UPDATE, json=shown(), headers=HOST | {"X-CSRFToken": token(client)} | where).status_code == 403
        )
        attempts["another site"] += 1

    assert sum(attempts.values()) >= 500, attempts
    assert not seen, seen[:10]
    # The same looks find what is there to be found: the director sees all of it.
    director = signed_on(app, "director@maple.example", identity)
    everything = director.get("/_dash-layout", headers=HOST).get_data(as_text=True)
    everything += posted(director, payload(app, show, url__pathname="/quality")).get_data(as_text=True)
    everything += director.get(
        "/export/heat.csv?district=maplewood&period=month&from=2025-09-01", headers=HOST
    ).get_data(as_text=True)
    assert {word for word in forbidden if word in everything} >= {
        "SCH0001",
        "Cedar Creek Elementary School",
        "roster_2025-09-21.zip",
    }
    assert "oakdale" not in everything


def test_a_role_opens_its_pages_and_no_others(place, app, identity):
    show = next(output for output in app.callback_map if "cards.children" in output)
    (report,) = place.house.query("select delivery_id from fct_deliveries where verdict = 'rejected'")
    for person, pages, may_report in (
        ("director", {"/coverage", "/quality"}, True), ("manager", {"/coverage", "/quality"}, True), ("curriculum", {"/coverage"}, False),
        ("principal", set(), False), ("viewer", set(), False),
    ):  # fmt: skip
        client = signed_on(app, f"{person}@maple.example", identity)
        for path in ("/", "/schools", "/review", "/coverage", "/quality"):
            answer = posted(client, payload(app, show, url__pathname=path)).json["response"]
            has_page = "no such page" not in json.dumps(answer["notice"])
            assert has_page == (path in pages or path in ("/", "/schools", "/review")), (person, path)
        answer = client.get(f"/report/{report[0]}?district=maplewood", headers=HOST)
        assert (answer.status_code == 200) == may_report, person
        answer.close()
    # One person, two districts, and in each what is granted there.
    both = signed_on(app, "both@maple.example", identity)
    layout = both.get("/_dash-layout", headers=HOST).get_data(as_text=True)
    assert "Oakdale" in layout and "Maplewood" in layout
    assert (
        both.get("/export/coverage-status.csv?district=oakdale&period=month&from=2025-09-01", headers=HOST).status_code
        == 200
    )
    assert (
        both.get(
            "/export/coverage-status.csv?district=maplewood&period=month&from=2025-09-01", headers=HOST
        ).status_code
        == 404
    )


def test_the_log_says_who_saw_and_exported_what_without_a_figure(place, app, identity):
    client = signed_on(app, "two@maple.example", identity)
    show = next(output for output in app.callback_map if "cards.children" in output)
    posted(client, payload(app, show, schools__value=["SCH0003"], search__value="goo"))
    client.get("/export/products.csv?district=maplewood&period=month&from=2025-09-01", headers=HOST)
    client.post("/sign-out", data={"csrf_token": token(client)}, headers=HOST)
    done = place.house.run("access", "--who", "Two@maple.example", "--json")
    lines = [(line["action"], line["district_id"], line["what"]) for line in json.loads(done.stdout)]
    assert lines == [
        ("signed out", None, ""),
        ("exported", "maplewood", "products.csv?district=maplewood&period=month&from=2025-09-01"),
        ("saw", "maplewood", "/?district=maplewood&period=month&from=2025-09-01&school=SCH0003&q=goo"),
        ("signed on", None, ""),
    ]
    said = place.house.run("access", "--district", "maplewood", "--most", "3").stdout
    assert said.count("\n") == 4 and "two@maple.example  exported  maplewood" in said
    settings = place.settings(access_log_days=1)
    before = len(accesslog.lines(settings, most=10_000))
    assert accesslog.retire(settings) == 0 and before > 4
    assert oct(accesslog.file(settings).stat().st_mode & 0o777) == "0o600"


@pytest.mark.long
def test_who_is_taken_off_the_list_is_out_with_the_next_request_and_a_purge_takes_the_log(place, app, identity):
    client, elm = (signed_on(app, email, identity) for email in ("leaver@maple.example", "elm@elm.example"))
    show = next(output for output in app.callback_map if "cards.children" in output)
    body = payload(app, show, district__value="elm", when__value="elm|month|2025-09-01|2025-09-30")
    assert posted(client, payload(app, show)).status_code == 200 and posted(elm, body).status_code == 200
    rest = "".join(line for line in MAPLEWOOD.splitlines(keepends=True) if not line.startswith("leaver"))
    (place.house.landing / "maplewood" / "access_2025-09-30.csv").write_text(rest)
    place.house.refresh()
    assert posted(client, payload(app, show)).status_code == 403
    assert client.get("/", headers=HOST).status_code == 403
    done = place.house.run("purge", "--district", "elm", "--by", "Ada", "--why", "the contract ended", "--yes")
    assert "none left in the access log" in done.stdout
    left = accesslog.lines(place.house.settings, most=10_000)
    assert left and not [line for line in left if line.district_id == "elm" or line.who == "elm@elm.example"]
    assert b"elm@elm.example" not in b"".join(each.read_bytes() for each in place.house.state.iterdir())
    assert elm.get("/", headers=HOST).status_code == 302


def test_a_principal_on_a_phone_sees_one_school_and_signs_out(place, oidc, identity, browser):
    """In a real browser: the way to the provider and back, the pages under their content security policy, and the way out."""
    server = make_server("127.0.0.1", 0, flask.Flask(__name__), threaded=True)
    here = f"http://127.0.0.1:{server.server_port}"
    server.app = create(place.settings(**oidc | {"public_url": here}), source=place.source).server
    threading.Thread(target=server.serve_forever, daemon=True).start()
    identity.email = "principal@maple.example"
    page = browser.new_page(viewport={"width": 390, "height": 844})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    try:
        page.goto(f"{here}/?district=maplewood&period=month&from=2025-09-01")
        expect(page.locator(".person")).to_contain_text("principal@maple.example", timeout=30_000)
        expect(page.locator("#cards .figure").first).not_to_be_empty(timeout=30_000)
        assert urlsplit(page.url).query == "district=maplewood&period=month&from=2025-09-01"
        assert page.locator("nav a:visible").all_inner_texts() == [
            "Inventory",
            "Schools and grades",
            "New and unapproved",
        ]
        assert "Oak Hill Elementary School" in page.locator("#selection").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        expect(page.locator("#schools")).to_be_hidden()  # there is one, so there is nothing to choose
        page.get_by_role("link", name="Schools and grades").click()
        expect(page.locator("#heat .ag-pinned-left-cols-container .ag-row").last).to_contain_text(
            "Oak Hill", timeout=15_000
        )
        text = page.inner_text("body")
        assert "All schools" not in text
        assert not [
            name
            for (name,) in place.house.query("select org_name from dim_orgs where org_type = 'school'")
            if name in text and "Oak Hill" not in name
        ]
        page.goto(f"{here}/quality")
        expect(page.locator("#notice")).to_contain_text("There is no such page", timeout=15_000)
        page.get_by_role("button", name="Sign out").click()
        expect(page.locator("h1")).to_have_text("Signed out", timeout=15_000)
        page.wait_for_url(f"{here}/signed-out*", timeout=15_000)
        assert identity.ended and identity.ended[-1]["client_id"] == provider.CLIENT
        assert not [each for each in errors if "favicon" not in each], errors
    finally:
        page.close()
        server.shutdown()
