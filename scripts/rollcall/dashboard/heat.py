"""Schools by grades, one measure of students a cell: shaded by fifths of the cells, totals first, sortable."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import dash_ag_grid as dag
from dash import html

from rollcall.dashboard import sheets
from rollcall.dashboard.components import exports

_CLASSES = 5
OPTIONS = {
    "rowHeight": 36, "headerHeight": 40, "animateRows": False, "rowBuffer": 4, "enableCellTextSelection": True, "ensureDomOrder": True,
    "tooltipShowDelay": 300, "suppressDragLeaveHidesColumns": True, "suppressColumnVirtualisation": True, **sheets.TICKS,
}  # fmt: skip


@dataclass(frozen=True)
class Measure:
    """What a cell shows of a place's students in the selected days, of which so many were school days."""

    name: str
    title: str
    value: Callable[[dict, int], float | None]
    unit: str = ""


MEASURES = {
    "active": Measure("Active students", "Students active on an average school day", lambda row, days: row["student_days"] / days if days else None),
    "reach": Measure("Reach", "Students with at least one page load, as a share of those on the roster", lambda row, _: min(100.0, 100 * row["users"] / row["rostered"]) if row["rostered"] else None, "%"),
    "page_loads": Measure("Page loads", "Page loads by students", lambda row, _: row["page_loads"]),
    "minutes": Measure("Minutes", "Minutes of active use by students", lambda row, _: row["minutes"]),
}  # fmt: skip


@dataclass
class Drawn:
    columns: list[dict[str, object]]
    rows: list[dict[str, object]]
    totals: list[dict[str, object]]
    legend: list[object]


def card() -> html.Div:
    return html.Div(
        [
            html.Div([html.H2(id="heat-title"), html.Div([sheets.compare("heat"), exports("heat", "schools by grades")], className="tools")], className="row"),
            html.P(
                "A student in two schools or grades counts in each, so rows and columns may add up to more than their total. Small counts "
                "of students are hidden, and so are counts that would reveal them (*).",
                className="muted",
            ),
            html.Div(id="heat-legend", className="legend"),
            dag.AgGrid(
                id="heat", columnDefs=[], rowData=[], dashGridOptions=OPTIONS, className="grid heat-grid", style={"height": None},
                defaultColDef={"sortable": True, "resizable": True, "suppressMovable": True, "filter": False, "suppressHeaderMenuButton": True, "sortingOrder": ["desc", "asc", None]},
            ),
        ],
        className="card",
    )  # fmt: skip


def draw(rows: list[dict], grade_names: dict[str, str], measure: str, days: int) -> Drawn:
    """The grid of a selection's places."""
    how = MEASURES[measure]
    places: dict[str | None, dict[str, object]] = {}
    cells: list[float] = []
    for row in rows:
        key = None if row["is_every_school"] else row["school"]
        place = places.setdefault(key, {"school": row["school"], "school_name": row["school_name"]})
        name = "every" if row["is_every_grade"] else f"g_{row['grade'] or 'none'}"
        few = row["few"] or (row.get("few_active") if measure == "active" else None)
        value = None if few else how.value(row, days)
        place[name] = None if value is None else round(value, 1)
        if few:
            place[f"few_{name}"] = few
        elif value is not None and key is not None and not row["is_every_grade"]:
            cells.append(value)
    limits = _limits(cells)
    for place in places.values():
        # The shades are those of the cells; totals have none.
        for name in [name for name in place if name.startswith("g_") and place is not places.get(None)]:
            if place[name] is not None:
                place[f"q_{name}"] = sum(place[name] > limit for limit in limits)
    totals = places.pop(None, None)
    codes = [code for code in grade_names if totals and f"g_{code}" in totals]
    columns = [
        {"field": "school_name", "headerName": "School", "cellRendererSelector": {"function": "schoolCell(params)"}, "comparator": {"function": "natural"}, "pinned": "left", "width": 220, "sort": "asc", "sortingOrder": ["asc", "desc"]},
        _column("every", "All grades", "All grades of the school", how.unit, 96),
        *[_column(f"g_{code}", code.lstrip("0") if code.isdigit() else code, grade_names[code], how.unit) for code in codes],
    ]  # fmt: skip
    if totals and "g_none" in totals:
        columns.append(_column("g_none", "None", "Students without a grade", how.unit))
    ordered = sorted(places.values(), key=lambda place: natural(str(place["school_name"])))
    # One school is not added up: someone who sees only that one would read the same figures twice.
    top = [totals | {"school_name": "All schools"}] if totals and len(places) > 1 else []
    return Drawn(columns, ordered, top, _legend(limits, cells, how.unit))


def _column(name: str, heading: str, meaning: str, unit: str, width: int | None = None) -> dict[str, object]:
    digits = "',.1f'" if unit else "',.0f'"
    return {
        "field": name, "headerName": heading, "headerTooltip": meaning, "minWidth": width or (66 if unit else 56), "flex": 1, "type": "rightAligned",
        "valueFormatter": {"function": f"params.value == null ? (params.data['few_{name}'] || '') : d3.format({digits})(params.value) + '{unit}'"},
        "cellClass": {"function": f"'ag-right-aligned-cell heat-cell q' + (params.data['q_{name}'] == null ? 'x' : params.data['q_{name}'])"},
        "cellRendererSelector": {"function": "schoolCell(params)"},
    }  # fmt: skip


def natural(name: str) -> list[tuple[int, int, str]]:
    """What names are ordered by: School 9 before School 10."""
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part.casefold()) for part in re.split(r"(\d+)", name) if part
    ]


def _limits(values: list[float]) -> list[float]:
    """What divides the cells into fifths."""
    ordered = sorted(values)
    if not ordered:
        return []
    found = [
        ordered[min(len(ordered) - 1, math.ceil(len(ordered) * part / _CLASSES) - 1)] for part in range(1, _CLASSES)
    ]
    # Above the last of them there is something, or it divides nothing.
    return sorted(set(found) - {ordered[-1]})


def _legend(limits: list[float], values: list[float], unit: str) -> list[object]:
    if not values:
        return []
    ends = [min(values), *limits, max(values)]
    return [
        html.Span("Fifths of cells:"),
        *[
            html.Span(
                [html.Span(className=f"swatch q{n}", **{"aria-hidden": "true"}), _step(n, ends, unit)],
                className="step",
            )
            for n in range(len(ends) - 1)
        ],
    ]  # fmt: skip


def _step(number: int, ends: list[float], unit: str) -> str:
    first, last = (f"{end:,.{1 if unit else 0}f}" for end in ends[number : number + 2])
    return f"{first}{unit}" if ends[number] == ends[number + 1] else f"{'> ' if number else ''}{first} – {last}{unit}"
