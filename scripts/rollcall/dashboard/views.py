"""The pages: what each shows of the answers of `queries`."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from urllib.parse import parse_qs

from dash import dcc, html

from rollcall.dashboard import grid
from rollcall.dashboard.components import (
    SEVERITIES,
    VERDICTS,
    approval,
    card,
    change,
    chip,
    heat_map,
    long_day,
    number,
    percent,
    period_name,
    problem,
    short,
    status,
    table,
    trend,
    trend_words,
)
from rollcall.dashboard.filters import USER_TYPES, District, Filters
from rollcall.dashboard.queries import Inventory
from rollcall.settings import Settings

_POOL = ThreadPoolExecutor(4, "rollcall-dashboard")
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


def sections():
    """(id, label, content) of each view; all are there, one is visible."""
    graph = dcc.Graph(
        id="trend",
        figure=trend([], None, True),
        config={"displayModeBar": False, "responsive": True},
        style={"height": 260},
    )
    inventory = [
        html.Div(id="cards", className="cards"),
        html.Div(
            [
                html.Div([html.H2("Use by day"), graph, html.P(id="trend-words", className="sr-only")], className="card"),
                html.Div(id="approval", className="card"),
            ],
            className="split",
        ),
        html.Div(
            [
                html.Div(
                    [html.H2("Products"), html.Span(id="product-count", className="muted"), html.Button("Export CSV", id="export", className="quiet")],
                    className="row",
                ),
                grid.products(),
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
    "cards.children", "trend.figure", "trend-words.children", "approval.children", "products.rowData", "product-count.children",
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
        known = inventory.product(filters.district_id, key) if re.fullmatch("-?[0-9]{1,18}", key) else None
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
    then = inventory.before(filters)
    earlier, trended = _POOL.submit(inventory.headline, then), _POOL.submit(inventory.trend, filters)
    products = inventory.products(filters)
    now, before, days = inventory.headline(filters, products), earlier.result(), trended.result()
    has_users = not (filters.statuses or filters.search)
    is_over = filters.last <= (inventory.options.districts[filters.district_id].last_day or filters.last)
    than = f"{'' if is_over else ' so far'} vs {'the days before' if filters.period == 'custom' else period_name(then)}"

    def against(name: str, good: int = 1) -> html.Div:
        return change(now[name], before[name], name in ("reach", "unapproved"), good if is_over else 0, than)

    parts = {
        "cards.children": [
            card("Active users", short(now["users"]), against("users"), number(now["users"]) + " people with at least one page load"),
            card("Rostered users reached", percent(now["reach"]), against("reach"), "Of all people on the roster in these days, those with at least one page load"),
            card("Page loads", short(now["page_loads"]), against("page_loads"), number(now["page_loads"]) + " page loads"),
            card("Products in use", short(now["products"]), against("products"), number(now["products"]) + " products and uncatalogued domains"),
            card("Unapproved use", percent(now["unapproved"]), against("unapproved", -1), "Share of page loads on products that are not approved, or in no catalogue"),
        ],
        "trend.figure": trend(days, _span(inventory, filters), has_users),
        "trend-words.children": trend_words(days),
        "approval.children": approval(products),
        "products.rowData": grid.rows(products),
        "product-count.children": f"{len(products):,} in use, {period_name(filters)}",
        "inventory-note.children": _note(inventory, filters),
    }  # fmt: skip
    notice = None
    if not products:
        notice = problem(_no_use(inventory, filters))
    return Shown("inventory", parts, notice)


def _no_use(inventory: Inventory, filters: Filters) -> str:
    """What to do where there is nothing to see."""
    if inventory.options.districts[filters.district_id].last_day is None:
        return (
            "No usage of this district was accepted yet. Put usage files into its landing folder and run `rollcall refresh`; "
            "what was refused is under Data quality."
        )
    return f"No use in {period_name(filters)} under these filters. Choose another period, or clear the filters."


def _note(inventory: Inventory, filters: Filters) -> str:
    schools, grades = inventory.options.narrows(filters)
    if schools or grades:
        who = "People with a membership in " + " and ".join(
            words for words, there in (("a selected school", schools), ("a selected grade", grades)) if there
        )
        return f"{who} on the day of use. Somebody in two schools counts in each, and once in a total."
    return "Everybody: administrators of the district, educators added by hand and unrostered accounts included."


def _span(inventory: Inventory, filters: Filters) -> tuple[date, date]:
    """The selected dates; of a school year, those with use."""
    district = inventory.options.districts[filters.district_id]
    if filters.period != "school_year" or not (district.first_day and district.last_day):
        return filters.first, filters.last
    return max(filters.first, district.first_day), max(filters.first, min(filters.last, district.last_day))


def _link(filters: Filters, row: dict[str, object]) -> dcc.Link:
    return dcc.Link(
        row["product_name"], href=f"/product{filters.as_query()}&product={row['product_key']}", refresh=False
    )


def _schools(inventory: Inventory, filters: Filters) -> html.Div:
    return heat_map(
        inventory.by_school_and_grade(filters),
        inventory.options.districts[filters.district_id].grades,
        "Who is reached, by school and grade",
    )


def _review(inventory: Inventory, filters: Filters) -> html.Div:
    products = inventory.products(filters)
    new = inventory.new_products(filters)
    headings = ["Product", "Status", "Privacy", "Students", "Educators", "Page loads"]

    def rows(found: list[dict[str, object]]) -> list[list[object]]:
        return [
            [_link(filters, p), status(p), p["privacy_status"] or "–", number(p["students"]), number(p["educators"]), number(p["page_loads"])]
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
                f"Used without approval in {period_name(filters)}", headings, rows(unapproved),
                "Everything used in this selection is approved." if products else _no_use(inventory, filters), 3,
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
                    card("Users on the roster", percent(rate), html.Div("roster match rate", className="change"), "Rostered people among all with use"),
                    card("Unrostered accounts", short(stranger["users"] if stranger else 0), html.Div(percent(100 * stranger["page_loads"] / loads if stranger else 0) + " of page loads", className="change"), "Accounts that no roster knows"),
                    card("Unidentified use", percent(100 * nobody["page_loads"] / loads if nobody else 0 if loads else None), html.Div("of page loads", className="change"), "Nobody, or more than one person, could be meant"),
                ],
                className="cards",
            ),
            table(
                "Use by roster status", ["Status", "What it means", "People", "Page loads"],
                [[words, meaning, number(by_status[s]["users"]) if s != "unidentified" else "–", number(by_status[s]["page_loads"])] for s, (words, meaning) in _STATUSES.items() if s in by_status],
                "No use in this selection.", 2,
            ),
            table(
                f"Rostered people without a school or grade, on {long_day(inventory.options.last_day(filters))}",
                ["User type", "People", "Without school", "Without grade"],
                [[USER_TYPES[r["user_type"]], number(r["people"]), number(r["without_school"]), number(r["without_grade"])] for r in inventory.without_place(filters)],
                "Nobody was on the roster on that day.", 1,
            ),
            table(
                "Where unrostered accounts come from", ["E-mail domain", "Accounts", "Page loads"],
                [[r["email_domain"], number(r["users"]), number(r["page_loads"])] for r in inventory.unrostered_domains(filters)],
                "Every account in this selection is on the roster." if by_status else _no_use(inventory, filters), 1,
            ),
        ]
    )  # fmt: skip


def _quality(inventory: Inventory, filters: Filters) -> html.Div:
    district_id = filters.district_id
    verdicts = inventory.verdicts(district_id)
    words = {
        "accepted": "in the warehouse",
        "held": "waiting for somebody to release or discard them",
        "rejected": "refused, with a report of what to mend",
    }
    return html.Div(
        [
            html.P("Of the whole district, whatever the filters above say.", className="muted"),
            html.Div(
                [
                    card(f"Deliveries {verdict}", number(verdicts.get(verdict, 0)), html.Div(meaning, className="change"), f"Deliveries {verdict}")
                    for verdict, meaning in words.items()
                ],
                className="cards",
            ),
            table(
                "Last accepted, by kind", ["Kind", "Date of the delivery", "Arrived (UTC)"],
                [[_KINDS.get(r["delivery_kind"], r["delivery_kind"]), long_day(r["last_date"]), f"{r['last_arrived']:%Y-%m-%d %H:%M}"] for r in inventory.freshness(district_id)],
                "No delivery was accepted yet.",
            ),
            table(
                "Findings of the roster rules", ["Rule", "Severity", "The newest of them, and what to do", "Last on", "Deliveries", "Findings"],
                [
                    [html.Code(r["rule_id"]), chip(r["severity"], SEVERITIES.get(r["severity"], "plain")), html.Div([html.Div(r["message"]), html.Div(r["fix"], className="muted")], className="words"),
                     long_day(r["last_date"]), number(r["deliveries"]), number(r["findings"])]
                    for r in inventory.findings(district_id)
                ],
                "Every rule was met by every delivery.", 4,
            ),
            table(
                "Newest deliveries", ["File", "Kind", "Date", "Verdict", "Rows", "Added", "Changed", "Removed", "Set aside"],
                [
                    [r["file_name"], _KINDS.get(r["delivery_kind"], r["delivery_kind"]), str(r["delivery_date"]), chip(r["verdict"], VERDICTS.get(r["verdict"], "plain")),
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
            dcc.Link("← All products", href=f"/{filters.as_query()}", refresh=False, className="back"),
            html.Span(className="tile", **{"aria-hidden": "true", "data-letter": known["product_name"][:1]}),
            html.Div(
                [
                    html.H2(known["product_name"], className="product-name"),
                    html.P(" · ".join(fact for fact in facts if fact) or ("In no catalogue of the district" if not known["is_catalogued"] else "")),
                    html.P(
                        [
                            status(known),
                            chip(f"privacy: {known['privacy_status'] or 'nothing known'}"),
                            chip(f"first used {long_day(known['first_used'])}" if known["first_used"] else "never used"),
                        ],
                        className="chips",
                    ),
                    html.P(_seen_on(inventory.hosts(key)), className="muted"),
                ]
            ),
        ],
        className="card product-head",
    )  # fmt: skip
    if used is None:
        return html.Div([heading, problem(_no_use(inventory, filters))])
    cards = html.Div(
        [
            card("Students", short(used["students"]), html.Div("each counted once", className="change"), number(used["students"])),
            card("Educators", short(used["educators"]), html.Div("each counted once", className="change"), number(used["educators"])),
            card("Page loads", short(used["page_loads"]), html.Div(f"{number(used['active_minutes'])} minutes", className="change"), number(used["page_loads"])),
            card("Access", percent(used["pct_access"]), html.Div("of rostered students, a day", className="change"), "pct_access"),
            card("Engagement", "–" if used["engagement_index"] is None else f"{used['engagement_index']:,.1f}", html.Div("page loads by 1,000 students, a day", className="change"), "engagement_index"),
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
            html.Div([html.H2("Use by day"), graph, html.P(trend_words(days), className="sr-only")], className="card"),
            heat_map(cells, inventory.options.districts[filters.district_id].grades, f"Who uses {known['product_name']}, by school and grade"),
            people,
        ]
    )  # fmt: skip


def _seen_on(hosts: list[str]) -> str:
    shown, more = hosts[:8], len(hosts) - 8
    return f"Seen at {', '.join(shown)}{f' and {more:,} more' if more > 0 else ''}" if hosts else "Seen nowhere yet"


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
