"""What may be asked of the dashboard: under which name, how much of it, and in which form. The rest is refused before Dash reads it."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import dash
import flask
from dash._utils import split_callback_id
from dash.exceptions import DependencyException

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
_MANY = {"schools", "grades", "types", "statuses"}
_COUNTS = {"n_clicks", "n_intervals"}


def protect(app: dash.Dash, host: str) -> None:
    """Answers only to the names it is served under (a page elsewhere cannot have its own name resolve to here)."""
    server, names = app.server, {"localhost", "127.0.0.1", "[::1]", host}
    server.config["MAX_CONTENT_LENGTH"] = MOST_BYTES

    @server.before_request
    def known_host():
        name = flask.request.host.rsplit(":", 1)[0] if not flask.request.host.endswith("]") else flask.request.host
        if host not in ("0.0.0.0", "::") and name not in names:
            flask.abort(421)

    @server.before_request
    def known_form():
        if flask.request.path == _UPDATE and flask.request.method == "POST" and (why := _unlike(app)):
            flask.abort(400, why)

    @server.after_request
    def headers(response: flask.Response) -> flask.Response:
        response.headers["Content-Security-Policy"] = policy(app)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    # The basic bundle draws all that the page has in a quarter of the bytes, and makes no code from text.
    @server.get("/_dash-component-suites/plotly/package_data/plotly.min.js")
    def plotly():
        return flask.send_file(_PLOTLY, mimetype="text/javascript", max_age=86_400)

    @server.errorhandler(DependencyException)
    def no_such_script(_error: DependencyException):
        return "There is no such script.", 404


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
