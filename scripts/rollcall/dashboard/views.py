"""What the page shows: components and figures made of the answers of `queries`."""

from __future__ import annotations

import csv
import io
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs

import dash_ag_grid as dag
from dash import dcc, html

from rollcall.dashboard.filters import USER_TYPES, District, Filters
from rollcall.dashboard.queries import Inventory
from rollcall.settings import Settings

_POOL = ThreadPoolExecutor(4, "rollcall-dashboard")
_BLUE, _TEAL = "#3b76e1", "#0d9488"
_KINDS = {
    "oneroster": "OneRoster", "educators": "educator template", "students": "student template",
    "members": "member list", "products": "product catalogue", "usage": "usage",
}  # fmt: skip
_STATUSES = {
    "rostered": ("On the roster", "Rostered and enabled on the day of use."),
    "member": ("Added by hand", "Educators whom no roster has brought yet."),
    "unrostered": ("Not on the roster", "An account that no roster knows, or no longer."),
    "unidentified": ("Unidentified", "Nobody, or more than one person, could be meant; counted as page loads only."),
}


@dataclass
class Shown:
    """One answer: the section that is visible, the properties to set, and what the address needs beside the filters."""

    section: str | None
    parts: dict[str, object] = field(default_factory=dict)
    notice: object = None
    more: str = ""


# Words


def number(value: float | None) -> str:
    """A count, as a person reads it; a dash where there is none."""
    return "–" if value is None else f"{value:,.0f}"


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} %"


def short(value: float | None) -> str:
    """A large count in three digits."""
    if value is None or value < 10_000:
        return number(value)
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if value >= size * 0.9995:
            return f"{value / size:.{1 if value < 99.95 * size else 0}f}{letter}"
    return number(value)


def long_day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def period_name(filters: Filters) -> str:
    first, last = filters.first, filters.last
    if filters.period == "day":
        return f"{first:%a} {long_day(first)}"
    if filters.period == "month":
        return f"{first:%b %Y}"
    if filters.period == "school_year":
        return f"{first.year}–{last.year}"
    same = first.year == last.year
    return f"{first.day} {first:%b}{'' if same else f' {first.year}'} – {last.day} {last:%b %Y}"


def when(filters: Filters) -> str:
    """District and dates as one value, so that what depends on them changes once."""
    return f"{filters.district_id}|{filters.period}|{filters.first}|{filters.last}"


# The page's fixed parts

_LINK = {"cellRenderer": "ProductLink"}


def _column(name: str, heading: str, words: str, **more: object) -> dict[str, object]:
    return {"field": name, "headerName": heading, "headerTooltip": words, **more}


def _count(
    name: str, heading: str, words: str, formula: str = "d3.format(',')(params.value)", width: int = 100, **more: object
):
    return _column(
        name, heading, words, type="rightAligned", width=width,
        valueFormatter={"function": f"params.value == null ? '–' : {formula}"}, **more,
    )  # fmt: skip


COLUMNS = [
    _column("product_name", "Product", "The product, or the domain where no catalogue lists it", minWidth=180, flex=2, **_LINK),
    _column("provider", "Provider", "Who offers it", minWidth=118, flex=1),
    _column("sector", "Subject", "Subject area", minWidth=120, flex=1),
    _column(
        "status_group", "Status", "What the district's product status means", width=122, cellClass="status",
        tooltipField="product_status",
        cellClassRules={
            "status-good": "params.data.is_approved",
            "status-bad": "params.value == 'not approved' || params.value == 'retired'",
        },
    ),
    _column("privacy_status", "Privacy", "State of the privacy agreement", width=158),
    _count("students", "Students", "Students with at least one page load, each counted once", width=94),
    _count("educators", "Educators", "Teachers and aides with at least one page load, each counted once", width=102),
    _count("page_loads", "Page loads", "Page loads by everybody in the selection", width=126, sort="desc"),
    _count("active_minutes", "Minutes", "Minutes of active use", width=94),
    _count("pct_access", "Access", "pct_access: rostered students with a page load on a day, among all; over the days of use", "d3.format('.1f')(params.value) + ' %'", width=86),
    _count("engagement_index", "Engagement", "engagement_index: page loads a day by 1,000 rostered students", "d3.format(',.1f')(params.value)", width=118),
]  # fmt: skip
# What the table needs of a product: its columns, and what their looks depend on.
_SENT = [column["field"] for column in COLUMNS] + ["product_key", "is_approved", "product_status"]


def sections():
    """(id, label, content) of each view; all are there, one is visible."""
    graph = dcc.Graph(
        id="trend",
        figure=trend([], None, True),
        config={"displayModeBar": False, "responsive": True},
        style={"height": 260},
    )
    grid = dag.AgGrid(
        id="products",
        columnDefs=COLUMNS,
        rowData=[],
        defaultColDef={"sortable": True, "resizable": True, "suppressMovable": True, "filter": False, "suppressHeaderMenuButton": True},
        dashGridOptions={
            "rowHeight": 40, "headerHeight": 40, "animateRows": False, "rowBuffer": 2, "enableCellTextSelection": True,
            "ensureDomOrder": True, "tooltipShowDelay": 300, "suppressDragLeaveHidesColumns": True,
        },
        getRowId="params.data.product_key",
        className="grid",
        style={"height": None},
    )  # fmt: skip
    inventory = [
        html.Div(id="cards", className="cards"),
        html.Div([html.H2("Use by day"), graph, html.P(id="trend-words", className="sr-only")], className="card"),
        html.Div(
            [
                html.Div(
                    [html.H2("Products"), html.Span(id="product-count", className="muted"), html.Button("Export CSV", id="export", className="quiet")],
                    className="row",
                ),
                grid,
                html.P(id="inventory-note", className="muted"),
            ],
            className="card",
        ),
    ]  # fmt: skip
    return [
        ("inventory", "Inventory", inventory),
        ("school-view", "Schools and grades", html.Div(id="heat")),
        ("review-view", "New and unapproved products", html.Div(id="review")),
        ("coverage-view", "Roster coverage", html.Div(id="coverage")),
        ("quality-view", "Data quality", html.Div(id="quality")),
        ("product-view", "Product", html.Div(id="product")),
    ]


PARTS = (
    "cards.children", "trend.figure", "trend-words.children", "products.rowData", "product-count.children",
    "inventory-note.children", "heat.children", "review.children", "coverage.children", "quality.children", "product.children",
)  # fmt: skip


def show(inventory: Inventory, filters: Filters, path: str, query: str) -> Shown:
    """The answer for one page and selection."""
    pages = {
        "/schools": ("school-view", "heat.children", _schools),
        "/review": ("review-view", "review.children", _review),
        "/coverage": ("coverage-view", "coverage.children", _coverage),
        "/quality": ("quality-view", "quality.children", _quality),
    }
    if path == "/product":
        key = parse_qs(query.removeprefix("?")).get("product", [""])[0]
        known = inventory.product(key) if key.lstrip("-").isdigit() and len(key) < 19 else None
        if known is None:
            return Shown(None, notice=problem("There is no such product here. Choose one from the inventory."))
        return Shown("product-view", {"product.children": _product(inventory, filters, known)}, more=f"&product={key}")
    if path in pages:
        section, part, view = pages[path]
        return Shown(section, {part: view(inventory, filters)})
    if path != "/":
        return Shown(None, notice=problem("There is no such page. Choose one above."))
    return _inventory(inventory, filters)


def _inventory(inventory: Inventory, filters: Filters) -> Shown:
    # Asked side by side: each has parts that only one core works on.
    earlier, trended = _POOL.submit(inventory.headline, filters.before()), _POOL.submit(inventory.trend, filters)
    products = inventory.products(filters)
    now, before, days = inventory.headline(filters, products), earlier.result(), trended.result()
    has_users = not (filters.statuses or filters.search)
    is_over = filters.last <= (inventory.options.districts[filters.district_id].last_day or filters.last)
    parts = {
        "cards.children": [
            _card("Active users", short(now["users"]), _change(now["users"], before["users"], is_over), number(now["users"]) + " people with at least one page load"),
            _card("Rostered users reached", percent(now["reach"]), _points(now["reach"], before["reach"], is_over), "Of all people on the roster in these days, those with at least one page load"),
            _card("Page loads", short(now["page_loads"]), _change(now["page_loads"], before["page_loads"], is_over), number(now["page_loads"]) + " page loads"),
            _card("Products in use", short(now["products"]), _change(now["products"], before["products"], is_over), number(now["products"]) + " products and uncatalogued domains"),
            _card("Unapproved use", percent(now["unapproved"]), _points(now["unapproved"], before["unapproved"], is_over, good=-1), "Share of page loads on products that are not approved, or in no catalogue"),
        ],
        "trend.figure": trend(days, _span(inventory, filters), has_users),
        "trend-words.children": _trend_words(days),
        "products.rowData": [{name: row[name] for name in _SENT} for row in products],
        "product-count.children": f"{len(products):,} in use, {period_name(filters)}",
        "inventory-note.children": _note(inventory, filters),
    }  # fmt: skip
    notice = None
    if not products:
        notice = problem(
            f"No use in {period_name(filters)} under these filters. Choose another period, or clear the filters."
        )
    return Shown("inventory", parts, notice)


def _note(inventory: Inventory, filters: Filters) -> str:
    schools, grades = inventory.options.narrows(filters)
    if schools or grades:
        who = "People with a membership in " + " and ".join(
            words for words, there in (("a selected school", schools), ("a selected grade", grades)) if there
        )
        return f"{who} on the day of use. Somebody in two schools counts in each, and once in a total."
    return "Everybody: administrators of the district, educators added by hand and unrostered accounts included."


def _card(name: str, value: str, change: object, words: str) -> html.Div:
    return html.Div(
        [html.Div(name, className="card-name"), html.Div(value, className="figure", title=words), change],
        className="card",
    )


def _change(now: float | None, before: float | None, is_over: bool) -> html.Div:
    if not before or now is None:
        return html.Div("nothing to compare with", className="change")
    share = 100 * (now - before) / before
    return _arrow(share, f"{abs(share):.1f} %", 1, is_over)


def _points(now: float | None, before: float | None, is_over: bool, good: int = 1) -> html.Div:
    if now is None or before is None:
        return html.Div("nothing to compare with", className="change")
    return _arrow(now - before, f"{abs(now - before):.1f} points", good, is_over)


def _arrow(change: float, words: str, good: int, is_over: bool) -> html.Div:
    """A change against the period before; one that is not over yet is neither better nor worse."""
    if math.isclose(change, 0, abs_tol=0.05):
        return html.Div("as the period before", className="change")
    up = change > 0
    kind = ("better" if (change > 0) == (good > 0) else "worse") if is_over else None
    return html.Div(
        [
            html.Span("▲ " if up else "▼ ", className=kind, **{"aria-hidden": "true"}),
            f"{'up' if up else 'down'} {words}{'' if is_over else ' so far'}",
        ],
        className="change",
        title="against the period before",
    )


def trend(days: list[dict[str, object]], span: tuple[date, date] | None, has_users: bool) -> dict[str, object]:
    """People (where they can be shown) above page loads, a day a mark. Both have their own scale, and share the dates.

    `span` is the first and last date of the axis.
    """
    ticks = {"nticks": 8}
    if span:
        first, last = (datetime(day.year, day.month, day.day) for day in span)
        ticks = {"range": [str(first - timedelta(hours=12)), str(last + timedelta(hours=12))]}
        ticks |= {"dtick": 86_400_000} if (last - first).days < 8 else {"nticks": 8}
    dates = [row["usage_date"].isoformat() for row in days]
    axis = {
        "fixedrange": True,
        "rangemode": "tozero",
        "zeroline": False,
        "nticks": 4,
        "tickformat": "~s",
        "automargin": True,
    }
    data = [
        {
            "type": "bar", "x": dates, "y": [row["page_loads"] for row in days], "name": "Page loads", "yaxis": "y2",
            "marker": {"color": _TEAL}, "hovertemplate": "%{y:,} page loads<extra></extra>",
        }
    ]  # fmt: skip
    if has_users:
        data.append(
            {
                "type": "scatter", "mode": "lines+markers", "x": dates, "y": [row["users"] for row in days], "name": "People",
                "line": {"color": _BLUE, "width": 2}, "marker": {"size": 5},
                "hovertemplate": "%{y:,} people<extra></extra>",
            }
        )  # fmt: skip
    titles = [("Page loads", 0.44 if has_users else 1.0)] + ([("People", 1.0)] if has_users else [])
    return {
        "data": data,
        "layout": {
            "height": 260, "margin": {"l": 44, "r": 12, "t": 22, "b": 28}, "hovermode": "x unified", "showlegend": False,
            "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "bargap": 0.35,
            "font": {"family": "inherit", "size": 12},
            "xaxis": {"fixedrange": True, "showgrid": False, "type": "date", "tickformat": "%-d %b", "anchor": "y2"} | ticks,
            "yaxis": axis | {"domain": [0.56, 1]} if has_users else {"visible": False},
            "yaxis2": axis | {"domain": [0, 0.44] if has_users else [0, 1]},
            "annotations": [
                {"text": text, "x": 0, "y": y, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom", "showarrow": False}
                for text, y in titles
            ],
        },
    }  # fmt: skip


def _span(inventory: Inventory, filters: Filters) -> tuple[date, date]:
    """The selected dates; of a school year, those with use."""
    district = inventory.options.districts[filters.district_id]
    if filters.period != "school_year" or not (district.first_day and district.last_day):
        return filters.first, filters.last
    return max(filters.first, district.first_day), max(filters.first, min(filters.last, district.last_day))


def _trend_words(days: list[dict[str, object]]) -> str:
    if not days:
        return "No use in these days."
    most = max(days, key=lambda row: row["page_loads"])
    return f"{len(days)} days with use; the most page loads on {long_day(most['usage_date'])}: {most['page_loads']:,}."


# Tables


def table(caption: str, headings: list[str], rows: list[list[object]], empty: str, numeric: int = 99) -> html.Div:
    """A table; columns from `numeric` on are numbers."""
    if not rows:
        return html.Div([html.H2(caption), html.P(empty, className="muted")], className="card")
    return html.Div(
        [
            html.H2(caption),
            html.Div(
                html.Table(
                    [
                        html.Thead(html.Tr([html.Th(h, scope="col", className="n" if i >= numeric else None) for i, h in enumerate(headings)])),
                        html.Tbody(
                            [
                                html.Tr([html.Td(cell, className="n" if i >= numeric else None) for i, cell in enumerate(row)])
                                for row in rows
                            ]
                        ),
                    ]
                ),
                className="scroll", tabIndex=0, role="region", **{"aria-label": caption},
            ),
        ],
        className="card",
    )  # fmt: skip


def _link(filters: Filters, row: dict[str, object]) -> dcc.Link:
    return dcc.Link(
        row["product_name"], href=f"/product{filters.as_query()}&product={row['product_key']}", refresh=False
    )


def _schools(inventory: Inventory, filters: Filters) -> html.Div:
    return _heat_map(
        inventory.by_school_and_grade(filters), inventory, filters, "Rostered people reached, by school and grade"
    )


def _heat_map(rows: list[dict[str, object]], inventory: Inventory, filters: Filters, caption: str) -> html.Div:
    """Schools down, grades across: how many people used something, the darker the larger their share of the rostered."""
    cells = {
        (row["school"], row["grade"]): row for row in rows if not row["is_every_school"] and not row["is_every_grade"]
    }
    names = {row["school"]: row["school_name"] for row in rows if row["school"] is not None}
    totals = {row["school"]: row for row in rows if row["is_every_grade"]}
    by_grade = {row["grade"]: row for row in rows if row["is_every_school"]}
    grades = [code for code in inventory.options.grades if code in by_grade]
    grades += [None] if None in by_grade else []
    if not names:
        return html.Div(
            [html.H2(caption), html.P("Nobody with a school in this selection. Choose other schools or grades, or another period.", className="muted")],
            className="card",
        )  # fmt: skip
    headings = [inventory.options.grades.get(code, code) if code else "No grade" for code in grades]
    body = [
        html.Tr(
            [html.Th(names[school], scope="row")]
            + [_cell(cells.get((school, code))) for code in grades]
            + [_cell(totals.get(school))]
        )
        for school in names
    ]
    foot = html.Tr([html.Th("All schools", scope="row")] + [_cell(by_grade[code]) for code in grades] + [html.Td("")])
    return html.Div(
        [
            html.H2(caption),
            html.P(
                "People with at least one page load; the colour tells their share of the people who were rostered there. "
                "Somebody in two schools or grades counts in each, so that rows and columns may add up to more than their total.",
                className="muted",
            ),
            html.Div(
                html.Table(
                    [
                        html.Thead(html.Tr([html.Th("School", scope="col"), *[html.Th(h, scope="col", className="n") for h in headings], html.Th("Any grade", scope="col", className="n")])),
                        html.Tbody([*body, foot]),
                    ],
                    className="heat",
                ),
                className="scroll", tabIndex=0, role="region", **{"aria-label": caption},
            ),
        ],
        className="card",
    )  # fmt: skip


def _cell(row: dict[str, object] | None) -> html.Td:
    if row is None or not (row["users"] or row["rostered"]):
        return html.Td("", className="n")
    share = min(1.0, row["users"] / row["rostered"]) if row["rostered"] else 0.0
    return html.Td(
        number(row["users"]),
        className="n cell",
        style={"--share": f"{share * 100:.0f}%"},
        title=f"{row['users']:,} people with use; {row['rostered']:,} rostered ({100 * share:.0f} %)",
    )


def _review(inventory: Inventory, filters: Filters) -> html.Div:
    products = inventory.products(filters)
    new = inventory.new_products(filters)
    headings = ["Product", "Status", "Privacy", "Students", "Educators", "Page loads"]

    def rows(found: list[dict[str, object]]) -> list[list[object]]:
        return [
            [_link(filters, p), p["product_status"] or p["status_group"], p["privacy_status"] or "–", number(p["students"]), number(p["educators"]), number(p["page_loads"])]
            for p in found
        ]  # fmt: skip

    fresh = sorted((p for p in products if p["product_key"] in new), key=lambda p: -p["page_loads"])
    unapproved = [p for p in products if not p["is_approved"]]
    begins = inventory.options.districts[filters.district_id].first_day
    early = begins is not None and begins >= filters.first
    return html.Div(
        [
            table(
                f"First used in {period_name(filters)}",
                ["Product", "First used", *headings[1:]],
                [[row[0], long_day(new[p["product_key"]]), *row[1:]] for p, row in zip(fresh, rows(fresh), strict=True)],
                "The district's usage begins in this period, so that nothing can be called new. Choose a later one."
                if early
                else "No product was used for the first time in this period.",
                4,
            ),
            table(
                f"Used without approval in {period_name(filters)}", headings, rows(unapproved[:100]),
                "Everything used in this selection is approved.", 3,
            ),
        ]
    )  # fmt: skip


def _coverage(inventory: Inventory, filters: Filters) -> html.Div:
    by_status = {row["roster_status"]: row for row in inventory.coverage(filters)}
    rate = inventory.match_rate(filters)
    loads = sum(row["page_loads"] for row in by_status.values())
    stranger, nobody = by_status.get("unrostered"), by_status.get("unidentified")
    return html.Div(
        [
            html.Div(
                [
                    _card("Users on the roster", percent(rate), html.Div("roster match rate", className="change"), "Rostered people among all with use"),
                    _card("Unrostered accounts", short(stranger["users"] if stranger else 0), html.Div(percent(100 * stranger["page_loads"] / loads if stranger else 0) + " of page loads", className="change"), "Accounts that no roster knows"),
                    _card("Unidentified use", percent(100 * nobody["page_loads"] / loads if nobody else 0 if loads else None), html.Div("of page loads", className="change"), "Nobody, or more than one person, could be meant"),
                ],
                className="cards",
            ),
            table(
                "Use by roster status", ["Status", "What it means", "People", "Page loads"],
                [[words, meaning, number(by_status[s]["users"]) if s != "unidentified" else "–", number(by_status[s]["page_loads"])] for s, (words, meaning) in _STATUSES.items() if s in by_status],
                "No use in this selection.", 2,
            ),
            table(
                f"Rostered people without a school or grade, on {long_day(inventory.last_day(filters))}",
                ["User type", "People", "Without school", "Without grade"],
                [[USER_TYPES[r["user_type"]], number(r["people"]), number(r["without_school"]), number(r["without_grade"])] for r in inventory.without_place(filters)],
                "Nobody was on the roster on that day.", 1,
            ),
            table(
                "Where unrostered accounts come from", ["E-mail domain", "Accounts", "Page loads"],
                [[r["email_domain"], number(r["users"]), number(r["page_loads"])] for r in inventory.unrostered_domains(filters)],
                "Every account in this selection is on the roster.", 1,
            ),
        ]
    )  # fmt: skip


def _quality(inventory: Inventory, filters: Filters) -> html.Div:
    district_id = filters.district_id
    return html.Div(
        [
            table(
                "Last accepted, by kind", ["Kind", "Date of the delivery", "Arrived (UTC)"],
                [[_KINDS.get(r["delivery_kind"], r["delivery_kind"]), long_day(r["last_date"]), f"{r['last_arrived']:%Y-%m-%d %H:%M}"] for r in inventory.freshness(district_id)],
                "No delivery was accepted yet.",
            ),
            table(
                "Findings of the roster rules", ["Rule", "Severity", "Last on", "Deliveries", "Findings"],
                [[html.Code(r["rule_id"]), r["severity"], long_day(r["last_date"]), number(r["deliveries"]), number(r["findings"])] for r in inventory.findings(district_id)],
                "Every rule was met by every delivery.", 3,
            ),
            table(
                "Newest deliveries", ["File", "Kind", "Date", "Verdict", "Rows", "Added", "Changed", "Removed", "Set aside"],
                [
                    [r["file_name"], _KINDS.get(r["delivery_kind"], r["delivery_kind"]), str(r["delivery_date"]), html.Span(r["verdict"], className=f"verdict {r['verdict']}"),
                     *[number(r[f"rows_{name}"]) for name in ("delivered", "added", "changed", "removed", "set_aside")]]
                    for r in inventory.deliveries(district_id)
                ],
                "No delivery has arrived yet.", 4,
            ),
        ]
    )  # fmt: skip


def _product(inventory: Inventory, filters: Filters, known: dict[str, object]) -> html.Div:
    key = known["product_key"]
    used = next(
        (row for row in inventory.products(replace(filters, statuses=(), search="")) if row["product_key"] == key), None
    )
    facts = [known["provider"], known["sector"], known["essential_function"]]
    heading = html.Div(
        [
            html.H2(known["product_name"], className="product-name"),
            html.P(" · ".join(fact for fact in facts if fact) or ("In no catalogue of the district" if not known["is_catalogued"] else "")),
            html.P(
                [
                    html.Span(known["product_status"] or known["status_group"], className="status-good" if known["is_approved"] else "status-bad"),
                    f" · privacy: {known['privacy_status'] or 'nothing known'}",
                    f" · first used {long_day(known['first_used'])}" if known["first_used"] else " · never used",
                ]
            ),
        ],
        className="card",
    )  # fmt: skip
    if used is None:
        words = f"No use in {period_name(filters)} under these filters. Choose another period, or clear the filters."
        return html.Div([heading, problem(words)])
    cards = html.Div(
        [
            _card("Students", short(used["students"]), html.Div("each counted once", className="change"), number(used["students"])),
            _card("Educators", short(used["educators"]), html.Div("each counted once", className="change"), number(used["educators"])),
            _card("Page loads", short(used["page_loads"]), html.Div(f"{number(used['active_minutes'])} minutes", className="change"), number(used["page_loads"])),
            _card("Access", percent(used["pct_access"]), html.Div("of rostered students, a day", className="change"), "pct_access"),
            _card("Engagement", "–" if used["engagement_index"] is None else f"{used['engagement_index']:,.1f}", html.Div("page loads by 1,000 students, a day", className="change"), "engagement_index"),
        ],
        className="cards",
    )  # fmt: skip
    days = inventory.product_trend(filters, key)
    graph = dcc.Graph(
        figure=trend(days, _span(inventory, filters), True),
        config={"displayModeBar": False, "responsive": True},
        style={"height": 260},
    )
    people = table(
        "Educators who use it most", ["Name", "E-mail", "Schools", "Days", "Page loads"],
        [[r["name"], html.A(r["email"], href=f"mailto:{r['email']}") if r["email"] else "–", r["schools"] or "–", number(r["active_days"]), number(r["page_loads"])] for r in inventory.educators(filters, key)],
        "No educator in this selection uses it.", 3,
    )  # fmt: skip
    cells = inventory.by_school_and_grade(filters, key)
    return html.Div(
        [
            heading, cards,
            html.Div([html.H2("Use by day"), graph, html.P(_trend_words(days), className="sr-only")], className="card"),
            _heat_map(cells, inventory, filters, f"Who uses {known['product_name']}, by school and grade"),
            people,
        ]
    )  # fmt: skip


# Around it


def problem(words: str) -> html.Div:
    return html.Div(words, className="notice")


def banner(inventory: Inventory, district_id: str, settings: Settings) -> object:
    """What of the data is older than it should be; nothing when all is as expected."""
    now, late = datetime.now(UTC).replace(tzinfo=None), []
    for row in inventory.freshness(district_id):
        if days := settings.days_late(row["delivery_kind"], row["last_arrived"], now):
            allowed = settings.freshness_days[row["delivery_kind"]]
            late.append(f"no {_KINDS.get(row['delivery_kind'])} for {days} days (expected within {allowed})")
    return html.Div("Data may be stale: " + "; ".join(late) + ".", className="notice") if late else None


def footer(inventory: Inventory, district: District) -> list[object]:
    words = f"Usage through {long_day(district.last_day)}. " if district.last_day else "No usage yet. "
    published = datetime.fromisoformat(inventory.version.published_at)
    return [words, f"Published {published:%Y-%m-%d %H:%M} UTC, version ", html.Code(inventory.version.name), "."]


# Export

_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")


def _safe(value: object) -> object:
    """A spreadsheet runs text that begins like a formula: an apostrophe keeps it text."""
    if isinstance(value, str) and value.lstrip(" \ufeff").startswith(_RISKY):
        return "'" + value
    return value


def as_csv(rows: list[dict[str, object]]) -> str:
    """What the products table shows, in its order: its columns, its headings, its rounding."""
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\r\n")
    writer.writerow([column["headerName"] for column in COLUMNS])
    for row in rows:
        values = [row.get(column["field"]) for column in COLUMNS]
        writer.writerow([_safe(round(value, 1) if isinstance(value, float) else value) for value in values])
    return "\ufeff" + sink.getvalue()
