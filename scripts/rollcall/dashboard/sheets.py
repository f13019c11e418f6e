"""The long tables: their columns with what each means, as a grid of rows (not of components) and as CSV and XLSX files."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

import dash_ag_grid as dag
import xlsxwriter
from dash import html

from rollcall.dashboard.components import FEW, tone
from rollcall.text import safe_cell


@dataclass(frozen=True)
class Column:
    """A column: what it is called, what it means, and how the grid shows it."""

    name: str
    heading: str
    meaning: str
    kind: str = "text"  # text, link, status, count, share, number, date
    width: int | None = None
    sort: str | None = None

    def definition(self) -> dict[str, object]:
        """As AG Grid takes it."""
        found: dict[str, object] = {
            "field": self.name,
            "headerName": self.heading,
            "headerTooltip": self.meaning,
            **_KINDS[self.kind],
        }
        found |= {"width": self.width} if self.width else {"minWidth": 100, "flex": 1}
        if self.kind == "link":
            found |= {"minWidth": 180, "flex": 2}
        return found | ({"sort": self.sort} if self.sort else {})


def _format(formula: str) -> dict[str, object]:
    # A count that is not shown stands as what the row says of it.
    function = f"params.value == null ? (params.data.few && ['students', 'pct_access', 'engagement_index'].includes(params.colDef.field) ? params.data.few : '–') : {formula}"
    return {"type": "rightAligned", "valueFormatter": {"function": function}}


_KINDS: dict[str, dict[str, object]] = {
    "text": {},
    "link": {"cellRenderer": "ProductLink"},
    "school": {"cellRenderer": "SchoolLink"},
    "status": {"cellClass": {"function": "'status ' + params.data.tone"}, "tooltipField": "product_status"},
    "count": _format("d3.format(',')(params.value)"),
    "share": _format("d3.format('.1f')(params.value) + '%'") | {"cellClass": "ag-right-aligned-cell bar", "cellStyle": {"function": "({'--share': (params.value || 0) + '%'})"}},
    "number": _format("d3.format(',.1f')(params.value)"),
    "date": {"valueFormatter": {"function": "params.value ? d3.utcFormat('%B %-d, %Y')(new Date(params.value)) : '–'"}},
}  # fmt: skip

_PRODUCT = Column("product_name", "Product", "The product, or the domain where no catalog lists it", "link")
_STATUS = Column("status_group", "Status", "What the district's product status means", "status", 150)
_PRIVACY = Column("privacy_status", "Privacy", "State of the privacy agreement", width=112)
_STUDENTS = Column(
    "students",
    "Students",
    f"Students with at least one page load, each counted once; few are shown as {FEW}",
    "count",
    90,
)
_EDUCATORS = Column(
    "educators", "Educators", "Teachers and aides with at least one page load, each counted once", "count", 98
)
_LOADS = Column("page_loads", "Page loads", "Page loads by everybody in the selection", "count", 110, "desc")
_FIRST = Column("first_used", "First used", "The first day of use by anybody in the district", "date", 160)

PRODUCTS = [
    _PRODUCT,
    Column("provider", "Provider", "Who offers it"),
    Column("sector", "Subject", "Subject area"),
    _STATUS,
    _PRIVACY,
    _STUDENTS,
    _EDUCATORS,
    _LOADS,
    Column("active_minutes", "Minutes", "Minutes of active use", "count", 84),
    Column("pct_access", "Access", "pct_access: rostered students with a page load on a day, among all; over the days of use", "share", 86),
    Column("engagement_index", "Engagement", "engagement_index: page loads a day by 1,000 rostered students", "number", 108),
]  # fmt: skip
NEW = [_PRODUCT, _FIRST, _STATUS, _PRIVACY, _STUDENTS, _EDUCATORS, _LOADS]
UNAPPROVED = [_PRODUCT, _STATUS, _PRIVACY, _STUDENTS, _EDUCATORS, _LOADS]


# Two to four rows can be ticked, to be compared.
TICKS = {"rowSelection": {"mode": "multiRow", "headerCheckbox": False}, "selectionColumnDef": {"headerName": "Tick", "width": 58, "pinned": "left"}}  # fmt: skip


def compare(table: str) -> html.A:
    return html.A("Compare ticked", className="quiet compare", href="/compare", **{"data-table": table})


def grid(name: str, columns: list[Column]) -> dag.AgGrid:
    """The empty table; its `rowData` fills it."""
    return dag.AgGrid(
        id=name,
        columnDefs=[column.definition() for column in columns],
        rowData=[],
        defaultColDef={"sortable": True, "resizable": True, "suppressMovable": True, "filter": False, "suppressHeaderMenuButton": True},
        dashGridOptions={
            "rowHeight": 40, "headerHeight": 40, "animateRows": False, "rowBuffer": 2, "enableCellTextSelection": True,
            "ensureDomOrder": True, "tooltipShowDelay": 300, "suppressDragLeaveHidesColumns": True,
            **(TICKS if name == "products" else {}),
        },
        className="grid",
        style={"height": None},
    )  # fmt: skip


def card(name: str, title: str, columns: list[Column]) -> html.Div:
    """A grid with its heading and the links that export it."""
    return html.Div(
        [
            html.Div(
                [
                    html.H2(title, id=f"{name}-title"),
                    html.Span(id=f"{name}-count", className="muted"),
                    compare(name) if name == "products" else None,
                    html.Span([html.A(kind.upper(), className="quiet export", href="#", download="", **{"data-table": name, "data-kind": kind, "aria-label": f"Export {title} as {kind.upper()}"}) for kind in ("csv", "xlsx")], className="exports"),
                ],
                className="row",
            ),
            html.P(id=f"{name}-note", className="muted"),
            grid(name, columns),
        ],
        className="card",
    )  # fmt: skip


def product_rows(
    products: list[dict[str, object]], columns: list[Column], more: dict[str, dict] | None = None
) -> list[dict[str, object]]:
    """What a grid of products is sent: its columns, and what their looks depend on."""
    names = [column.name for column in columns if column.name != "first_used"] + [
        "product_key",
        "product_status",
        "few",
    ]
    return [
        {name: row[name] for name in names} | {"tone": tone(row)} | (more or {}).get(row["product_key"], {})
        for row in products
    ]


# Export


def _exported(row: dict[str, object], column: Column) -> object:
    value = row.get(column.name)
    if value is None and row.get("few") and column.kind in ("count", "share", "number"):
        return row["few"] if column.name in ("students", *_OF_STUDENTS) else None
    return round(value, 1) if isinstance(value, float) else value


_OF_STUDENTS = ("pct_access", "engagement_index")


def head(title: str, selection: str, columns: list[Column]) -> list[str]:
    """What stands above an exported table: what it is, of whom, and what its columns mean."""
    return [title, selection, *[f"{column.heading}: {column.meaning}" for column in columns]]


def ordered(rows: list[dict[str, object]], columns: list[Column], sort: str | None) -> list[dict[str, object]]:
    """In the order of the screen: `name` or `name:desc`; blanks last."""
    name, _, direction = (sort or "").partition(":")
    if name not in {column.name for column in columns}:
        return rows
    known = [row for row in rows if row.get(name) is not None]
    known.sort(
        key=lambda row: str(row[name]).lower() if isinstance(row[name], str) else row[name], reverse=direction == "desc"
    )
    return known + [row for row in rows if row.get(name) is None]


def as_csv(lines: list[str], columns: list[Column], rows: list[dict[str, object]]) -> bytes:
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\r\n")
    writer.writerows([[safe_cell(line)] for line in lines])
    writer.writerow([])
    writer.writerow([column.heading for column in columns])
    writer.writerows([[safe_cell(_exported(row, column)) for column in columns] for row in rows])
    return ("\ufeff" + sink.getvalue()).encode()


def as_xlsx(lines: list[str], columns: list[Column], rows: list[dict[str, object]]) -> bytes:
    sink = io.BytesIO()
    with xlsxwriter.Workbook(sink, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet, bold = book.add_worksheet(), book.add_format({"bold": True})
        for number, line in enumerate(lines):
            sheet.write_string(number, 0, line, bold if number == 0 else None)
        top = len(lines) + 1
        sheet.write_row(top, 0, [column.heading for column in columns], bold)
        for number, row in enumerate(rows, top + 1):
            for place, column in enumerate(columns):
                value = _exported(row, column)
                if isinstance(value, int | float):
                    sheet.write_number(number, place, value)
                elif value is not None:
                    sheet.write_string(number, place, str(value))
        sheet.freeze_panes(top + 1, 1)
        sheet.set_column(0, 0, 34)
        sheet.set_column(1, len(columns), 14)
    return sink.getvalue()
