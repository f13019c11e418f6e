"""Who gets in, what they see, and what nobody gets to see: sign-on, grants and scopes, against a real provider and the oracle."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import dash
import flask
import pytest
import requests
from flask.testing import FlaskClient

import provider
from conftest import House
from rollcall import accesslog
from rollcall.dashboard.app import create
from rollcall.dashboard.source import Source
from rollcall.errors import RollcallError
from rollcall.settings import Settings

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
"""
OAKDALE = "email,role,school\nboth@maple.example,director,\noak@oak.example,director,\n"


@dataclass
class Place:
    """Two published districts with access lists, and what the first delivered, for the oracle."""

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
    (house.landing / "maplewood" / "access_2025-09-20.csv").write_text(MAPLEWOOD)
    (house.landing / "oakdale" / "access_2025-09-20.csv").write_text(OAKDALE)
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
def app(place, oidc) -> dash.Dash:
    return create(place.settings(**oidc), source=place.source)


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


def test_an_answer_to_somebody_elses_question_signs_nobody_on(app, identity):
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


def test_a_session_ends_when_it_is_left_alone_when_it_is_old_and_when_somebody_signs_out(app, identity, monkeypatch):
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


def test_who_is_granted_nothing_gets_a_page_that_says_so(app, identity):
    client = app.server.test_client()
    sign_on(client, "stranger@maple.example", identity)
    page = client.get("/", headers=HOST)
    text = page.get_data(as_text=True)
    assert page.status_code == 403 and "stranger@maple.example" in text and "access list" in text and "Sign out" in text
    assert client.get("/_dash-layout", headers=HOST).status_code == 403
