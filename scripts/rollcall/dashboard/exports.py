"""Files at addresses of their own: tables as a page shows them for the address's filters, and the reports of deliveries."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import flask

from rollcall.dashboard import heat, sheets, views
from rollcall.errors import RollcallError

if TYPE_CHECKING:
    from rollcall.dashboard.filters import Filters
    from rollcall.dashboard.scope import Figures, Scopes

TYPES = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
# The page of a table: grids by name, other tables by what their name begins with (`product-schools`).
_PAGES = {
    "products": "/", "new": "/review", "unapproved": "/review", "heat": "/schools", "inventory": "/", "coverage": "/coverage",
    "quality": "/quality", "product": "/product", "school": "/school", "wall": "/wall", "compare": "/compare",
}  # fmt: skip


def routes(server: flask.Flask, scopes: Scopes) -> None:
    @server.get("/export/<name>.<kind>")
    def export(name: str, kind: str):
        path = _PAGES.get(name.partition("-")[0])
        if path is None or kind not in TYPES:
            flask.abort(404)
        query = flask.request.query_string.decode("utf-8", "replace")
        try:
            figures = scopes.figures()
        except RollcallError as error:
            flask.abort(503, str(error))
        if figures.options.missing("?" + query):
            flask.abort(404)
        filters = views.kept(figures.options.read("?" + query), path)
        if not figures.has_page(path, filters.district_id):
            flask.abort(404)
        if path != "/quality" and figures.too_few(filters):
            flask.abort(
                403,
                f"This selection covers fewer than {figures.threshold} students, or would reveal figures about so few.",
            )
        asked = parse_qs(query)
        if "-" in name:
            shown = views.show(figures, filters, path, query)
            found = sheets.of_page(shown.parts, name)
            if found is None:
                flask.abort(404)
            subject, (title, columns, rows) = shown.title, found
        else:
            subject, (title, columns, rows) = "", _table(figures, filters, name, asked)
            rows = sheets.ordered(rows, columns, asked.get("sort", [None])[0])
        scopes.note("exported", filters.district_id, f"{name}.{kind}?{query}")
        of = [figures.options.districts[filters.district_id].name, views.selection(figures, filters, path, subject)]
        lines = sheets.head(title, ": ".join(words for words in of if words), columns)
        return file(lines, columns, rows, kind, f"{name}_{filters.district_id}_{filters.first}_{filters.last}")

    @server.get("/report/<delivery_id>")
    def report(delivery_id: str):
        """What is wrong with a delivery, as its report says it. The path is made of what is published, and of nothing that was asked."""
        try:
            found = scopes.figures().reported(delivery_id)
        except RollcallError as error:
            flask.abort(503, str(error))
        wanted = flask.request.args.get("district")
        for district, delivery in found:
            file = scopes.settings.quarantine / district / delivery / "report.html"
            if district == wanted and file.is_file():
                scopes.note("opened a report", district, delivery)
                return flask.send_file(file.resolve(), mimetype="text/html")
        flask.abort(
            404, "This delivery has no report. It may have been released or discarded, or its report deleted with age."
        )


def file(lines: list[str], columns: list[sheets.Column], rows: list[dict], kind: str, name: str) -> flask.Response:
    """A table as a file to download."""
    content = (sheets.as_csv if kind == "csv" else sheets.as_xlsx)(lines, columns, rows)
    answer = flask.Response(content, content_type=TYPES[kind])
    name = re.sub(r"[^\w-]", "_", name, flags=re.ASCII)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return answer


def _table(figures: Figures, filters: Filters, name: str, asked: dict) -> tuple[str, list[sheets.Column], list[dict]]:
    if name == "products":
        wanted = asked.get("columns", [""])[0].split(".")
        columns = [column for column in sheets.PRODUCTS[1:] if column.name in wanted]
        return "Products", [sheets.PRODUCTS[0], *columns] if columns else sheets.PRODUCTS, figures.products(filters)
    if name == "heat":
        measure = heat.MEASURES[views.measure_of(asked)]
        students = replace(filters, user_types=("student",))
        grades = figures.options.districts[filters.district_id].grades
        drawn = heat.draw(
            figures.places(students), grades, views.measure_of(asked), views.school_days(figures, filters)
        )
        columns = [
            sheets.Column(each["field"], each["headerName"], each.get("headerTooltip", "")) for each in drawn.columns
        ]
        rows = [
            {each.name: row.get(f"few_{each.name}", row.get(each.name)) for each in columns}
            for row in drawn.totals + drawn.rows
        ]
        return measure.title, columns, rows
    fresh, unapproved = views.reviewed(figures, filters)
    return (
        ("New products", sheets.NEW, fresh)
        if name == "new"
        else ("Used without approval", sheets.UNAPPROVED, unapproved)
    )
