"""What the pages are made of: words, chips, cards, tables and figures. Nothing here asks the warehouse anything."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from typing import ClassVar

from dash import html
from dash.development.base_component import Component

from rollcall.dashboard.filters import USER_TYPES, Filters, Options

_BLUE, _TEAL = "#3b76e1", "#0d9488"
_DAY = 86_400_000  # milliseconds, as Plotly counts
# How good or bad a status group of products is; what is neither has no tone.
TONES = {"approved": "good", "in review": "warn", "not approved": "bad", "retired": "bad"}
VERDICTS = {"accepted": "good", "held": "warn", "rejected": "bad", "failed": "bad"}
SEVERITIES = {"reject": "bad", "hold": "warn", "error": "bad", "warning": "warn"}


def tone(row: dict[str, object]) -> str:
    """How a product's status looks: the name of a class in `assets/rollcall.css`."""
    return TONES.get(row["status_group"], "plain")


def group(name: str) -> str:
    """A status group as a person reads it."""
    return name[:1].upper() + name[1:]


def chip(words: str, tone: str = "plain") -> html.Span:
    """A few words on a coloured ground, which says no more than they do."""
    return html.Span(words, className=f"chip {tone}")


def status(row: dict[str, object]) -> html.Span:
    """What a product's status means, with the district's own word for it as a tooltip."""
    return html.Span(group(row["status_group"]), className=f"chip {tone(row)}", title=row["product_status"] or None)


class Later(Component):
    """What a page holds that is heavy to draw: put into it once the browser has time, or at once where the address leads there.

    Everything is in the layout from the start, and gets its figures; `assets/rollcall.js` has the component.
    """

    _namespace, _type = "rollcall", "Later"
    _prop_names: ClassVar[list[str]] = ["children", "path", "isThere"]
    _valid_wildcard_attributes: ClassVar[list[str]] = []
    available_wildcard_properties: ClassVar[list[str]] = []

    def __init__(self, children: object, path: str = ""):
        super().__init__(children=children, path=path, isThere=False)


# Words


def number(value: float | None) -> str:
    """A count, as a person reads it; a dash where there is none."""
    return "–" if value is None else f"{value:,.0f}"


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}%"


def short(value: float | None) -> str:
    """A large count in three digits."""
    if value is None or value < 10_000:
        return number(value)
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if value >= size * 0.9995:
            return f"{value / size:.{1 if value < 99.95 * size else 0}f}{letter}"
    return number(value)


def long_day(day: date) -> str:
    return f"{day:%B} {day.day}, {day.year}"


def _short_day(day: date, with_year: bool) -> str:
    return f"{day:%b} {day.day}" + (f", {day.year}" if with_year else "")


def period_name(filters: Filters, is_short: bool = False) -> str:
    """The dates as a person says them; short where there is little room."""
    first, last = filters.first, filters.last
    month, weekday = ("%b", "%a") if is_short else ("%B", "%A")
    if first == last:
        return f"{first:{weekday}}, {first:{month}} {first.day}, {first.year}"
    if filters.period == "month":
        return f"{first:{month} %Y}"
    if filters.period == "school_year":
        return f"{first.year}–{str(last.year)[2:]} school year"
    if (first.year, first.month) == (last.year, last.month):
        return f"{first:{month}} {first.day}–{last.day}, {last.year}"
    return f"{_short_day(first, first.year != last.year)} – {_short_day(last, True)}"


def listed(names: list[str], most: int = 4) -> str:
    """Names as a person says them: all of a few, the first of many and how many more."""
    return (
        ", ".join(names) if len(names) <= most else f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
    )


def grade_names(codes: list[str], names: dict[str, str]) -> str:
    """Grades 3 to 5 and 7 rather than four names."""
    order = list(names)
    runs: list[list[str]] = []
    for code in sorted(codes, key=order.index):
        if runs and code.isdigit() and runs[-1][-1].isdigit() and order.index(code) == order.index(runs[-1][-1]) + 1:
            runs[-1].append(code)
        else:
            runs.append([code])
    if all(code.isdigit() for code in codes):
        spans = [run[0].lstrip("0") if len(run) == 1 else f"{run[0].lstrip('0')}–{run[-1].lstrip('0')}" for run in runs]
        return f"grade{'s' if len(codes) > 1 else ''} {', '.join(spans)}"
    return listed([names[code] for code in sorted(codes, key=order.index)])


def sentence(options: Options, filters: Filters, uses: tuple[str, ...], subject: str = "") -> str:
    """The selection as a person says it; only what the page goes by, after what it is about."""
    there = options.districts[filters.district_id]
    parts = [subject] if subject else []
    schools, grades = options.narrows(filters)
    if "schools" in uses:
        parts.append(listed([there.schools[name] for name in schools]) if schools else "all schools")
    if "grades" in uses and grades:
        parts.append(grade_names(list(grades), there.grades))
    if "types" in uses:
        parts.append(
            listed([USER_TYPES[name].lower() for name in filters.user_types]) if filters.user_types else "everyone"
        )
    if "statuses" in uses and filters.statuses:
        parts.append(f"product status {' or '.join(filters.statuses)}")
    if "search" in uses and filters.search:
        parts.append(f"products matching “{filters.search}”")
    parts.append(period_name(filters))
    through = f"; data through {long_day(there.last_day)}" if there.last_day else ""
    text = ", ".join(parts) + through
    return text[0].upper() + text[1:]


def when(filters: Filters) -> str:
    """District and dates as one value, so that what depends on them changes once."""
    return f"{filters.district_id}|{filters.period}|{filters.first}|{filters.last}"


# Cards and figures


def card(name: str, value: str, change: object, words: str) -> html.Div:
    return html.Div(
        [html.Div(name, className="card-name"), html.Div(value, className="figure", title=words), change],
        className="card",
    )


def change(now: float | None, before: float | None, is_share: bool, good: int, than: str) -> html.Div:
    """A change against like days before: a share in points, a count as a percentage of what it was.

    `good` is 1 where more is better, -1 where less is, and 0 where neither is: then it has no color.
    """
    if now is None or before is None or not (before or is_share):
        return html.Div("No earlier data", className="change")
    by = now - before if is_share else 100 * (now - before) / before
    if math.isclose(by, 0, abs_tol=0.05):
        return html.Div(f"Unchanged from {than}", className="change")
    kind = {1: "better", -1: "worse", 0: None}[good if by > 0 else -good]
    words = {1: "; higher is better", -1: "; lower is better", 0: ""}[good]
    return html.Div(
        [
            html.Span("▲ " if by > 0 else "▼ ", className=kind, **{"aria-hidden": "true"}),
            f"{'up' if by > 0 else 'down'} {abs(by):.1f}{' points' if is_share else '%'} from {than}",
        ],
        className="change",
        title=f"Compared with the same weekdays and as many school days{words}",
    )


def approval(products: list[dict[str, object]]) -> list[object]:
    """How much of the use is of products with which status: a bar, and the figures."""
    title = "Page loads by status"
    groups: dict[str, list[dict[str, object]]] = {}
    for row in products:
        groups.setdefault(row["status_group"], []).append(row)
    loads = {name: sum(row["page_loads"] for row in rows) for name, rows in groups.items()}
    whole = sum(loads.values())
    tones = {name: tone(rows[0]) for name, rows in groups.items()}
    # Best first; within a tone the most used first.
    order = sorted(groups, key=lambda name: (["good", "plain", "warn", "bad"].index(tones[name]), -loads[name]))
    if not whole:
        return [html.H2(title), html.P("No use in this selection.", className="muted")]
    return [
        heading("inventory-status", title),
        html.Div(
            [html.Span(className=f"part {tones[name]}", style={"flexGrow": loads[name] / whole}) for name in order],
            className="stack", **{"aria-hidden": "true"},
        ),
        rows_of(
            "inventory-status", title,
            [("Status", "What the district's product status means"), "Products", ("Share", "Share of page loads")],
            [[chip(group(name), tones[name]), number(len(groups[name])), percent(100 * loads[name] / whole)] for name in order], 1,
        ),
    ]  # fmt: skip


def trend(
    days: list[dict[str, object]],
    span: tuple[date, date] | None,
    has_users: bool,
    who: str = "People",
    is_weekly: bool = False,
) -> dict[str, object]:
    """People (where they can be shown) above page loads, a mark a day or week. Both have their own scale, and share the dates.

    `span` is the first and last date of the axis.
    """
    ticks = {"nticks": 8}
    hides_users = has_users and bool(days) and all(row["users"] is None for row in days)
    has_users = has_users and not hides_users
    if span:
        first, last = (datetime(day.year, day.month, day.day) for day in span)
        ticks = {"range": [str(first - timedelta(hours=12)), str(last + timedelta(hours=12))]}
        if (last - first).days < 8:
            ticks |= {"dtick": _DAY}
        elif (last - first).days < 60:
            # A mark on each Monday.
            ticks |= {"dtick": 7 * _DAY, "tick0": str(first - timedelta(days=first.weekday()))}
        else:
            ticks |= {"nticks": 8}
    dates = [row["usage_date"].isoformat() for row in days]
    if is_weekly:
        # A bar stands on its Monday, and so does its date.
        ticks = {name: value for name, value in ticks.items() if name == "range"} | {
            "tickmode": "array",
            # Of many weeks every other, the newest among them: a phone has no room for more.
            "tickvals": dates[::-2] if len(dates) > 7 else dates,
        }
    axis = {
        "fixedrange": True,
        "rangemode": "tozero",
        "zeroline": False,
        "nticks": 4,
        "tickformat": ",",
        "automargin": True,
    }
    data = [
        {
            "type": "bar", "x": dates, "y": [row["page_loads"] for row in days], "name": "Page loads", "yaxis": "y2",
            "marker": {"color": _TEAL}, "width": 0.65 * _DAY * (7 if is_weekly else 1), "hovertemplate": "%{y:,} page loads<extra></extra>",
        }
    ]  # fmt: skip
    if has_users:
        data.append(
            {
                "type": "scatter", "mode": "lines+markers", "x": dates, "y": [row["users"] for row in days], "name": who,
                "line": {"color": _BLUE, "width": 2}, "marker": {"size": 5},
                "hovertemplate": f"%{{y:,}} {who.lower()}<extra></extra>",
            }
        )  # fmt: skip
    hidden = f"Page loads ({who.lower()} by day are hidden: too few students)"
    titles = [(hidden if hides_users else "Page loads", 0.44 if has_users else 1.0)] + (
        [(who, 1.0)] if has_users else []
    )
    return {
        "data": data,
        "layout": {
            "margin": {"l": 44, "r": 12, "t": 22, "b": 28}, "hovermode": "x unified", "showlegend": False,
            "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": "inherit", "size": 12},
            "xaxis": {"fixedrange": True, "showgrid": False, "type": "date", "tickformat": "%b %-d", "anchor": "y2", "automargin": True} | ticks,
            "yaxis": axis | {"domain": [0.56, 1]} if has_users else {"visible": False},
            "yaxis2": axis | {"domain": [0, 0.44] if has_users else [0, 1]},
            "annotations": [
                {"text": text, "x": 0, "y": y, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom", "showarrow": False}
                for text, y in titles
            ],
        },
    }  # fmt: skip


def trend_words(days: list[dict[str, object]], unit: str = "days") -> str:
    if not days:
        return "No use in these days."
    most = max(days, key=lambda row: row["page_loads"])
    on = "in the week of" if unit == "weeks" else "on"
    return (
        f"{len(days):,} {unit} with use; most page loads {on} {long_day(most['usage_date'])}: {most['page_loads']:,}."
    )


# Tables


Heading = str | tuple[str, str]  # what a column is called, and what it means where that needs saying


def exports(name: str, title: str) -> html.Span:
    """The links that export a table; `assets/rollcall.js` gives them the selection of the page."""
    return html.Span(
        [
            html.A(kind.upper(), className="quiet export", href="#", download="", **{"data-table": name, "data-kind": kind, "aria-label": f"Export {title} as {kind.upper()}"})
            for kind in ("csv", "xlsx")
        ],
        className="exports",
    )  # fmt: skip


def heading(name: str, title: str, *tools: object) -> html.Div:
    """The heading of a table that can be exported, with what else is done with it."""
    return html.Div([html.H2(title), html.Div([*tools, exports(name, title)], className="tools")], className="row")


def rows_of(name: str, title: str, headings: list[Heading], rows: list[list[object]], numeric: int = 99) -> html.Table:
    """A table's rows; columns from `numeric` on are numbers. Its name is that of its export, which `sheets.of_page` reads from here."""

    def th(heading: Heading, is_number: bool) -> html.Th:
        words, meaning = heading if isinstance(heading, tuple) else (heading, None)
        return html.Th(words, scope="col", className="n" if is_number else None, title=meaning)

    return html.Table(
        [
            html.Thead(html.Tr([th(each, i >= numeric) for i, each in enumerate(headings)])),
            html.Tbody(
                [html.Tr([html.Td(cell, className="n" if i >= numeric else None) for i, cell in enumerate(row)]) for row in rows]
            ),
        ],
        **{"data-export": name, "data-title": title},
    )  # fmt: skip


def table(
    name: str,
    caption: str,
    headings: list[Heading],
    rows: list[list[object]],
    empty: str,
    numeric: int = 99,
    *tools: object,
) -> html.Div:
    """A card with a table, and what is done with it. A long one scrolls in its card, so that what follows is not far."""
    if not rows:
        return html.Div([html.H2(caption), html.P(empty, className="muted")], className="card")
    return html.Div(
        [
            heading(name, caption, *tools),
            html.Div(
                rows_of(name, caption, headings, rows, numeric),
                className="scroll long" if len(rows) > 30 else "scroll", tabIndex=0, role="region", **{"aria-label": caption},
            ),
        ],
        className="card",
    )  # fmt: skip


def problem(words: str) -> html.Div:
    return html.Div(words, className="notice")
