"""Tables as files, CSV and XLSX; and the long ones as grids of rows (not of components), with what each column means."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

import dash_ag_grid as dag
import xlsxwriter
from dash import dcc, html

from rollcall.dashboard.components import exports, group, tone
from rollcall.text import safe_cell


@dataclass(frozen=True)
class Column:
    """A column: its heading, what it means, and how the grid shows it."""

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
        if self.kind in ("text", "link"):
            # What a narrow column cuts is read there.
            found |= {"tooltipField": self.name}
        if self.kind == "link":
            found |= {"minWidth": 170, "flex": 1.3}
        return found | ({"sort": self.sort} if self.sort else {})


def _format(formula: str) -> dict[str, object]:
    # What stands in place of a hidden count is in the row.
    function = f"params.value == null ? (params.data.few && ['students', 'pct_access', 'engagement_index'].includes(params.colDef.field) ? params.data.few : '–') : {formula}"
    return {"type": "rightAligned", "valueFormatter": {"function": function}}


_KINDS: dict[str, dict[str, object]] = {
    "text": {},
    "link": {"cellRendererSelector": {"function": "productCell(params)"}},
    "status": {"cellClass": {"function": "'status ' + params.data.tone"}, "tooltipField": "product_status"},
    "count": _format("d3.format(',')(params.value)"),
    "share": _format("d3.format('.1f')(params.value) + '%'") | {"cellClass": "ag-right-aligned-cell bar", "cellStyle": {"function": "({'--share': (params.value || 0) + '%'})"}},
    "number": _format("d3.format(',.1f')(params.value)"),
    "date": {"valueFormatter": {"function": "longDay(params.value)"}},
}  # fmt: skip

_PRODUCT = Column("product_name", "Product", "The product, or the domain where no catalog lists it", "link")
_STATUS = Column("status_group", "Status", "What the district's product status means", "status", 134)
_PRIVACY = Column("privacy_status", "Privacy", "Status of the privacy agreement")
_STUDENTS = Column(
    "students",
    "Students",
    "Students with at least one page load, each counted once; small counts are hidden",
    "count",
    90,
)
_EDUCATORS = Column(
    "educators", "Educators", "Teachers and aides with at least one page load, each counted once", "count", 96
)
_LOADS = Column("page_loads", "Page loads", "Page loads by everyone in the selection", "count", 120, "desc")
_FIRST = Column("first_used", "First used", "The first day anyone in the district used it", "date", 170)

PRODUCTS = [
    _PRODUCT,
    Column("provider", "Provider", "The company or organization that offers it"),
    Column("sector", "Subject", "Subject area"),
    _STATUS,
    _PRIVACY,
    _STUDENTS,
    _EDUCATORS,
    _LOADS,
    Column("active_minutes", "Minutes", "Minutes of active use", "count", 88),
    Column("pct_access", "Access", "pct_access: share of rostered students with a page load on an average school day", "share", 88),
    Column("engagement_index", "Engagement", "engagement_index: page loads per 1,000 rostered students on an average school day", "number", 108),
]  # fmt: skip
NEW = [_PRODUCT, _FIRST, _STATUS, _PRIVACY, _STUDENTS, _EDUCATORS, _LOADS]
UNAPPROVED = [_PRODUCT, _STATUS, _PRIVACY, _STUDENTS, _EDUCATORS, _LOADS]


# Two to four rows can be selected, to be compared.
TICKS = {"rowSelection": {"mode": "multiRow", "headerCheckbox": False}, "selectionColumnDef": {"headerName": "Select", "width": 44, "pinned": "left"}}  # fmt: skip


def compare(table: str) -> html.Button:
    """What compares the selected rows; `assets/rollcall.js` enables it while two to four are."""
    return html.Button(
        "Compare", id=f"{table}-compare", className="quiet compare", disabled=True, title="Select two to four rows to compare them", **{"data-table": table},
    )  # fmt: skip


def columns_picker() -> html.Div:
    """Which columns of the products are shown. The address keeps them."""
    choices = [{"label": column.heading, "value": column.name} for column in PRODUCTS[1:]]
    return html.Div(
        [
            html.Label("Columns", htmlFor="products-columns", id="products-columns-label", className="muted"),
            dcc.Dropdown(
                id="products-columns", options=choices, value=[each["value"] for each in choices], multi=True, clearable=False,
                closeOnSelect=False, searchable=False, placeholder="Columns", maxHeight=460,
            ),
        ],
        className="columns",
    )  # fmt: skip


def _options(name: str) -> dict[str, object]:
    return {
        "rowHeight": 40, "headerHeight": 40, "animateRows": False, "rowBuffer": 2, "enableCellTextSelection": True,
        "ensureDomOrder": True, "tooltipShowDelay": 300, "suppressDragLeaveHidesColumns": True, "suppressNoRowsOverlay": True,
        **(TICKS if name == "products" else {}),
    }  # fmt: skip


def style(rows: int) -> dict[str, object]:
    """A short grid is as high as its rows (`--rows` in the style sheet).

    The grid's own automatic height draws all rows at once, thousands too when a search is cleared.
    """
    return {"height": None, "--rows": max(rows, 1)}


def grid(name: str, columns: list[Column]) -> dag.AgGrid:
    """The empty table; its `rowData` fills it."""
    return dag.AgGrid(
        id=name,
        columnDefs=[column.definition() for column in columns],
        rowData=[],
        defaultColDef={"sortable": True, "resizable": True, "suppressMovable": True, "filter": False, "suppressHeaderMenuButton": True},
        dashGridOptions=_options(name),
        className="grid",
        style=style(0),
    )  # fmt: skip


def card(name: str, title: str, columns: list[Column]) -> html.Div:
    """A grid with its heading and the links that export it."""
    return html.Div(
        [
            html.Div(
                [
                    html.H2(title, id=f"{name}-title"),
                    html.Span(id=f"{name}-count", className="muted"),
                    html.Div([*([columns_picker(), compare(name)] if name == "products" else []), exports(name, title)], className="tools"),
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
        {name: row[name] for name in names}
        | {"tone": tone(row), "status_group": group(row["status_group"])}
        | (more or {}).get(row["product_key"], {})
        for row in products
    ]


# Export


def of_page(parts: dict[str, object], name: str) -> tuple[str, list[Column], list[dict[str, object]]] | None:
    """A table of a page as its title, columns and rows: what is exported is what the page shows. None where it has no such table."""
    found = next(
        (each for part in parts.values() for each in tables_of(part) if getattr(each, "data-export", None) == name),
        None,
    )
    if found is None:
        return None
    head, body = found.children
    columns = [
        Column(
            str(i),
            text_of(th),
            getattr(th, "title", None) or "",
            "count" if getattr(th, "className", None) == "n" else "text",
        )
        for i, th in enumerate(head.children.children)
    ]
    return getattr(found, "data-title"), columns, [
        {column.name: _value(text_of(td), column) for column, td in zip(columns, row.children, strict=True)}
        for row in body.children
    ]  # fmt: skip


def tables_of(part: object) -> Iterator[html.Table]:
    """The tables in a part of a page that can be exported."""
    if isinstance(part, html.Table) and hasattr(part, "data-export"):
        yield part
    children = part if isinstance(part, list | tuple) else getattr(part, "children", None)
    for child in children if isinstance(children, list | tuple) else [children] if children is not None else []:
        yield from tables_of(child)


def text_of(part: object) -> str:
    """The text of a component, as a person reads it."""
    if isinstance(part, list | tuple):
        between = " " if any(isinstance(each, html.Div) for each in part) else ""
        return between.join(text_of(each) for each in part if each is not None)
    if part is None or isinstance(part, str):
        return part or ""
    return text_of(getattr(part, "children", None))


def _value(text: str, column: Column) -> object:
    """A number as one, where the column has numbers; a dash is no value."""
    if text in ("", "–"):
        return None
    if column.kind == "count" and re.fullmatch(r"[+-]?[0-9][0-9,]*(\.[0-9]+)?%?", text):
        number = float(text.rstrip("%").replace(",", ""))
        return int(number) if number.is_integer() and "." not in text else number
    return text


def _exported(row: dict[str, object], column: Column) -> object:
    value = row.get(column.name)
    if value is None and row.get("few") and column.kind in ("count", "share", "number"):
        return row["few"] if column.name in ("students", *_OF_STUDENTS) else None
    if column.kind == "status" and isinstance(value, str):
        return group(value)
    return round(value, 1) if isinstance(value, float) else value


_OF_STUDENTS = ("pct_access", "engagement_index")


def head(title: str, selection: str, columns: list[Column]) -> list[str]:
    """What stands above an exported table: its title, the selection, and what its columns mean."""
    return [title, selection, *[f"{column.heading}: {column.meaning}" for column in columns if column.meaning]]


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
