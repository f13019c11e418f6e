"""How people sign on: at an OpenID provider, by a trusted proxy's header, or not at all (on this machine only).

`protect` puts one gate in front of a server: a request that is not for a public file has `people.current()` behind it, or an answer that
shows nothing. Who has a session is in the state room, so that signing out ends it, whoever has its cookie.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable
from html import escape
from urllib.parse import quote, urlsplit

import flask
import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from joserfc.errors import JoseError

from rollcall import accesslog
from rollcall.errors import RollcallError
from rollcall.settings import Settings, is_loopback
from rollcall.web import people
from rollcall.web.people import EVERYONE, Viewer

log = logging.getLogger("rollcall")

SIGN_IN, SIGNED_IN, SIGN_OUT, SIGNED_OUT = "/sign-in", "/signed-in", "/sign-out", "/signed-out"
_LEEWAY = 60  # seconds that the clocks of the provider and of this machine may differ
_TIMEOUT = 10
# Signatures that only the provider can make. `none` is no signature, and HS… is one that whoever knows the client's secret makes.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_COOKIE = "rollcall"


def must_be_safe(settings: Settings, host: str) -> None:
    """RollcallError where people on other machines could reach the dashboard without signing on."""
    if settings.sign_on == "none" and not is_loopback(host):
        raise RollcallError(
            f"--host {host} can be reached from other machines, and nobody signs on: set ROLLCALL_SIGN_ON to oidc or proxy "
            "(docs/security.md), or serve on 127.0.0.1"
        )


def protect(
    server: flask.Flask,
    settings: Settings,
    viewer_of: Callable[[str], Viewer],
    is_public: Callable[[], bool],
    is_idle: Callable[[], bool],
) -> None:
    """The gate. `viewer_of` gives the person of an address; `is_public`, whether a request asks for a file that shows nothing of a
    district; `is_idle`, whether the page asks it by itself."""
    if settings.sign_on == "none":
        _open_on_loopback(server)
        return
    is_secure = urlsplit(settings.public_url or "").scheme == "https"
    server.secret_key = accesslog.key(settings)
    server.config.update(
        # The prefix has browsers refuse a cookie of that name from a neighbor in the domain.
        SESSION_COOKIE_NAME=f"__Host-{_COOKIE}" if is_secure else _COOKIE,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SECURE=is_secure,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
    )
    accesslog.retire(settings)
    who = _Proxy(settings) if settings.sign_on == "proxy" else _Provider(server, settings)

    @server.before_request
    def gate() -> flask.typing.ResponseReturnValue | None:
        who.must_be_trusted()
        if is_public() or flask.request.path in who.open_paths:
            return None
        email = who.signed_on(is_active=not is_idle())
        if not email:
            return who.nobody()
        viewer = viewer_of(people.normal(email))
        if not viewer.has_access and flask.request.path != SIGN_OUT:
            return _no_access(viewer, who)
        flask.g.viewer = viewer
        return None


def _open_on_loopback(server: flask.Flask) -> None:
    @server.before_request
    def gate() -> None:
        # However the application is served, it answers nobody from elsewhere without sign-on.
        if not is_loopback(flask.request.remote_addr or ""):
            flask.abort(403, "Without sign-on, the dashboard answers this machine only.")
        flask.g.viewer = EVERYONE


def sign_out_link(settings: Settings) -> tuple[str, bool] | None:
    """(where signing out is, whether that is a form of ours); None where there is no such place."""
    if settings.sign_on == "oidc":
        return SIGN_OUT, True
    return (settings.proxy_sign_out, False) if settings.sign_on == "proxy" and settings.proxy_sign_out else None


class _Proxy:
    """The proxy says who asks, in a header that is believed of nobody else."""

    open_paths: frozenset[str] = frozenset()

    def __init__(self, settings: Settings):
        self._settings = settings
        self._networks = [ipaddress.ip_network(each) for each in settings.proxy_addresses]

    def must_be_trusted(self) -> None:
        try:
            address = ipaddress.ip_address(flask.request.remote_addr or "")
        except ValueError:
            flask.abort(403)
        if not any(address in network for network in self._networks):
            flask.abort(403, "The dashboard answers its proxy only.")

    def signed_on(self, is_active: bool) -> str | None:
        # Twice is a header that somebody has slipped past the proxy.
        found = flask.request.headers.getlist(self._settings.proxy_header)
        return found[0].strip() if len(found) == 1 and "," not in found[0] else None

    def nobody(self) -> flask.Response:
        return _page(401, "Not signed on", "<p>The proxy named nobody. Sign on there, and open this page again.</p>")

    def sign_out(self) -> str:
        there = self._settings.proxy_sign_out
        return f'<p><a href="{escape(there)}">Sign out</a></p>' if there else ""


class _Provider:
    """An OpenID provider says who somebody is, once; from then on the session does."""

    open_paths = frozenset([SIGN_IN, SIGNED_IN, SIGNED_OUT])

    def __init__(self, server: flask.Flask, settings: Settings):
        self._settings = settings
        self._here = (settings.public_url or "").rstrip("/")
        oauth = OAuth(server)
        oauth.register(
            "provider",
            client_id=settings.oidc_client_id,
            client_secret=settings.oidc_client_secret.get_secret_value() or None,
            server_metadata_url=f"{(settings.oidc_issuer or '').rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={"scope": "openid email", "code_challenge_method": "S256", "default_timeout": _TIMEOUT},
        )
        self._oauth = oauth
        server.add_url_rule(SIGN_IN, "sign_in", self._sign_in)
        server.add_url_rule(SIGNED_IN, "signed_in", self._signed_in)
        server.add_url_rule(SIGN_OUT, "sign_out", self._sign_out, methods=["POST"])
        server.add_url_rule(SIGNED_OUT, "signed_out", self._signed_out)

    def must_be_trusted(self) -> None:
        """The session says it all."""

    def signed_on(self, is_active: bool) -> str | None:
        token = flask.session.get("token")
        return accesslog.signed_on(self._settings, token, is_active) if isinstance(token, str) else None

    def nobody(self) -> flask.typing.ResponseReturnValue:
        request = flask.request
        # A page is led to the provider; a picture or a script that the page asks for is not.
        is_page = request.headers.get("Sec-Fetch-Dest", "document") == "document"
        if request.method == "GET" and is_page and not request.path.startswith("/_dash"):
            return flask.redirect(f"{SIGN_IN}?next={quote(request.full_path.rstrip('?'), safe='')}")
        return flask.Response("Sign on again.", 401, mimetype="text/plain")

    def sign_out(self) -> str:
        from flask_wtf.csrf import generate_csrf

        return (
            f'<form method="post" action="{SIGN_OUT}"><input type="hidden" name="csrf_token" value="{escape(generate_csrf())}">'
            "<button>Sign out</button></form>"
        )

    def _client(self):
        """The provider, once it has said of itself what is configured. RollcallError where it says anything else."""
        client = self._oauth.create_client("provider")
        metadata = client.load_server_metadata()
        if metadata.get("issuer") != self._settings.oidc_issuer:
            raise RollcallError(
                f"the provider names itself {metadata.get('issuer')!r}, and ROLLCALL_OIDC_ISSUER is {self._settings.oidc_issuer!r}"
            )
        offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        metadata["id_token_signing_alg_values_supported"] = [each for each in offered if each in _ALGORITHMS]
        if not metadata["id_token_signing_alg_values_supported"]:
            raise RollcallError(f"the provider signs with none of {', '.join(_ALGORITHMS)}")
        return client

    def _sign_in(self) -> flask.typing.ResponseReturnValue:
        there = _within(flask.request.args.get("next", "/"))
        flask.session.clear()
        flask.session["next"] = there
        try:
            return self._client().authorize_redirect(f"{self._here}{SIGNED_IN}")
        except (requests.RequestException, RollcallError, ValueError) as error:
            log.warning("nobody can sign on: %s", error)
            return _page(502, "Sign-on does not work", "<p>The sign-on service does not answer. Try again later.</p>")

    def _signed_in(self) -> flask.typing.ResponseReturnValue:
        there = flask.session.get("next", "/")
        try:
            email = self._email()
        except (OAuthError, JoseError, requests.RequestException, RollcallError, ValueError, RuntimeError) as error:
            flask.session.clear()
            log.warning("somebody could not sign on: %s: %s", type(error).__name__, error)
            accesslog.note(self._settings, "", "sign-on refused", what=type(error).__name__)
            again = f'<p>You are not signed on. <a href="{SIGN_IN}">Sign on</a></p>'
            return _page(401, "Not signed on", again)
        flask.session.clear()  # nothing of before goes on, no token that somebody else may know
        flask.session["token"] = accesslog.begin(self._settings, email)
        accesslog.note(self._settings, email, "signed on")
        return flask.redirect(_within(there))

    def _email(self) -> str:
        """The address that the provider has verified. The errors of Authlib where anything about its answer is not as it should be."""
        settings = self._settings
        if flask.request.args.get("iss", settings.oidc_issuer) != settings.oidc_issuer:
            raise RollcallError("the answer is another provider's")
        token = self._client().authorize_access_token(
            leeway=_LEEWAY,
            claims_options={
                "iss": {"essential": True, "value": settings.oidc_issuer},
                "aud": {"essential": True, "value": settings.oidc_client_id},
            },
        )
        claims = token.get("userinfo")
        if not claims:
            raise RollcallError("the provider gave no id token")
        email = claims.get(settings.oidc_email_claim)
        if not isinstance(email, str) or "@" not in email:
            raise RollcallError(f"the id token has no {settings.oidc_email_claim}")
        if settings.oidc_verified_email and claims.get("email_verified") is not True:
            raise RollcallError("the provider does not say that the address is verified (ROLLCALL_OIDC_VERIFIED_EMAIL)")
        return people.normal(email)

    def _sign_out(self) -> flask.Response:
        token = flask.session.get("token")
        if isinstance(token, str):
            accesslog.end(self._settings, token)
        accesslog.note(self._settings, people.current().email or "", "signed out")
        flask.session.clear()
        there = SIGNED_OUT
        try:
            client = self._client()
            if client.server_metadata.get("end_session_endpoint"):
                there = client.create_logout_url(
                    f"{self._here}{SIGNED_OUT}", client_id=self._settings.oidc_client_id, state=""
                )["url"]
        except (requests.RequestException, RollcallError, ValueError) as error:
            log.warning("somebody is signed out here, and maybe not at the provider: %s", error)
        answer = _page(200, "Signed out", f'<p><a href="{escape(there)}">Go on</a></p>')
        # No redirect: browsers hold those of a form to the page's own address.
        answer.headers["Refresh"] = f"0; url={there}"
        return answer

    def _signed_out(self) -> flask.Response:
        return _page(200, "Signed out", f'<p>You are signed out. <a href="{SIGN_IN}">Sign on again</a></p>')


def _within(there: object) -> str:
    """A path of this site; anything else is the first page."""
    text = str(there)
    is_ours = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if is_ours and not urlsplit(text).netloc else "/"


def _no_access(viewer: Viewer, who: _Proxy | _Provider) -> flask.Response:
    if flask.request.path.startswith("/_dash"):
        return flask.Response("No access.", 403, mimetype="text/plain")
    words = (
        f"<p>You are signed on as <strong>{escape(viewer.email or '')}</strong>, and this address has access to no district's figures. "
        "Ask your district's data manager to add it to the access list.</p>"
    )
    return _page(403, "No access", words + who.sign_out())


def _page(code: int, title: str, content: str) -> flask.Response:
    """A page that needs no script. `content` is HTML."""
    return flask.Response(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title} – Rollcall</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/assets/rollcall.css"></head><body><div class="page">'
        f'<main class="empty-page"><h1>{title}</h1>{content}</main></div></body></html>',
        code,
        mimetype="text/html",
    )
