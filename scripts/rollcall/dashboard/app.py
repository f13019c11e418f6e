"""The page: its layout, and one callback a need. Figures come from `queries`, looks from `assets`."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace

import dash
import flask
from dash import Input, Output, State, ctx, dcc, html, no_update
from dash.exceptions import PreventUpdate

from rollcall.dashboard import components, exports, guard, views
from rollcall.dashboard.filters import PERIODS, USER_TYPES, Filters, Options, read_day, read_text
from rollcall.dashboard.scope import Figures, Scopes
from rollcall.dashboard.source import Source
from rollcall.errors import RollcallError
from rollcall.settings import Settings
from rollcall.web import people, signon

log = logging.getLogger("rollcall")

VIEWS = {
    "/": "Inventory",
    "/schools": "Schools and grades",
    "/review": "New and unapproved",
    "/coverage": "Roster coverage",
    "/members": "Members",
    "/quality": "Deliveries",
}


# What components of every page are made of. They would ask for it themselves once they are drawn, one more round trip, and
# come late enough to be drawn in one stretch with the figures.
_CHUNKS = ("dash/dcc/async-dropdown", "dash/dcc/async-datepicker", "dash_ag_grid/async-community")

# Adds addresses to the server that go by the published version.
Attach = Callable[[flask.Flask, Source], None]


def create(
    settings: Settings, host: str = "127.0.0.1", source: Source | None = None, attach: Attach | None = None
) -> dash.Dash:
    """The Dash application, to be served by any WSGI server. RollcallError for one that anybody could reach."""
    signon.must_be_safe(settings, host)
    app = dash.Dash(
        __name__,
        title="Rollcall",
        update_title=None,
        suppress_callback_exceptions=True,
        serve_locally=True,
        compress=True,
        external_scripts=[f"/_dash-component-suites/{chunk}.js" for chunk in _CHUNKS],
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    # The page has a footer of its own, and a language.
    app.index_string = (
        app.index_string.replace("<html>", '<html lang="en">')
        .replace("<footer>", "<div>")
        .replace("</footer>", "</div>")
    )
    source = source or Source(settings)
    scopes = Scopes(source, settings)
    app.layout = lambda: _layout(scopes)
    guard.protect(app, host, settings, source.viewer)
    _callbacks(app, scopes)
    exports.routes(app.server, scopes)
    if attach:
        attach(app.server, source)
    return app


# Layout


def _layout(scopes: Scopes):
    try:
        figures = scopes.figures()
    except RollcallError as error:
        return _nothing(error)
    options = figures.options
    if not options.districts:
        return _nothing(RollcallError("the published version has no district yet"))
    filters = options.default()
    return html.Div(
        [
            dcc.Location(id="url", refresh=False),
            dcc.Store(id="version", data=figures.version_name),
            dcc.Store(id="address"),
            dcc.Store(id="retry", data=""),
            dcc.Store(id="missing", data=""),
            dcc.Store(id="title", data=""),
            dcc.Interval(id="clock", interval=5_000),
            dcc.Interval(id="hourly", interval=3_600_000),
            html.A("Skip to the figures", href="#main", className="skip"),
            html.Header(
                [
                    html.Div(
                        [
                            html.H1("Rollcall", className="brand"),
                            html.Span(id="district-name", className="district-name"),
                        ],
                        className="title",
                    ),
                    html.Nav(
                        [
                            dcc.Link(
                                [name, html.Span(id="badge", className="badge")] if path == "/quality" else name,
                                href=path,
                                id={"role": "nav", "path": path},
                                refresh=False,
                                # Hidden links are there for the callbacks, and lead to no page.
                                style=None
                                if any(figures.has_page(path, each) for each in options.districts)
                                else _GONE,
                            )
                            for path, name in VIEWS.items()
                        ],
                        **{"aria-label": "Pages"},
                    ),
                    *_person(scopes.settings),
                    html.Div(id="banner", role="status"),
                ],
                className="top",
            ),
            _filter_bar(figures, filters),
            html.Div(
                [html.Span(id="connection-words"), html.Button("Retry", id="retry-now", className="quiet")],
                id="connection",
                className="notice",
                role="alert",
                hidden=True,
            ),
            html.Main(
                [
                    html.P(id="selection", className="selection"),
                    html.Div(id="notice", role="status", **{"aria-live": "polite"}),
                    *[
                        html.Section(view, id=name, hidden=True, **{"aria-label": label})
                        for name, label, view in views.sections()
                    ],
                ],
                id="main",
                tabIndex=-1,
            ),
            html.Footer(id="footer"),
        ],
        className="page",
    )


_GONE = {"display": "none"}
_HIGH = 380  # pixels of what a picker opens


def _person(settings: Settings) -> list[html.Div]:
    """Who is signed on, and the way out."""
    email, there = people.current().email, signon.sign_out_link(settings)
    if email is None:
        return []
    out: list[object] = []
    if there and there[1]:
        token = dcc.Input(type="hidden", name="csrf_token", value=guard.form_token())
        out = [html.Form([token, html.Button("Sign out", className="quiet")], action=there[0], method="post")]
    elif there:
        out = [html.A("Sign out", href=there[0])]
    return [html.Div([html.Span(email), *out], className="person")]


def _nothing(error: RollcallError) -> html.Div:
    return html.Div(
        html.Main(
            [
                html.H1("Nothing to show yet"),
                html.P(str(error)[0].upper() + str(error)[1:] + "."),
                html.P(["Put a district's files in the landing folder, run ", html.Code("rollcall refresh"), ", and reload this page."]),
                # At this machine, where nobody needs an access list, the first file can be uploaded.
                html.Div(id="office-start"),
                html.Section(html.Div(id="office-deliveries"), **{"aria-label": "Deliveries"}),
            ],
            className="empty-page",
        ),
        className="page",
    )  # fmt: skip


def _filter_bar(figures: Figures, filters: Filters) -> html.Div:
    options = figures.options
    district = options.districts[filters.district_id]

    def field(label: str, control, name: str, wide: bool = False) -> html.Div:
        return html.Div(
            [html.Label(label, htmlFor=name, id=f"{name}-label"), control],
            className="field wide" if wide else "field", id=f"{name}-part",
        )  # fmt: skip

    def several(name: str, choices: dict[str, str], everything: str) -> dcc.Dropdown:
        return dcc.Dropdown(
            id=name, options=[{"label": text, "value": value} for value, text in choices.items()], multi=True,
            placeholder=everything, value=[], closeOnSelect=False, debounce=False, maxHeight=_HIGH,
        )  # fmt: skip

    return html.Div(
        [
            html.Div(
                field(
                    "District",
                    dcc.Dropdown(
                        id="district", clearable=False, value=filters.district_id, maxHeight=_HIGH,
                        options=[{"label": d.name, "value": d.district_id} for d in options.districts.values()],
                    ),
                    "district",
                ),
                hidden=len(options.districts) < 2,
            ),
            field(
                "Period",
                dcc.Dropdown(
                    id="period", clearable=False, searchable=False, value=filters.period,
                    options=[{"label": text, "value": value} for value, text in PERIODS.items()],
                ),
                "period",
            ),
            html.Div(
                field("Dates", dcc.Dropdown(id="when", clearable=False, maxHeight=_HIGH, value=components.when(filters), options=_whens(figures, filters)), "when"),
                id="when-field",
            ),
            html.Div(
                field(
                    "Dates",
                    dcc.DatePickerRange(
                        id="dates", start_date=filters.first, end_date=filters.last, display_format="MMM D, YYYY",
                        min_date_allowed=district.first_day, max_date_allowed=district.last_day, minimum_nights=0,
                    ),
                    "dates",
                ),
                id="dates-field",
                hidden=True,
            ),
            field("Schools", several("schools", district.schools, "All schools"), "schools", wide=True),
            field("Grades", several("grades", district.grades, "All grades"), "grades"),
            field("User types", several("types", USER_TYPES, "Everyone"), "types"),
            field("Product status", several("statuses", {s: s.capitalize() for s in options.statuses}, "Any status"), "statuses"),
            field("Search products", dcc.Input(id="search", type="search", value="", debounce=0.25, placeholder="Name or site"), "search"),
            html.Button("Clear", id="clear", className="quiet", title="Show everyone and every product"),
        ],
        className="filters",
        role="search",
        **{"aria-label": "Filters"},
    )  # fmt: skip


def _whens(figures: Figures, filters: Filters) -> list[dict[str, str]]:
    """The periods with use, the newest first; and the selected one, used or not."""
    if filters.period == "custom":
        return [{"label": components.period_name(filters, is_short=True), "value": components.when(filters)}]
    days = figures.periods(filters.district_id, filters.period)
    if filters.first not in days:
        days = sorted([*days, filters.first], reverse=True)
    found = []
    for day in days:
        first, last = figures.options.districts[filters.district_id].period_of(filters.period, day)
        one = Filters(filters.district_id, filters.period, first, last)
        found.append({"label": components.period_name(one, is_short=True), "value": components.when(one)})
    return found


# Callbacks

_FILTERS = ("when", "schools", "grades", "types", "statuses", "search")


def _selected(options: Options, when, schools, grades, types, statuses, search) -> Filters:
    district_id, period, first, last = ((when or "").rsplit("|", 3) + [""] * 4)[:4]
    first, last = read_day(first), read_day(last)
    if district_id not in options.districts or period not in PERIODS or not (first and last and first <= last):
        return options.default()
    there = options.districts[district_id]
    return Filters(
        district_id, period, first, last,
        tuple(s for s in there.schools if s in (schools or ())), tuple(g for g in there.grades if g in (grades or ())),
        tuple(t for t in USER_TYPES if t in (types or ())), tuple(s for s in options.statuses if s in (statuses or ())),
        read_text(search or ""),
    )  # fmt: skip


def _callbacks(app: dash.Dash, scopes: Scopes) -> None:
    current = [State(name, "value") for name in _FILTERS]

    @app.callback(
        [Output("district", "value"), Output("period", "value"), Output("when", "value"), Output("when", "options")],
        [Output("dates", name) for name in ("start_date", "end_date", "min_date_allowed", "max_date_allowed")],
        [Output("schools", "options"), Output("grades", "options")],
        [Output(name, "value") for name in ("schools", "grades", "types", "statuses", "search")],
        Output("missing", "data"),
        [Input("url", "search"), Input("clear", "n_clicks"), Input("district", "value"), Input("period", "value")],
        [Input("dates", "start_date"), Input("dates", "end_date")],
        current,
    )
    def choose(query, _clear, district_id, period, start, end, *values):
        """Sets the filters: to those of the address, or to what a choice of one means for the others."""
        figures = scopes.figures()
        options, cause = figures.options, ctx.triggered_id
        if isinstance(values[0], list):
            values = values[0]
        now = _selected(options, *values)
        missing = ""
        if cause in (None, "url"):
            wanted = options.read(query) if query else options.default()
            if query and (words := options.missing(query)):
                missing = f"{words}|{wanted.as_query()}"
        elif cause == "clear":
            wanted = Filters(now.district_id, now.period, now.first, now.last)
        elif cause == "district":
            wanted = options.default(district_id)
        elif cause == "dates":
            ends = read_day((start or "")[:10]), read_day((end or "")[:10])
            if None in ends or period != "custom":
                raise PreventUpdate
            first, last = sorted(ends)
            wanted = replace(now, period="custom", first=first, last=last)
        else:
            period = period if period in PERIODS else now.period
            district = options.districts[now.district_id]
            known = district.last_day or now.last
            first, last = district.period_of(period, min(now.last, max(known, now.first)))
            if period == "custom":
                first, last = now.first, min(now.last, max(known, now.first))
            wanted = replace(now, period=period, first=first, last=last)
        if wanted == now and cause is not None and not missing:
            raise PreventUpdate
        there = options.districts[wanted.district_id]
        return (
            wanted.district_id, wanted.period, components.when(wanted), _whens(figures, wanted),
            wanted.first.isoformat(), wanted.last.isoformat(), there.first_day, there.last_day,
            [{"label": text, "value": value} for value, text in there.schools.items()],
            [{"label": text, "value": value} for value, text in there.grades.items()],
            list(wanted.schools), list(wanted.grades), list(wanted.user_types), list(wanted.statuses), wanted.search,
            missing,
        )  # fmt: skip

    @app.callback(Output("when-field", "hidden"), Output("dates-field", "hidden"), Input("period", "value"))
    def fields(period):
        return period == "custom", period != "custom"

    @app.callback(
        output={
            "sections": [Output(name, "hidden") for name, _, _ in views.sections()],
            "parts": {name: Output(*name.split(".")) for name in views.PARTS},
            "address": Output("address", "data"),
            "notice": Output("notice", "children"),
            "selection": Output("selection", "children"),
            "title": Output("title", "data"),
            "fields": [Output(f"{name}-part", "hidden") for name in views.USES["/"]],
        },
        inputs={
            "path": Input("url", "pathname"),
            "query": State("url", "search"),
            "version": Input("version", "data"),
            "retry": Input("retry", "data"),
            "missing": State("missing", "data"),
            "values": [Input(name, "value") for name in _FILTERS],
            "hidden": [State(name, "hidden") for name, _, _ in views.sections()],
        },
    )
    def show(path, query, version, retry, missing, values, hidden):
        """All figures of the page that is open, in one answer: what is painted together was counted together."""
        filters, selection = None, ""
        try:
            figures = scopes.figures()
            chosen = _selected(figures.options, *values)
            filters = views.kept(chosen, path or "")
            scopes.note("saw", chosen.district_id, f"{path or '/'}{chosen.as_query()}")
            words, _, of = (missing or "").partition("|")
            if words and of == chosen.as_query():
                shown = views.Shown(
                    None,
                    notice=components.problem(f"{words} Choose from the filters above, or clear them."),
                )
            else:
                shown = views.show(figures, filters, path or "/", query or "")
            selection = views.selection(figures, filters, path or "/", shown.title)
        except RollcallError as error:
            log.warning("the dashboard has nothing to show: %s", error)
            shown = views.Shown(section=None, notice=components.problem(str(error)))
        now = [name != shown.section for name, _, _ in views.sections()]
        parts = {name: shown.parts.get(name, no_update) for name in views.PARTS}
        uses = set(views.USES.get(path, ()))
        if filters and len(figures.options.districts[filters.district_id].schools) < 2:
            uses -= {"schools"}  # nothing to choose: no other school is there for this person
        return {
            # What stays as it is costs the browser nothing.
            "sections": [no_update] * len(now) if now == hidden else now,
            "parts": parts,
            "address": chosen.as_query() + shown.more
            if filters and not (missing and shown.section is None)
            else no_update,
            "notice": shown.notice,
            "selection": selection,
            "title": shown.title or "Rollcall",
            "fields": [name not in uses for name in views.USES["/"]],
        }

    @app.callback(
        [Output(name, "children") for name in ("district-name", "banner", "footer", "badge")],
        [Input("district", "value"), Input("version", "data"), Input("hourly", "n_intervals")],
    )
    def surround(district_id, _version, _hours):
        """What is around the figures, which no filter changes; data grow old on a page that stays open."""
        try:
            figures = scopes.figures()
        except RollcallError as error:
            raise PreventUpdate from error  # `show` says what is wrong
        district = figures.options.districts.get(district_id)
        if district is None:
            raise PreventUpdate
        count = len(views.open_problems(figures, district_id)) if figures.sees_deliveries(district_id) else 0
        badge = (
            [f"{count}", html.Span(f" open problem{'s' if count > 1 else ''}", className="sr-only")] if count else None
        )
        return (
            district.name,
            views.banner(figures, district_id),
            views.footer(figures, district),
            badge,
        )

    @app.callback(Output("version", "data"), Input("clock", "n_intervals"), State("version", "data"))
    def newer(_ticks, shown):
        """A version that was published meanwhile: the figures are asked for again."""
        try:
            name = scopes.figures().version_name
        except RollcallError as error:
            raise PreventUpdate from error  # `show` says what is wrong
        if name == shown:
            raise PreventUpdate
        return name

    # The address follows the filters, and the links to the other pages keep it, without asking the server.
    app.clientside_callback(
        dash.ClientsideFunction("rollcall", "follow"),
        [Output({"role": "nav", "path": path}, "href") for path in VIEWS],
        Input("address", "data"),
        Input("title", "data"),
        State("url", "pathname"),
    )
    app.clientside_callback(
        dash.ClientsideFunction("rollcall", "columns"),
        Input("products-columns", "value"),
        State("products-columns", "options"),
        prevent_initial_call=True,
    )


def serve(settings: Settings, host: str, port: int, say: Callable[[str], None], attach: Attach | None = None) -> None:
    """Serves until it is stopped. Says the address once someone can open it."""
    import waitress

    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    lines = logging.StreamHandler()
    lines.setFormatter(guard.Short("%(levelname)s: %(message)s"))
    logging.basicConfig(handlers=[lines], level=logging.WARNING)
    signon.must_be_safe(settings, host)
    source = Source(settings)
    with contextlib.suppress(RollcallError):  # the page says what is wrong
        source.figures()
    page = create(settings, host, source, attach).server
    try:
        server = waitress.create_server(page, host=host, port=port, ident="Rollcall", **guard.WAITRESS)
    except OSError as error:
        raise RollcallError(f"cannot serve on {host}:{port}: {error.strerror}; give another --port") from error
    (_, bound), *_ = getattr(server, "effective_listen", None) or [(host, server.effective_port)]
    say(f"http://{host}:{bound}/")
    server.run()
