"""What the pages are made of: words, chips, cards, tables and figures. Nothing here asks the warehouse anything."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta

from dash import html

from rollcall.dashboard.filters import Filters

_MOST_SCHOOLS = 60  # in a heat map: more, nobody takes in at a glance, and a browser paints slowly
_BLUE, _TEAL = "#3b76e1", "#0d9488"
# How good or bad a status group of products is; what is neither has no tone.
TONES = {"approved": "good", "in review": "warn", "not approved": "bad", "retired": "bad"}
VERDICTS = {"accepted": "good", "held": "warn", "rejected": "bad"}
SEVERITIES = {"reject": "bad", "hold": "warn", "error": "bad", "warning": "warn"}


def tone(row: dict[str, object]) -> str:
    """How a product's status looks: the name of a class in `assets/rollcall.css`."""
    return TONES.get(row["status_group"], "plain")


def chip(words: str, tone: str = "plain") -> html.Span:
    """A few words on a coloured ground, which says no more than they do."""
    return html.Span(words, className=f"chip {tone}")


def status(row: dict[str, object]) -> html.Span:
    """The district's own word for a product's status, or what it amounts to where there is none."""
    return chip(row["product_status"] or row["status_group"], tone(row))


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


# Cards and figures


def card(name: str, value: str, change: object, words: str) -> html.Div:
    return html.Div(
        [html.Div(name, className="card-name"), html.Div(value, className="figure", title=words), change],
        className="card",
    )


def change(now: float | None, before: float | None, is_share: bool, good: int, than: str) -> html.Div:
    """A change against the period before: a share in points, a count in per cent of what it was.

    `good` is 1 where more is better, -1 where less is, and 0 where nobody can tell yet.
    """
    if now is None or before is None or not (before or is_share):
        return html.Div("nothing to compare with", className="change")
    by = now - before if is_share else 100 * (now - before) / before
    if math.isclose(by, 0, abs_tol=0.05):
        return html.Div(f"unchanged{than}", className="change")
    kind = {1: "better", -1: "worse", 0: None}[good if by > 0 else -good]
    return html.Div(
        [
            html.Span("▲ " if by > 0 else "▼ ", className=kind, **{"aria-hidden": "true"}),
            f"{'up' if by > 0 else 'down'} {abs(by):.1f} {'points' if is_share else '%'}{than}",
        ],
        className="change",
    )


def approval(products: list[dict[str, object]]) -> list[object]:
    """How much of the use is of products with which status: a bar, and the figures."""
    groups: dict[str, list[dict[str, object]]] = {}
    for row in products:
        groups.setdefault(row["status_group"], []).append(row)
    loads = {group: sum(row["page_loads"] for row in rows) for group, rows in groups.items()}
    whole = sum(loads.values())
    tones = {group: tone(rows[0]) for group, rows in groups.items()}
    # Best first; within a tone the most used first.
    order = sorted(groups, key=lambda group: (["good", "plain", "warn", "bad"].index(tones[group]), -loads[group]))
    if not whole:
        return [html.H2("Page loads by status"), html.P("No use in this selection.", className="muted")]
    return [
        html.H2("Page loads by status"),
        html.Div(
            [html.Span(className=f"part {tones[group]}", style={"flexGrow": loads[group] / whole}) for group in order],
            className="stack", **{"aria-hidden": "true"},
        ),
        html.Table(
            [
                html.Thead(html.Tr([html.Th("Status", scope="col"), html.Th("Products", scope="col", className="n"), html.Th("Page loads", scope="col", className="n")])),
                html.Tbody(
                    [
                        html.Tr(
                            [
                                html.Th(chip(group, tones[group]), scope="row"),
                                html.Td(number(len(groups[group])), className="n"),
                                html.Td(percent(100 * loads[group] / whole), className="n", title=number(loads[group])),
                            ]
                        )
                        for group in order
                    ]
                ),
            ]
        ),
    ]  # fmt: skip


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


def trend_words(days: list[dict[str, object]]) -> str:
    if not days:
        return "No use in these days."
    most = max(days, key=lambda row: row["page_loads"])
    return f"{len(days)} days with use; the most page loads on {long_day(most['usage_date'])}: {most['page_loads']:,}."


# Tables


def table(caption: str, headings: list[str], rows: list[list[object]], empty: str, numeric: int = 99) -> html.Div:
    """A table; columns from `numeric` on are numbers. A long one scrolls in its card, so that what follows is not far."""
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
                className="scroll long" if len(rows) > 30 else "scroll", tabIndex=0, role="region", **{"aria-label": caption},
            ),
        ],
        className="card",
    )  # fmt: skip


def heat_map(rows: list[dict[str, object]], grade_names: dict[str, str], caption: str) -> html.Div:
    """Schools down, grades across: `pct_access`, the darker the higher, and the people with use among the rostered."""
    cells = {
        (row["school"], row["grade"]): row for row in rows if not row["is_every_school"] and not row["is_every_grade"]
    }
    totals = {row["school"]: row for row in rows if row["is_every_grade"]}
    largest = set(sorted(totals, key=lambda school: (-totals[school]["rostered"], school))[:_MOST_SCHOOLS])
    names = {school: row["school_name"] for school, row in totals.items() if school in largest}
    by_grade = {row["grade"]: row for row in rows if row["is_every_school"]}
    grades = [code for code in grade_names if code in by_grade]
    grades += [None] if None in by_grade else []
    if not names:
        return html.Div(
            [html.H2(caption), html.P("Nobody with a school in this selection. Choose other schools or grades, or another period.", className="muted")],
            className="card",
        )  # fmt: skip
    most = max((row["pct_access"] or 0 for (school, _), row in cells.items() if school in names), default=0)
    headings = [
        html.Th(
            [html.Span(code.lstrip("0"), **{"aria-hidden": "true"}), html.Span(grade_names[code], className="sr-only")],
            scope="col", title=grade_names[code],
        )
        if code else html.Th("No grade", scope="col")
        for code in grades
    ]  # fmt: skip
    body = [
        html.Tr(
            [html.Th(names[school], scope="row")]
            + [_cell(cells.get((school, code)), most) for code in grades]
            + [_cell(totals.get(school), most)]
        )
        for school in names
    ]
    foot = html.Tr(
        [html.Th("All schools", scope="row")] + [_cell(by_grade[code], most) for code in grades] + [html.Td("")]
    )
    return html.Div(
        [
            html.H2(caption),
            html.P(
                "Above, the students with a page load on an average day of use, as a share of those on the roster; below, the people "
                "with at least one page load in these days, among all on the roster there. Somebody in two schools or grades counts in "
                "each, so that rows and columns may add up to more than their total.",
                className="muted",
            ),
            html.P(f"The {len(names)} largest of {len(totals):,} schools. Choose schools above to see others.")
            if len(names) < len(totals) else None,
            html.Div(
                [html.Span("0 %"), html.Span(className="scale"), html.Span(percent(most))],
                className="scale-row muted", **{"aria-hidden": "true"},
            ),
            html.Div(
                html.Table(
                    [
                        html.Thead(html.Tr([html.Th("School", scope="col"), *headings, html.Th("Any grade", scope="col")])),
                        html.Tbody([*body, foot]),
                    ],
                    className="heat",
                ),
                className="scroll", tabIndex=0, role="region", **{"aria-label": caption},
            ),
        ],
        className="card",
    )  # fmt: skip


def _cell(row: dict[str, object] | None, most: float) -> html.Td:
    if row is None or not (row["users"] or row["rostered"]):
        return html.Td("")
    access = row["pct_access"]
    return html.Td(
        [
            html.Div("–" if access is None else f"{access:.0f} %", className="access"),
            html.Div(f"{row['users']:,} / {row['rostered']:,}", className="people"),
        ],
        className="cell",
        style={"--share": f"{100 * access / most:.0f}%" if access and most else "0%"},
        title=f"{row['users']:,} people with use; {row['rostered']:,} on the roster",
    )


def problem(words: str) -> html.Div:
    return html.Div(words, className="notice")
