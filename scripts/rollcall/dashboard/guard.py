"""What may be asked of the dashboard: by whom, under which name, from where, how much of it, and in which form. The rest is refused before
Dash reads it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import dash
import flask
from dash._utils import split_callback_id
from dash.exceptions import DependencyException
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_wtf.csrf import CSRFProtect, generate_csrf

from rollcall.errors import RollcallError
from rollcall.settings import Settings
from rollcall.web import people, signon
from rollcall.web.people import Viewer

MOST_BYTES = 1_000_000  # of a request's body: a page sends a few kilobytes
_MOST_LOGGED = 2_000  # characters of one line of the log, whatever a request put into it
_UPDATE = "/_dash-update-component"
_PLOTLY = Path(__file__).parent / "vendor" / "plotly-basic.min.js"
# A connection that sends no whole request for this long is closed, and many may wait without keeping others out.
WAITRESS = {
    "threads": 8,
    "connection_limit": 1000,
    "channel_timeout": 15,
    "cleanup_interval": 5,
    "asyncore_use_poll": True,
    "max_request_header_size": 64 * 1024,
    "max_request_body_size": MOST_BYTES,
}
# Files that are the same for everybody, and the page that they make up, which has no figure yet.
_PUBLIC = (
    "/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>",
    "/_favicon.ico",
    "_dash_assets.static",
    "plotly",
)
# What the page asks by itself: an open page is no sign of a person before it.
_BY_ITSELF = {"clock.n_intervals", "hourly.n_intervals"}
_SAFE = ("GET", "HEAD", "OPTIONS")
# Of one person, or of one address before anybody has signed on.
_MOST_REQUESTS, _MOST_SIGN_ONS = "1200 per minute", "300 per minute"
_YEAR = 31_536_000
_MANY = {"schools", "grades", "types", "statuses"}
_COUNTS = {"n_clicks", "n_intervals"}


def protect(app: dash.Dash, host: str, settings: Settings, viewer_of: Callable[[str], Viewer]) -> None:
    """Answers only to the names it is served under (a page elsewhere cannot have its own name resolve to here), and to whom it may."""
    server, names = app.server, {"localhost", "127.0.0.1", "[::1]", host}
    here = urlsplit(settings.public_url or "")
    server.config["MAX_CONTENT_LENGTH"] = MOST_BYTES

    @server.before_request
    def known_host():
        name = flask.request.host.rsplit(":", 1)[0] if not flask.request.host.endswith("]") else flask.request.host
        # Without a name of its own it cannot know under which it is served everywhere.
        is_anywhere = host in ("0.0.0.0", "::") and not here.hostname
        if not is_anywhere and name not in names and name != here.hostname:
            flask.abort(421)

    @server.before_request
    def own_pages():
        """What changes something comes from a page of ours: browsers say where a request is from. (Of this machine's own address, and of
        any with TLS, always by Sec-Fetch-Site; the origin may be that of a proxy that somebody has put before a dashboard without sign-on.)"""
        if flask.request.method in _SAFE:
            return
        origin, site = flask.request.headers.get("Origin"), flask.request.headers.get("Sec-Fetch-Site")
        ours = {flask.request.host_url.rstrip("/"), f"{here.scheme}://{here.netloc}"}
        is_elsewhere = bool(origin) and origin not in ours and settings.sign_on != "none"
        if (site and site not in ("same-origin", "none")) or is_elsewhere:
            flask.abort(403, "This request comes from another site.")

    if settings.sign_on != "none":
        _limit(server, settings)
    signon.protect(server, settings, viewer_of, _is_public, _is_by_itself)
    if settings.sign_on != "none":
        _against_forgery(server)

    @server.errorhandler(people.NoAccess)
    def refused(error: people.NoAccess):
        return f"{str(error).capitalize()}.", 403

    @server.errorhandler(RollcallError)
    def unable(error: RollcallError):
        logging.getLogger("rollcall").warning("a request could not be answered: %s", error)
        return "Rollcall cannot answer this now. Its log says why.", 503

    @server.before_request
    def known_form():
        if flask.request.path == _UPDATE and flask.request.method == "POST" and (why := _unlike(app)):
            flask.abort(400, why)

    @server.after_request
    def headers(response: flask.Response) -> flask.Response:
        response.headers["Content-Security-Policy"] = policy(app)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["X-Frame-Options"] = "DENY"
        if here.scheme == "https":
            response.headers["Strict-Transport-Security"] = f"max-age={_YEAR}"
        if settings.sign_on != "none" and not _is_public():
            # Neither a browser nor a proxy keeps what one person has seen for the next.
            response.headers["Cache-Control"] = "no-store"
        return response

    # The basic bundle draws all that the page has in a quarter of the bytes, and makes no code from text.
    @server.get("/_dash-component-suites/plotly/package_data/plotly.min.js")
    def plotly():
        return flask.send_file(_PLOTLY, mimetype="text/javascript", max_age=86_400)

    @server.errorhandler(DependencyException)
    def no_such_script(_error: DependencyException):
        return "There is no such script.", 404


def _is_public() -> bool:
    return flask.request.endpoint in _PUBLIC


def _is_by_itself() -> bool:
    """Whether the page asks this without anybody's doing."""
    if flask.request.path != _UPDATE:
        return False
    try:
        body = json.loads(flask.request.get_data())
    except (ValueError, RecursionError):
        return False
    changed = body.get("changedPropIds") if isinstance(body, dict) else None
    return (
        isinstance(changed, list)
        and bool(changed)
        and all(each in _BY_ITSELF for each in changed if isinstance(each, str))
    )


def _limit(server: flask.Flask, settings: Settings) -> None:
    def person() -> str:
        if settings.sign_on == "proxy":
            return flask.request.headers.get(settings.proxy_header) or get_remote_address()
        return flask.session.get("token") or get_remote_address()

    limiter = Limiter(
        person, app=server, application_limits=[_MOST_REQUESTS], storage_uri="memory://", headers_enabled=False
    )
    limiter.request_filter(_is_public)
    limiter.limit(
        _MOST_SIGN_ONS,
        key_func=get_remote_address,
        exempt_when=lambda: flask.request.path not in (signon.SIGN_IN, signon.SIGNED_IN),
    )


def _against_forgery(server: flask.Flask) -> None:
    """Whatever is no GET needs the token of the session, which no page elsewhere can read. Dash sends that of the cookie by itself."""
    server.config.update(WTF_CSRF_TIME_LIMIT=None, WTF_CSRF_SSL_STRICT=False, WTF_CSRF_HEADERS=["X-CSRFToken"])
    CSRFProtect(server)

    @server.after_request
    def give(response: flask.Response) -> flask.Response:
        if flask.g.get("viewer") is not None and flask.request.method == "GET" and response.mimetype == "text/html":
            response.set_cookie(
                "_csrf_token", generate_csrf(), secure=bool(server.config["SESSION_COOKIE_SECURE"]), samesite="Strict"
            )
        return response


def form_token() -> str:
    """What a form of ours sends to be believed."""
    return generate_csrf()


def policy(app: dash.Dash) -> str:
    """No script but the page's own, named by their hashes where they are in the page, and none made from text."""
    return (
        f"default-src 'self'; script-src 'self' {' '.join(app.csp_hashes())}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; "
        "frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
    )


def _unlike(app: dash.Dash) -> str | None:
    """What makes a request unlike those that the page sends."""
    try:
        body = json.loads(flask.request.get_data())
    except (ValueError, RecursionError):
        return "the body is not JSON"
    callback = app.callback_map.get(body.get("output")) if _is_text(body) else None
    if callback is None or "callback" not in callback:
        return "there is no such callback"
    for kind, declared in (("inputs", callback["inputs"]), ("state", callback["state"])):
        given = body.get(kind, [])
        if not isinstance(given, list) or len(given) != len(declared):
            return f"the {kind} are not those of the callback"
        for one, wanted in zip(given, declared, strict=True):
            if not isinstance(one, dict) or any(one.get(name) != wanted[name] for name in ("id", "property")):
                return f"the {kind} are not those of the callback"
            if not _fits(wanted["id"], wanted["property"], one.get("value")):
                return f"{wanted['id']}.{wanted['property']} cannot be that"
    changed = body.get("changedPropIds", [])
    known = {f"{one['id']}.{one['property']}" for one in callback["inputs"]}
    if not isinstance(changed, list) or not all(isinstance(name, str) and name in known for name in changed):
        return "nothing of that name can have changed"
    if body.get("outputs") != split_callback_id(body["output"]):
        return "the outputs are not those of the callback"
    return None


def _is_text(body: object) -> bool:
    return isinstance(body, dict) and isinstance(body.get("output"), str)


def _fits(component: str, name: str, value: object) -> bool:
    """Whether a property can have a value; what the text says is for those to judge who read it."""
    if value is None:
        return True
    if name in _COUNTS:
        return isinstance(value, int)
    if name == "hidden":
        return isinstance(value, bool)
    if name in ("rowData", "virtualRowData"):
        return isinstance(value, list) and all(isinstance(row, dict) for row in value)
    if component in _MANY:
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    return isinstance(value, str)


class Short(logging.Formatter):
    """Log lines that no request can make long."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        left = len(text) - _MOST_LOGGED
        return f"{text[:_MOST_LOGGED]}… ({left:,} more characters)" if left > 0 else text
