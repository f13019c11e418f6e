"""The pages: what each shows of the answers of `privacy`."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from statistics import median
from urllib.parse import parse_qs, quote, urlencode
from zoneinfo import ZoneInfo

from dash import dcc, html

from rollcall.dashboard import heat, sheets
from rollcall.dashboard.components import (
    SEVERITIES,
    VERDICTS,
    Later,
    approval,
    card,
    change,
    chip,
    long_day,
    number,
    percent,
    period_name,
    problem,
    sentence,
    short,
    status,
    table,
    trend,
    trend_words,
)
from rollcall.dashboard.filters import USER_TYPES, District, Filters
from rollcall.dashboard.scope import Figures

_POOL = ThreadPoolExecutor(4, "rollcall-dashboard")
_KINDS = {
    "oneroster": "OneRoster", "schools": "school list", "educators": "educator template", "students": "student template",
    "members": "member list", "access": "access list", "products": "product catalog", "usage": "usage",
}  # fmt: skip
_STATUSES = {
    "rostered": ("On the roster", "On the roster and enabled on the day of use."),
    "member": ("Added manually", "Educators added manually who are not on a roster yet."),
    "unrostered": ("Not on the roster", "Accounts that no roster lists on the day of use."),
    "unidentified": ("Unidentified", "Use that matches no person, or more than one; counted as page loads only."),
}
# As a sentence begins with them.
_KIND_NAMES = {kind: name[0].upper() + name[1:] for kind, name in _KINDS.items()}
_ALL = ("schools", "grades", "types", "statuses", "search")
# The filters that each page goes by; the others are not shown there.
USES = {
    "/": _ALL, "/schools": ("schools", "grades", "statuses", "search"), "/review": _ALL, "/coverage": _ALL, "/quality": (), "/members": (),
    "/product": ("schools", "grades", "types"), "/school": (), "/wall": (), "/compare": ("grades", "types"),
}  # fmt: skip


@dataclass
class Shown:
    """One answer: the section that is visible, the properties to set, and what the address needs beside the filters."""

    section: str | None
    parts: dict[str, object] = field(default_factory=dict)
    notice: object = None
    more: str = ""
    title: str = ""


def sections():
    """(id, label, content) of each view; all are there, one is visible."""
    inventory = [
        html.Div(id="cards", className="cards"),
        html.Div(
            [
                html.Div([html.H2("Use by day"), html.Div(id="trend-graph", className="graph"), html.P(id="trend-words", className="sr-only")], className="card"),
                html.Div(id="approval", className="card"),
            ],
            className="split",
        ),
        Later(sheets.card("products", "Products", sheets.PRODUCTS)),
        html.P(id="inventory-note", className="muted"),
    ]  # fmt: skip
    return [
        ("inventory", "Inventory", inventory),
        ("school-view", "Schools and grades", Later([html.Div(id="measures"), heat.card()], "/schools")),
        (
            "review-view",
            "New and unapproved products",
            Later([sheets.card("new", "New products", sheets.NEW), sheets.card("unapproved", "Used without approval", sheets.UNAPPROVED)], "/review"),
        ),
        ("coverage-view", "Roster coverage", html.Div(id="coverage")),
        ("members-view", "Members", html.Div(id="office-members")),
        ("quality-view", "Deliveries", [html.Div(id="problems"), html.Div(id="office-deliveries"), html.Div(id="quality")]),
        ("product-view", "Product", html.Div(id="product")),
        ("one-school-view", "School", html.Div(id="school")),
        ("wall-view", "Wall", html.Div(id="wall")),
        ("compare-view", "Compare", html.Div(id="compare")),
    ]  # fmt: skip


def _graph(figure: dict, height: str = "260px", name: str | None = None) -> dcc.Graph:
    return dcc.Graph(
        figure=figure,
        config={"displayModeBar": False, "responsive": True},
        style={"height": height},
        **({"id": name} if name else {}),
    )


PARTS = (
    "cards.children", "trend-graph.children", "trend-words.children", "approval.children", "products.rowData", "products.style",
    "products-count.children", "products-note.children", "inventory-note.children", "measures.children", "heat.columnDefs", "heat.rowData", "heat.dashGridOptions", "heat-legend.children",
    "heat-title.children", "new.rowData", "new.style", "new-count.children", "new-note.children", "unapproved.rowData",
    "unapproved.style", "unapproved-count.children", "unapproved-note.children", "coverage.children", "problems.children", "quality.children", "product.children", "school.children", "wall.children",
    "compare.children",
)  # fmt: skip


def kept(filters: Filters, path: str) -> Filters:
    """The filters that the page goes by, and none of the others."""
    uses = USES.get(path, _ALL)
    names = {"schools": "schools", "grades": "grades", "types": "user_types", "statuses": "statuses"}
    cleared = {attribute: () for name, attribute in names.items() if name not in uses}
    return replace(filters, **cleared, **({} if "search" in uses else {"search": ""}))


def show(figures: Figures, filters: Filters, path: str, query: str) -> Shown:
    """The answer for one page and selection."""
    pages = {
        "/": _inventory, "/schools": _schools, "/review": _review, "/coverage": _coverage, "/quality": _quality, "/members": _members,
        "/product": _product, "/school": _school, "/wall": _wall, "/compare": _compare,
    }  # fmt: skip
    if path not in pages or not figures.has_page(path, filters.district_id):
        return Shown(None, notice=problem("There is no such page. Choose one above."))
    filters = kept(filters, path)
    if path not in ("/quality", "/members") and figures.too_few(filters):
        return Shown(None, notice=problem(_too_few(figures)))
    return pages[path](figures, filters, {name: values for name, values in parse_qs(query.removeprefix("?")).items()})


def selection(figures: Figures, filters: Filters, path: str, title: str) -> str:
    """What a page is about, in a sentence; those on deliveries and members are about none of the filters."""
    subject = title if path in ("/product", "/school") else ""
    is_of_filters = path not in ("/quality", "/members")
    return sentence(figures.options, filters, USES.get(path, ()), subject) if is_of_filters else ""


def _too_few(figures: Figures) -> str:
    return (
        f"This selection covers fewer than {figures.threshold} students, or its figures would reveal those of so few. "
        "Figures about so few students are hidden. Choose more schools or grades, or a longer period."
    )


# Inventory


def _against(figures: Figures, filters: Filters):
    """The earlier days, their name, and how a figure changed since."""
    then, why = figures.before(filters)
    return then, (f"{period_name(then)}" if then else why)


def _inventory(figures: Figures, filters: Filters, _asked: dict) -> Shown:
    # Asked side by side: each has parts that only one core works on.
    then, than = _against(figures, filters)
    earlier = _POOL.submit(figures.headline_alone, then) if then else None
    trended = _POOL.submit(figures.trend, filters)
    products = figures.products(filters)
    now, before, days = figures.headline(filters, products), earlier.result() if earlier else {}, trended.result()
    has_users = not (filters.statuses or filters.search)
    few = figures.few

    def against(name: str, good: int) -> html.Div:
        if not then:
            return html.Div(than, className="change")
        return change(now[name], before[name], name in ("reach", "unapproved"), good, than)

    parts = {
        "cards.children": [
            card("Active users", few if now.get("few") else short(now["users"]), against("users", 1), number(now["users"]) + " people with at least one page load"),
            card("Rostered users reached", few if now.get("few") else percent(now["reach"]), against("reach", 1), "Of the people on the roster on these dates, the share with at least one page load"),
            card("Page loads", short(now["page_loads"]), against("page_loads", 0), number(now["page_loads"]) + " page loads"),
            card("Products in use", short(now["products"]), against("products", 0), number(now["products"]) + " products, including domains that no catalog lists"),
            card("Unapproved use", percent(now["unapproved"]), against("unapproved", -1), "Share of page loads on products that are not approved or not in the catalog"),
        ],
        "trend-graph.children": _graph(trend(days, _span(figures, filters), has_users), name="trend"),
        "trend-words.children": trend_words(days),
        "approval.children": approval(products),
        "products.rowData": sheets.product_rows(products, sheets.PRODUCTS),
        "products.style": sheets.style(len(products)),
        "products-count.children": f"{len(products):,} in use, {period_name(filters)}",
        "products-note.children": None if products else _NO_USE,
        "inventory-note.children": _note(figures, filters),
    }  # fmt: skip
    return Shown("inventory", parts, None if products else problem(_no_use(figures, filters)), title="Inventory")


_NO_USE = "No use in this selection."


def _no_use(figures: Figures, filters: Filters) -> str:
    """What to do where there is nothing to see."""
    if figures.options.districts[filters.district_id].last_day is None:
        return (
            "No usage has been accepted for this district yet. Put usage files in its landing folder and run `rollcall refresh`. "
            "Deliveries lists what was rejected."
        )
    return f"No use in {period_name(filters)} with these filters. Choose another period, or clear the filters."


def _note(figures: Figures, filters: Filters) -> str:
    schools, grades = figures.options.narrows(filters)
    if schools or grades:
        who = "People with a membership in " + " and ".join(
            words for words, there in (("a selected school", schools), ("a selected grade", grades)) if there
        )
        note = f"{who} on the day of use. A person in two schools counts in each, and once in a total."
    else:
        note = "Everyone, including district administrators, educators added manually, and accounts that are not on the roster."
    if figures.threshold:
        note += f" Counts of fewer than {figures.threshold} students are hidden ({figures.few}), and so are counts that would reveal them (*)."
    return note


def _span(figures: Figures, filters: Filters) -> tuple[date, date]:
    """The selected dates; of a school year, those with use."""
    district = figures.options.districts[filters.district_id]
    if filters.period != "school_year" or not (district.first_day and district.last_day):
        return filters.first, filters.last
    return max(filters.first, district.first_day), max(filters.first, min(filters.last, district.last_day))


def _link(filters: Filters, row: dict[str, object]) -> dcc.Link:
    return dcc.Link(
        row["product_name"], href=f"/product{filters.as_query()}&product={row['product_key']}", refresh=False
    )


# Schools and grades


def measure_of(asked: dict) -> str:
    name = asked.get("measure", [""])[0]
    return name if name in heat.MEASURES else next(iter(heat.MEASURES))


def school_days(figures: Figures, filters: Filters) -> int:
    return sum(filters.first <= day <= filters.last for day in figures.school_days(filters.district_id))


def _schools(figures: Figures, filters: Filters, asked: dict) -> Shown:
    measure = measure_of(asked)
    rows = figures.places(replace(filters, user_types=("student",)))
    grades = figures.options.districts[filters.district_id].grades
    drawn = heat.draw(rows, grades, measure, school_days(figures, filters))
    links = [
        dcc.Link(words.name, href=f"/schools{filters.as_query()}&measure={name}", refresh=False, className="tab chosen" if name == measure else "tab")
        for name, words in heat.MEASURES.items()
    ]  # fmt: skip
    products = sentence(figures.options, replace(filters, schools=(), grades=()), ("statuses", "search")).split(";")[0]
    title = (
        f"{heat.MEASURES[measure].title}. {products}"
        if filters.statuses or filters.search
        else heat.MEASURES[measure].title
    )
    parts = {
        "measures.children": html.Div(links, className="tabs", role="navigation", **{"aria-label": "Measures"}),
        "heat.columnDefs": drawn.columns, "heat.rowData": drawn.rows, "heat.dashGridOptions": heat.OPTIONS
        | {"pinnedTopRowData": drawn.totals, "domLayout": "autoHeight" if len(drawn.rows) <= 20 else "normal"},
        "heat-legend.children": drawn.legend, "heat-title.children": title,
    }  # fmt: skip
    notice = (
        None
        if drawn.rows
        else problem("No students with a school in this selection. Choose other schools or grades, or another period.")
    )
    return Shown("school-view", parts, notice, more=f"&measure={measure}", title="Schools and grades")


# New and unapproved


def reviewed(figures: Figures, filters: Filters) -> tuple[list[dict], list[dict]]:
    """The rows of both tables: first used in these days, and used without approval."""
    products, new = figures.products(filters), figures.new_products(filters)
    days = {key: {"first_used": day.isoformat()} for key, day in new.items()}
    fresh = [p for p in products if p["product_key"] in new]
    unapproved = [p for p in products if not p["is_approved"]]
    return sheets.product_rows(fresh, sheets.NEW, days), sheets.product_rows(unapproved, sheets.UNAPPROVED)


def _review(figures: Figures, filters: Filters, _asked: dict) -> Shown:
    fresh, unapproved = reviewed(figures, filters)
    used = figures.products(filters)
    begins = figures.options.districts[filters.district_id].first_day
    early = begins is not None and begins >= filters.first
    none = "No product was used for the first time in this period."
    if early:
        none = "The district's usage begins in this period, so nothing counts as new. Choose a later period."
    parts = {
        "new.rowData": fresh,
        "new.style": sheets.style(len(fresh)),
        "unapproved.style": sheets.style(len(unapproved)),
        "new-count.children": f"{len(fresh):,} first used in {period_name(filters)}",
        "new-note.children": None if fresh else none if used else _NO_USE,
        "unapproved.rowData": unapproved,
        "unapproved-count.children": f"{len(unapproved):,} in {period_name(filters)}",
        "unapproved-note.children": None
        if unapproved
        else "Every product used in this selection is approved."
        if used
        else _NO_USE,
    }
    notice = None if used else problem(_no_use(figures, filters))
    return Shown("review-view", parts, notice, title="New and unapproved")


def _coverage(figures: Figures, filters: Filters, _asked: dict) -> Shown:
    by_status = {row["roster_status"]: row for row in figures.coverage(filters)}
    rate = figures.match_rate(filters)
    loads = sum(row["page_loads"] for row in by_status.values())
    stranger, nobody = by_status.get("unrostered"), by_status.get("unidentified")
    few = figures.few

    def count(value: int | None) -> str:
        return few if value is None else number(value)

    content = html.Div(
        [
            html.Div(
                [
                    card("Users on the roster", few if rate is None and loads else percent(rate), html.Div("roster match rate", className="change"), "Of the people with use, the share on the roster"),
                    card("Unrostered accounts", short(stranger["users"] if stranger else 0), html.Div(percent(100 * stranger["page_loads"] / loads if stranger else 0) + " of page loads", className="change"), "Accounts that no roster lists on the day of use"),
                    card("Unidentified use", percent(100 * nobody["page_loads"] / loads if nobody else 0 if loads else None), html.Div("of page loads", className="change"), "Use that matches no person, or more than one"),
                ],
                className="cards",
            ),
            table(
                "coverage-status", "Use by roster status", ["Status", "What it means", "People", "Page loads"],
                [[words, meaning, count(by_status[s]["users"]) if s != "unidentified" else "–", number(by_status[s]["page_loads"])] for s, (words, meaning) in _STATUSES.items() if s in by_status],
                _NO_USE, 2,
            ),
            table(
                "coverage-places", f"Rostered people without a school or grade on {long_day(figures.options.last_day(filters))}",
                ["User type", "People", "Without school", "Without grade"],
                [[USER_TYPES[r["user_type"]], count(r["people"]), count(r["without_school"]), count(r["without_grade"])] for r in figures.without_place(filters)],
                "No one was on the roster on that day.", 1,
            ),
            table(
                "coverage-domains", "Email domains of accounts not on the roster", ["Email domain", "Accounts", "Page loads"],
                [[r["email_domain"], number(r["users"]), number(r["page_loads"])] for r in figures.unrostered_domains(filters)],
                "Every account in this selection is on the roster." if by_status else _no_use(figures, filters), 1,
            ),
        ]
    )  # fmt: skip
    return Shown("coverage-view", {"coverage.children": content}, title="Roster coverage")


# Members, and deliveries: what is not of the published version alone comes from `/office/`, which `assets/office.js` asks


def _members(_figures: Figures, _filters: Filters, _asked: dict) -> Shown:
    return Shown("members-view", title="Members")


def open_problems(figures: Figures, district_id: str) -> list[list[object]]:
    """What needs someone now, as the rows of a table: held, rejected and failed deliveries, and kinds that are late."""
    zone = ZoneInfo(figures.options.districts[district_id].time_zone)
    rows = [
        [r["file_name"], _KINDS.get(r["delivery_kind"], r["delivery_kind"]), moment(r["arrived_at"], zone), _verdict(r["verdict"]),
         html.Div([html.Div(r["message"] or "The report names no finding."), html.Div(r["fix"], className="muted"), _report(district_id, r)], className="words")]
        for r in figures.open_problems(district_id)
    ]  # fmt: skip
    rows += [
        ["–", _KINDS.get(kind, kind), f"data through {long_day(last)}", _verdict("late"),
         html.Div([html.Div(f"{_KIND_NAMES.get(kind, kind)} data is {days:,} days old; expected within {allowed:,} days."),
                   html.Div("Ask the district for a newer delivery.", className="muted")], className="words")]
        for kind, last, days, allowed in late(figures, district_id)
    ]  # fmt: skip
    return rows


def _verdict(verdict: str) -> html.Span:
    return chip(verdict, VERDICTS.get(verdict, "warn"))


def _report(district_id: str, row: dict[str, object]) -> html.A:
    return html.A(
        "Open the report", href=f"/report/{quote(row['delivery_id'], safe='')}?district={quote(district_id, safe='')}", target="_blank",
        **{"aria-label": f"Open the report on {row['file_name']}"},
    )  # fmt: skip


def _quality(figures: Figures, filters: Filters, _asked: dict) -> Shown:
    district_id = filters.district_id
    zone = ZoneInfo(figures.options.districts[district_id].time_zone)
    verdicts = figures.verdicts(district_id)
    words = {
        "accepted": "in the warehouse",
        "held": "waiting for a decision",
        "rejected": "each with a report of what to fix",
    }
    problems = html.Div(
        [
            table(
                "quality-open", "Open problems", ["File", "Kind", "Arrived", "Verdict", "What is wrong and what to do"], open_problems(figures, district_id),
                "No open problems. Every held or rejected delivery has been replaced or closed, and no data is late.",
            ),
            table(
                "quality-unusable", "Rows set aside from the newest deliveries", ["File", "Kind", "Date of data", "Most frequent reason and what to do", "Rows", "Set aside"],
                [
                    [r["file_name"], _KINDS.get(r["delivery_kind"], r["delivery_kind"]), long_day(r["delivery_date"]),
                     html.Div([html.Div(r["message"] or "–"), html.Div(r["fix"], className="muted")], className="words"), number(r["rows_delivered"]), number(r["rows_set_aside"])]
                    for r in figures.set_aside(district_id)
                ],
                "Every row of the newest delivery of each kind was used.", 4,
            ),
        ]
    )  # fmt: skip
    history = html.Div(
        [
            html.Div(
                [
                    card(f"Deliveries {verdict}", number(verdicts.get(verdict, 0)), html.Div(meaning, className="change"), f"Deliveries {verdict}")
                    for verdict, meaning in words.items()
                ],
                className="cards",
            ),
            table(
                "quality-kinds", "Last accepted, by kind", ["Kind", "Date of data", "Arrived"],
                [[_KIND_NAMES.get(r["delivery_kind"], r["delivery_kind"]), long_day(r["last_date"]), moment(r["last_arrived"], zone)] for r in figures.freshness(district_id)],
                "No delivery has been accepted yet.",
            ),
            *_school_check(figures, district_id),
            table(
                "quality-findings", "Findings by rule", ["Rule", "Severity", "Newest finding and what to do", "Last on", "Deliveries", "Findings"],
                [
                    [html.Code(r["rule_id"]), chip(r["severity"], SEVERITIES.get(r["severity"], "plain")), html.Div([html.Div(r["message"]), html.Div(r["fix"], className="muted")], className="words"),
                     long_day(r["last_date"]), number(r["deliveries"]), number(r["findings"])]
                    for r in figures.findings(district_id)
                ],
                "Every delivery met every rule.", 4,
            ),
            table(
                "quality-deliveries", "Newest deliveries", ["File", "Kind", "Date of data", "Verdict", "Rows", "Added", "Changed", "Removed", "Set aside"],
                [
                    [r["file_name"], _KINDS.get(r["delivery_kind"], r["delivery_kind"]), long_day(r["delivery_date"]), _verdict(r["verdict"]),
                     *[number(r[f"rows_{name}"]) for name in ("delivered", "added", "changed", "removed", "set_aside")]]
                    for r in figures.deliveries(district_id)
                ],
                "No delivery has arrived yet.", 4,
            ),
        ]
    )  # fmt: skip
    return Shown("quality-view", {"problems.children": problems, "quality.children": history}, title="Deliveries")


_MATCHES = {
    "id": "By its id", "identifier": "By its identifier", "name": "By its name",
    "made": "No roster or list of schools has it, so it became a school of its own",
    "closest": "No school has this name; its rows were set aside",
    "ambiguous": "Several schools have this name; its rows were set aside",
    "unmatched": "No school has this name; its rows were set aside",
}  # fmt: skip


def _school_check(figures: Figures, district_id: str) -> list[html.Div]:
    """How the schools of the templates were matched; nothing for a district that sends none."""
    rows = figures.school_names(district_id)
    if not rows:
        return []
    return [
        table(
            "quality-schools", "Schools named in templates", ["File", "School as written", "Counts as", "How it was matched", "Date"],
            [
                [_KINDS[r["template"]], " · ".join(filter(None, (r["school_id"], r["school_name"]))),
                 r["org_name"] or (f"Closest: {r['closest_org_name']}" if r["closest_org_name"] else "–"),
                 _MATCHES[r["match_type"]], long_day(r["delivery_date"])]
                for r in rows
            ],
            "",
        )
    ]  # fmt: skip


def moment(at: datetime, zone: ZoneInfo) -> str:
    """A UTC time as the district's clocks show it."""
    there = at.replace(tzinfo=UTC).astimezone(zone)
    return f"{long_day(there)}, {there:%I:%M %p %Z}".replace(", 0", ", ")


# One product


def _product(figures: Figures, filters: Filters, asked: dict) -> Shown:
    key = asked.get("product", [""])[0]
    known = figures.product(filters, key) if re.fullmatch("-?[0-9]{1,18}", key) else None
    if known is None:
        return Shown(None, notice=problem("This district has no such product. Choose one from the inventory."))
    used = next(iter(figures.products(filters, key)), None)
    facts = [known["provider"], known["sector"], known["essential_function"]]
    heading = html.Div(
        [
            dcc.Link("← All products", href=f"/{filters.as_query()}", refresh=False, className="back"),
            html.Span(className="tile", **{"aria-hidden": "true", "data-letter": known["product_name"][:1]}),
            html.Div(
                [
                    html.H2(known["product_name"], className="product-name"),
                    html.P(" · ".join(fact for fact in facts if fact) or ("Not in the district's catalog" if not known["is_catalogued"] else "")),
                    html.P(
                        [
                            status(known),
                            chip(f"Privacy: {known['privacy_status'] or 'unknown'}"),
                            chip(f"First used {long_day(known['first_used'])}" if known["first_used"] else "Never used"),
                        ],
                        className="chips",
                    ),
                    _seen_on(figures.hosts(filters, key)),
                ]
            ),
        ],
        className="card product-head",
    )  # fmt: skip
    shown = Shown("product-view", more=f"&product={key}", title=known["product_name"])
    if used is None:
        shown.parts["product.children"] = html.Div([heading, problem(_no_use(figures, filters))])
        return shown
    few = used["few"]
    cards = html.Div(
        [
            card("Students", few or short(used["students"]), html.Div("each counted once", className="change"), few or number(used["students"])),
            card("Educators", short(used["educators"]), html.Div("each counted once", className="change"), number(used["educators"])),
            card("Page loads", short(used["page_loads"]), html.Div(f"{number(used['active_minutes'])} minutes", className="change"), number(used["page_loads"])),
            card("Access", few or percent(used["pct_access"]), html.Div("of rostered students on an average school day", className="change"), "pct_access"),
            card("Engagement", few or ("–" if used["engagement_index"] is None else f"{used['engagement_index']:,.1f}"), html.Div("page loads per 1,000 students on an average school day", className="change"), "engagement_index"),
        ],
        className="cards",
    )  # fmt: skip
    days = figures.product_trend(filters, key)
    places = figures.places(replace(filters, user_types=("student",)), key)
    shown.parts["product.children"] = html.Div(
        [
            heading, cards,
            html.Div([html.H2("Use by day"), _graph(trend(days, _span(figures, filters), True)), html.P(trend_words(days), className="sr-only")], className="card"),
            _by_school(figures, filters, known["product_name"], places),
            _educators(figures, filters, key),
        ]
    )  # fmt: skip
    return shown


def _by_school(figures: Figures, filters: Filters, name: str, places: list[dict]) -> html.Div:
    """Students of each school that use a product: all of them first, then the most."""
    rows = sorted(
        (row for row in places if row["is_every_grade"] and (row["users"] or row["few"])),
        key=lambda row: (not row["is_every_school"], -(row["users"] or 0), row["school_name"] or ""),
    )
    return table(
        "product-schools", f"Students who use {name}, by school",
        ["School", ("Students", "Students with at least one page load"), "On the roster", ("Access", "Share of rostered students with a page load on an average school day")],
        [
            [
                "All schools" if row["is_every_school"] else dcc.Link(row["school_name"], href=f"/school{filters.as_query()}&{urlencode({'at': row['school']})}", refresh=False),
                row["few"] or number(row["users"]), row["few"] or number(row["rostered"]), row["few_active"] or percent(row["pct_access"]),
            ]
            for row in rows
        ],
        "No student with a school uses it in this selection.", 1,
    )  # fmt: skip


def _educators(figures: Figures, filters: Filters, key: str) -> html.Div:
    rows = figures.educators(filters, [key])[key]
    emails = [row["email"] for row in rows if row["email"]]
    copy = html.Button("Copy email addresses", className="quiet copy", **{"data-copy": "; ".join(emails)})
    return table(
        "product-educators", "Educators who use it most", ["Name", "Email", "Schools", "Days", "Page loads"],
        [[r["name"], html.A(r["email"], href=f"mailto:{r['email']}") if r["email"] else "–", r["schools"] or "–", number(r["active_days"]), number(r["page_loads"])] for r in rows],
        "No educator in this selection uses it.", 3, *([copy] if emails else []),
    )  # fmt: skip


def _seen_on(hosts: list[str] | None) -> html.P | None:
    if hosts is None:
        return None
    shown, more = hosts[:8], len(hosts) - 8
    words = f"Used at {', '.join(shown)}{f' and {more:,} more' if more > 0 else ''}" if hosts else "No use yet"
    return html.P(words, className="muted")


# One school


def _school(figures: Figures, filters: Filters, asked: dict) -> Shown:
    """What a principal needs on Monday, on one printed page."""
    at = asked.get("at", [""])[0]
    district = figures.options.districts[filters.district_id]
    if at not in district.schools:
        return Shown(None, notice=problem("This district has no such school. Choose one under Schools and grades."))
    here = replace(filters, schools=(at,))
    shown = Shown("one-school-view", more="&" + urlencode({"at": at}), title=district.schools[at])
    if figures.too_few(here):
        return replace(shown, section=None, notice=problem(_too_few(figures)))
    students = replace(filters, user_types=("student",))
    then, than = figures.before(students)
    than = period_name(then, is_short=True) if then else than
    now, before = figures.places(students), figures.places(then) if then else []
    days = school_days(figures, filters)
    products = figures.products(here)
    earlier = (
        {row["product_key"]: row for row in figures.products(replace(then, schools=(at,), user_types=()))}
        if then
        else {}
    )
    content = html.Div(
        [
            html.Div([dcc.Link("← All schools", href=f"/schools{filters.as_query()}", refresh=False, className="back"), html.Div([html.H2(district.schools[at], className="product-name"), html.P(f"{period_name(filters)}, {days} school day{'' if days == 1 else 's'}", className="muted")])], className="card product-head"),
            _grades_of(figures, at, district, now, before, days, than),
            html.Div(
                [
                    table("school-products", "Top products", ["Product", "Status", "Students", "Page loads"], [[_link(filters, p), status(p), p["few"] or number(p["students"]), number(p["page_loads"])] for p in products[:10]], _no_use(figures, here), 2),
                    _moves(filters, products, earlier, than, bool(then)),
                ],
                className="halves",
            ),
            _to_ask(figures, here, filters, products),
        ]
    )  # fmt: skip
    shown.parts["school.children"] = content
    return shown


def _grades_of(
    figures: Figures, at: str, district: District, now: list[dict], before: list[dict], days: int, than: str
) -> html.Div:
    """Students active by grade, against like days before and against the district's schools."""

    def of(rows: list[dict], school: str) -> dict:
        return {("every" if row["is_every_grade"] else row["grade"]): row for row in rows if row["school"] == school}

    here, then = of(now, at), of(before, at)
    shares: dict[object, list[float]] = {}
    for row in now:
        if not row["is_every_school"] and row["pct_access"] is not None:
            shares.setdefault("every" if row["is_every_grade"] else row["grade"], []).append(row["pct_access"])
    rows, has_past = [], any(row.get("pct_access") is not None for row in then.values())
    for grade, name in [("every", "All grades"), *district.grades.items(), (None, "No grade")]:
        row = here.get(grade)
        if row is None:
            continue
        few, past, typical = row["few_active"], then.get(grade, {}).get("pct_access"), shares.get(grade, [])
        active = None if few else row["student_days"] / days if days else None
        gain = None if row["pct_access"] is None or past is None else row["pct_access"] - past
        rows.append(
            [name, row["few"] or number(row["rostered"]), few or number(active), few or percent(row["pct_access"]),
             *(["–" if gain is None else f"{round(gain, 1) + 0:+.1f} points"] if has_past else []), percent(median(typical)) if len(typical) > 1 else "–"]
        )  # fmt: skip
    headings = [
        "Grade",
        "On the roster",
        ("Students active", "Students with a page load on an average school day"),
        ("Share", "Students active as a share of those on the roster"),
    ]
    headings += [(f"Change from {than}", "Of the share, in percentage points")] if has_past else []
    return table(
        "school-grades", "Students active on an average school day", [*headings, ("District median", "The median share of the district's schools") if district.is_whole else ("Median", "The median share of the schools that you see")],
        rows, "No student of this school is on the roster on these dates.", 1,
    )  # fmt: skip


def _moves(filters: Filters, products: list[dict], earlier: dict[str, dict], than: str, compared: bool) -> html.Div:
    """What rose and fell most, in page loads."""
    moved = sorted(
        ((p["page_loads"] - earlier.get(p["product_key"], {}).get("page_loads", 0), p) for p in products),
        key=lambda each: each[0],
    )
    picked = [each for each in reversed(moved[-5:]) if each[0] > 0] + [each for each in moved[:5] if each[0] < 0]
    return table(
        "school-moves", "Rises and falls", ["Product", "Page loads", (f"Change from {than}", "In page loads")],
        [[_link(filters, p), number(p["page_loads"]), f"{by:+,}"] for by, p in picked] if compared else [],
        "No product rose or fell." if compared else f"{than}.", 1,
    )  # fmt: skip


def _to_ask(figures: Figures, here: Filters, filters: Filters, products: list[dict]) -> html.Div:
    """New or unapproved products, with the educators who can say why."""
    new = figures.new_products(filters)
    picked = [p for p in products if p["product_key"] in new or not p["is_approved"]][:8]
    educators, rows = figures.educators(here, [p["product_key"] for p in picked], 3), []
    for p in picked:
        people = educators[p["product_key"]]
        names = [html.A(r["name"], href=f"mailto:{r['email']}") if r["email"] else html.Span(r["name"]) for r in people]
        rows.append(
            [
                _link(filters, p),
                status(p),
                chip("New") if p["product_key"] in new else "–",
                html.Div([part for name in names for part in (name, ", ")][:-1] or "–", className="words"),
                number(p["page_loads"]),
            ]
        )
    return table(
        "school-ask", "New or unapproved, with the educators to ask", ["Product", "Status", ("New", f"First used by {'the district' if figures.is_whole(filters.district_id) else 'your schools'} in this period"), "Educators", "Page loads"],
        rows, "Every product used here is approved, and none is new.", 4,
    )  # fmt: skip


# The wall


def _wall(figures: Figures, filters: Filters, _asked: dict) -> Shown:
    """For a screen on a wall: five figures, thirteen weeks, and what is new. No person's name."""
    district = figures.options.districts[filters.district_id]
    now, weeks, few = figures.headline(filters), figures.weekly_students(filters), figures.few
    new = figures.new_products(filters)
    fresh = [p for p in figures.products(filters) if p["product_key"] in new and not p["is_approved"]]
    most = fresh[:8]
    line = [{"usage_date": row["usage_date"], "users": row["users"], "page_loads": row["page_loads"]} for row in weeks]
    cards = html.Div(
        [
            card("Active users", few if now.get("few") else short(now["users"]), None, ""), card("Rostered users reached", few if now.get("few") else percent(now["reach"]), None, ""),
            card("Page loads", short(now["page_loads"]), None, ""), card("Products in use", short(now["products"]), None, ""),
            card("Unapproved use", percent(now["unapproved"]), None, ""),
        ],
        className="cards",
    )  # fmt: skip
    span = (weeks[0]["usage_date"] - timedelta(days=4), weeks[-1]["usage_date"] + timedelta(days=4)) if weeks else None
    content = html.Div(
        [
            html.Div([html.H2(district.name, className="product-name"), html.P(sentence(figures.options, filters, ()), className="muted")], className="wall-head"),
            cards,
            html.Div(
                [
                    html.Div([html.H2("Students and page loads by week"), _graph(trend(line, span, True, "Students", is_weekly=True), "max(220px, 100vh - 500px)"), html.P(trend_words(line, "weeks"), className="sr-only")], className="card"),
                    table("wall-new", "New and unapproved" + (f", the {len(most)} most used of {number(len(fresh))}" if len(fresh) > len(most) else ""), ["Product", "First used", "Page loads"], [[p["product_name"], long_day(new[p["product_key"]]), number(p["page_loads"])] for p in most], "No new product is unapproved.", 2),
                ],
                className="wall-body",
            ),
        ]
    )  # fmt: skip
    return Shown("wall-view", {"wall.children": content}, title=f"{district.name}, wall")


# Compare


def _compare(figures: Figures, filters: Filters, asked: dict) -> Shown:
    """Two to four products or schools, side by side."""
    district = figures.options.districts[filters.district_id]
    wanted = list(dict.fromkeys(asked.get("one", [])))[:4]
    schools = [name for name in wanted if name in district.schools]
    by_key = {row["product_key"]: row for row in figures.products(filters)}
    products = [by_key[name] for name in wanted if name in by_key]
    more = "".join("&" + urlencode({"one": name}) for name in wanted)
    if len(schools) >= 2:
        of = [
            figures.headline(replace(filters, schools=(name,)))
            if not figures.too_few(replace(filters, schools=(name,)))
            else None
            for name in schools
        ]
        names = [
            dcc.Link(
                district.schools[name], href=f"/school{filters.as_query()}&{urlencode({'at': name})}", refresh=False
            )
            for name in schools
        ]
        lines = [
            ["Active users", *[figures.few if row is None or row.get("few") else number(row["users"]) for row in of]],
            [
                "Rostered users reached",
                *[figures.few if row is None or row.get("few") else percent(row["reach"]) for row in of],
            ],
            ["Page loads", *[figures.few if row is None else number(row["page_loads"]) for row in of]],
            ["Products in use", *[figures.few if row is None else number(row["products"]) for row in of]],
            ["Unapproved use", *[figures.few if row is None else percent(row["unapproved"]) for row in of]],
        ]
    elif len(products) >= 2:
        names = [_link(filters, row) for row in products]
        lines = [
            ["Status", *[status(row) for row in products]],
            ["Privacy", *[row["privacy_status"] or "–" for row in products]],
            ["Students", *[row["few"] or number(row["students"]) for row in products]],
            ["Educators", *[number(row["educators"]) for row in products]],
            ["Page loads", *[number(row["page_loads"]) for row in products]],
            ["Minutes", *[number(row["active_minutes"]) for row in products]],
            ["Access", *[row["few"] or percent(row["pct_access"]) for row in products]],
            ["Engagement", *[row["few"] or ("–" if row["engagement_index"] is None else f"{row['engagement_index']:,.1f}") for row in products]],
        ]  # fmt: skip
    else:
        return Shown(
            "compare-view",
            {"compare.children": problem("Select two to four products or schools in a table, then choose Compare.")},
            more=more,
            title="Compare",
        )
    content = table("compare-all", f"Side by side, {period_name(filters)}", ["Figure", *names], lines, "", 1)
    return Shown("compare-view", {"compare.children": content}, more=more, title="Compare")


# Around the pages


def late(figures: Figures, district_id: str) -> list[tuple[str, date, int, int]]:
    """(kind, last day, days since, days allowed) of the data that is older than it should be, by its own dates.

    To people who do not see the deliveries, that is the usage: its last day is on every page.
    """
    district, found = figures.options.districts[district_id], []
    today = datetime.now(ZoneInfo(district.time_zone)).date()
    rows = figures.freshness(district_id) if figures.sees_deliveries(district_id) else [{"delivery_kind": "usage"}]
    for row in rows:
        kind = row["delivery_kind"]
        last = district.last_day if kind == "usage" else row["last_date"]
        if last and (of_days := figures.settings.days_late(kind, last, today, district.freshness_days)):
            found.append((kind, last, *of_days))
    return found


def banner(figures: Figures, district_id: str) -> object:
    """What is late; nothing when all is as expected."""
    words = [
        f"{_KINDS.get(kind, kind)} through {long_day(last)} ({days:,} days ago)"
        for kind, last, days, _ in late(figures, district_id)
    ]
    return problem(f"Late data: {'; '.join(words)}.") if words else None


def footer(figures: Figures, district: District) -> list[object]:
    words = f"Usage through {long_day(district.last_day)}. " if district.last_day else "No usage yet. "
    published = datetime.fromisoformat(figures.published_at)
    return [
        words,
        f"Published {moment(published, ZoneInfo(district.time_zone))}, version ",
        html.Code(figures.version_name),
        ".",
    ]
