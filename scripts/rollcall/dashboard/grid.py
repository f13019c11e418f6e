"""The table of products: its columns, what they show, and the same as CSV."""

from __future__ import annotations

import csv
import io

import dash_ag_grid as dag

from rollcall.dashboard.components import tone

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
    _column("product_name", "Product", "The product, or the domain where no catalogue lists it", minWidth=190, flex=1, **_LINK),
    _column("provider", "Provider", "Who offers it", minWidth=118, flex=1),
    _column("sector", "Subject", "Subject area", minWidth=118, flex=1),
    _column(
        "status_group", "Status", "What the district's product status means", width=164,
        cellClass={"function": "'status ' + params.data.tone"}, tooltipField="product_status",
    ),
    _column("privacy_status", "Privacy", "State of the privacy agreement", width=146),
    _count("students", "Students", "Students with at least one page load, each counted once", width=92),
    _count("educators", "Educators", "Teachers and aides with at least one page load, each counted once", width=100),
    _count("page_loads", "Page loads", "Page loads by everybody in the selection", width=118, sort="desc"),
    _count("active_minutes", "Minutes", "Minutes of active use", width=88),
    _count("pct_access", "Access", "pct_access: rostered students with a page load on a day, among all; over the days of use", "d3.format('.1f')(params.value) + ' %'", width=96, cellClass="ag-right-aligned-cell bar", cellStyle={"function": "({'--share': (params.value || 0) + '%'})"}),
    _count("engagement_index", "Engagement", "engagement_index: page loads a day by 1,000 rostered students", "d3.format(',.1f')(params.value)", width=112),
]  # fmt: skip
# What the table needs of a product: its columns, and what their looks depend on.
_SENT = [column["field"] for column in COLUMNS] + ["product_key", "product_status"]


def products() -> dag.AgGrid:
    """The empty table; `rows` fills it."""
    return dag.AgGrid(
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


def rows(products: list[dict[str, object]]) -> list[dict[str, object]]:
    """What the table is sent of the products in use."""
    return [{name: row[name] for name in _SENT} | {"tone": tone(row)} for row in products]


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
