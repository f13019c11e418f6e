"""The addresses below `/office/`: pieces of the Deliveries and Members pages, and what their forms do.

Pieces are HTML that the page puts in its place; a form answers with the piece as it is then. The district is named by the request, and
`people` says whether the person may change it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

import flask
import jinja2
from werkzeug.datastructures import MultiDict

from rollcall.dashboard import exports, sheets
from rollcall.districts import District
from rollcall.errors import RollcallError
from rollcall.intake import aliases, districts, landing
from rollcall.intake import members as room
from rollcall.intake.take import Decision
from rollcall.office import deliveries, members, people, uploads
from rollcall.office.work import Refreshes, Trials
from rollcall.refresh.lock import refresh_lock
from rollcall.settings import Settings
from rollcall.web import people as people_of
from rollcall.web.people import NoAccess

_CSV = "text/csv; charset=utf-8"
_LOGGED = ("email", "alias", "org")  # of a form, which its address does not say
_OUT = {"report.html": "text/html; charset=utf-8", "report-rows.csv": _CSV, "changes.csv": _CSV}


class Source(Protocol):
    """What gives the version that readers have."""

    settings: Settings

    def figures(self): ...


def _asked() -> dict[str, str]:
    """What the list of educators is narrowed by."""
    return {name: flask.request.values.get(name, "")[:200] for name in ("search", "school", "grade")}


@cache
def _templates() -> jinja2.Environment:
    folder = Path(__file__).with_name("templates")
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["number"] = lambda value: f"{value:,}"
    return made


class Office:
    """The pages' other half: what they show that is not published yet, and what they change."""

    def __init__(self, source: Source):
        self.source, self.settings = source, source.settings
        self.trials, self.refreshes = Trials(self.settings), Refreshes(self.settings)

    def district(self) -> str:
        """The district of the request: one that the person may see for what only shows, one that they may change for all else."""
        # Looked for in the address first: a piece of a file is no form, whatever it is called.
        district_id = flask.request.args.get("district") or flask.request.form.get("district", "")
        (people.must_see if flask.request.method == "GET" else people.must_change)(district_id)
        try:
            return districts.in_landing(self.settings, district_id).name
        except RollcallError:
            flask.abort(404, "There is no landing folder of this district.")

    def note(self, action: str, district_id: str, what: str) -> None:
        people.note(self.settings, action, district_id, what)

    def ask(self, sql: str, parameters: dict[str, object]) -> list[dict[str, object]]:
        return self.source.figures().version.rows(sql, parameters)

    def _page(self, name: str, district_id: str, **more: object) -> flask.Response:
        zone = ZoneInfo("UTC")
        try:
            zone = District.load(deliveries.landing_folder(self.settings, district_id)).zone
        except RollcallError as error:
            more.setdefault("error", str(error))

        def moment(at: datetime | str) -> str:
            at = datetime.fromisoformat(at) if isinstance(at, str) else at
            there = at.astimezone(zone)
            return f"{there:%B} {there.day}, {there.year}, {there:%I:%M %p %Z}".replace(", 0", ", ")

        text = (
            _templates()
            .get_template(name)
            .render(district_id=district_id, moment=moment, may_change=people.may_change(district_id), **more)
        )
        return flask.Response(text, headers={"Cache-Control": "no-store"})

    def deliveries(self, district_id: str, said: str = "", error: str = "") -> flask.Response:
        pending = deliveries.pending(self.settings, district_id)
        refused = deliveries.refused(self.settings, district_id)
        published: set[str] = set()
        is_published = True
        try:
            rows = self.ask(
                "select delivery_id from fct_deliveries where district_id = $district and verdict = 'accepted'",
                {"district": district_id},
            )
            published = {str(row["delivery_id"]) for row in rows}
        except RollcallError:
            is_published = False  # before the first version
        is_busy = any(each.is_busy for each in pending) or any(one.trial and one.trial.is_busy for one in refused)
        return self._page(
            "deliveries.html.jinja", district_id, pending=pending, refused=refused, said=said, error=error,
            files=deliveries.files(self.settings, district_id, published), refreshes=self.refreshes,
            is_running=self.refreshes.is_running, is_busy=is_busy or self.refreshes.is_running, piece=uploads.PIECE,
            most=self.settings.upload_max_bytes, is_published=is_published,
        )  # fmt: skip

    def members(self, district_id: str, said: str = "", error: str = "") -> flask.Response:
        asked = _asked()
        found, total = members.educators(self.ask, district_id, asked)
        schools, grades = members.choices(self.ask, district_id)
        return self._page(
            "members.html.jinja", district_id, educators=found, total=total, asked=asked, schools=schools, grades=grades,
            students=members.students(self.ask, district_id, self.settings.small_count), said=said, error=error, roles=room.roles(),
            names=members.school_names(self.ask, district_id), kinds=deliveries.KINDS, all_grades=members.all_grades(self.ask),
            # What was typed into a form that was refused is not lost.
            given=flask.request.form if error and flask.request.path.endswith("/add") else MultiDict(),
        )  # fmt: skip

    def exported(self, district_id: str, name: str, kind: str) -> flask.Response:
        """A table of the Members page, by the code that exports those of all other pages."""
        asked = _asked()
        columns, rows = members.table(self.ask, district_id, name, self.settings.small_count, asked)
        filters = ", ".join(f"{key} {value}" for key, value in asked.items() if value) if name == "members" else ""
        self.note("exported", district_id, f"{name}.{kind} {filters}".strip())
        lines = sheets.head(members.TABLES[name], ": ".join(filter(None, (district_id, filters))), columns)
        return exports.file(lines, columns, rows, kind, f"{name}_{district_id}")

    def do(self, page: Callable[..., flask.Response], action: str, act: Callable[[str], str]) -> flask.Response:
        """Does what a form asks for, logs it, and answers with the page; `act` says what was done."""
        district_id = self.district()
        try:
            what = flask.request.path.removeprefix("/office/")
            self.note(action, district_id, " ".join(filter(None, (what, *map(flask.request.form.get, _LOGGED)))))
            said = act(district_id)
        except RollcallError as error:
            text = str(error)
            return page(district_id, error=text[:1].upper() + text[1:])
        return page(district_id, said=said)


def attach(server: flask.Flask, source: Source) -> None:
    """Adds the addresses to the dashboard's server, and goes on with what an earlier one left waiting."""
    office = Office(source)
    pages = flask.Blueprint("office", __name__, url_prefix="/office")
    form = flask.request

    @pages.errorhandler(NoAccess)
    def no_access(error: NoAccess):
        return f"{str(error).capitalize()}.", 403

    @pages.errorhandler(RollcallError)
    def refused(error: RollcallError):
        return str(error), 400

    @pages.get("/deliveries")
    def show_deliveries():
        return office.deliveries(office.district())

    @pages.get("/start")
    def start():
        """Before the first version, which says who may see what, only the person at the machine itself is let in."""
        if not people_of.current().is_everyone:
            raise NoAccess("this is for the machine that serves the dashboard")
        found = [folder.name for folder in landing.folders(office.settings)]
        return _templates().get_template("start.html.jinja").render(districts=found, landing=office.settings.landing)

    @pages.get("/members")
    def show_members():
        district_id = office.district()
        office.note("saw", district_id, "/office/members")
        return office.members(district_id)

    @pages.get("/members/<name>.<kind>")
    def export_members(name: str, kind: str):
        district_id = office.district()
        if name not in members.TABLES or kind not in exports.TYPES:
            flask.abort(404)
        return office.exported(district_id, name, kind)

    # Uploads

    @pages.post("/uploads")
    def begin():
        district_id = office.district()
        name, size = form.form.get("name", ""), form.form.get("size", "")
        if not size.isdigit() or len(size) > 18:
            flask.abort(400, "The size of the file is missing.")
        office.note("uploaded", district_id, name[:200])
        upload = uploads.begin(office.settings, district_id, name, int(size), people.name())
        return {"id": upload.upload_id, "piece": uploads.PIECE}

    @pages.post("/uploads/<upload_id>/pieces/<int:offset>")
    def piece(upload_id: str, offset: int):
        upload = _upload(upload_id)
        there = uploads.receive(office.settings, upload, offset, form.get_data(cache=False))
        if upload.status == uploads.WAITING:
            office.trials.wake()
        return {"there": there}

    def _upload(upload_id: str) -> uploads.Upload:
        try:
            return uploads.find(office.settings, office.district(), upload_id)
        except uploads.Gone as error:
            flask.abort(404, str(error))

    @pages.post("/uploads/<upload_id>/place")
    def place(upload_id: str):
        def act(district_id: str) -> str:
            upload = uploads.find(office.settings, district_id, upload_id)
            placed = uploads.place(office.settings, upload)
            return f"{placed.name} is in the landing folder. The next refresh takes it."

        return office.do(office.deliveries, "placed", act)

    @pages.post("/uploads/<upload_id>/remove")
    def remove(upload_id: str):
        def act(district_id: str) -> str:
            upload = uploads.find(office.settings, district_id, upload_id)
            office.trials.stop(upload)
            uploads.remove(office.settings, upload)
            return f"{upload.file_name} is removed; nothing of it was applied."

        return office.do(office.deliveries, "removed", act)

    @pages.get("/uploads/<upload_id>/<name>")
    def found(upload_id: str, name: str):
        upload = _upload(upload_id)
        people.must_change(upload.district_id)
        file = upload.out(office.settings) / name
        if name not in _OUT or not file.is_file():
            flask.abort(404, "There is no such file, or no longer.")
        office.note("opened", upload.district_id, f"{name} of {upload.file_name}")
        return flask.send_file(file.resolve(), mimetype=_OUT[name], as_attachment=name.endswith(".csv"))

    # Held and rejected deliveries

    @pages.post("/deliveries/<delivery_id>/release")
    def release(delivery_id: str):
        def act(district_id: str) -> str:
            deliveries.release(office.settings, district_id, delivery_id, people.name(), form.form.get("why", ""))
            return "Released. The next refresh applies it."

        return office.do(office.deliveries, "released", act)

    @pages.post("/deliveries/<delivery_id>/discard")
    def discard(delivery_id: str):
        def act(district_id: str) -> str:
            deliveries.discard(office.settings, district_id, delivery_id, people.name(), form.form.get("why", ""))
            return "Closed. Nothing of it was applied."

        return office.do(office.deliveries, "discarded", act)

    @pages.post("/deliveries/<delivery_id>/try")
    def try_held(delivery_id: str):
        def act(district_id: str) -> str:
            deliveries.try_held(office.settings, district_id, delivery_id, people.name())
            office.trials.wake()
            return ""

        return office.do(office.deliveries, "tried", act)

    @pages.get("/deliveries/<delivery_id>/<name>")
    def report(delivery_id: str, name: str):
        district_id = office.district()
        file = deliveries.file_of(office.settings, district_id, delivery_id, name) if name in _OUT else None
        if file is None:
            flask.abort(404, "There is no such report, or no longer.")
        office.note("opened", district_id, f"{name} of {delivery_id}")
        return flask.send_file(file.resolve(), mimetype=_OUT[name], as_attachment=name.endswith(".csv"))

    @pages.post("/refresh")
    def refresh():
        def act(_district_id: str) -> str:
            office.refreshes.start(people.name())
            return "The refresh has started."

        return office.do(office.deliveries, "refreshed", act)

    # Members

    @pages.post("/members/add")
    def add():
        def act(district_id: str) -> str:
            given = {
                name: form.form.get(name, "").strip()[:200] for name in ("email", "first_name", "last_name", "role")
            }
            schools = [each[:500] for each in form.form.getlist("schools")]
            grades = [each[:20] for each in form.form.getlist("grades")]
            end_date = form.form.get("end_date", "").strip()[:20]
            room.add(office.settings, district_id, **given, schools=schools, grades=grades, end_date=end_date)
            return f"{given['first_name']} {given['last_name']} is added with the next refresh."

        return office.do(office.members, "added an educator", act)

    @pages.post("/members/remove")
    def take_off():
        def act(district_id: str) -> str:
            email = form.form.get("email", "")[:200]
            room.remove(office.settings, district_id, email)
            return f"{email} is removed with the next refresh."

        return office.do(office.members, "removed an educator", act)

    @pages.post("/members/school")
    def school():
        def act(district_id: str) -> str:
            alias, org = form.form.get("alias", "")[:500], form.form.get("org", "")[:500]
            known = {str(each["id"]): str(each["name"]) for each in members.choices(office.ask, district_id)[0]}
            if org not in known:
                raise RollcallError("choose one of the district's schools")
            decision = Decision(people.name(), f"“{alias}” is {known[org]}")
            with refresh_lock(office.settings):
                again = aliases.add(office.settings, district_id, org, known[org], alias, decision)
            words = f"“{alias}” is {known[org]} with the next refresh."
            if again:
                words += f" It reads {', '.join(again)} again, since rows of it were set aside."
            return words

        return office.do(office.members, "named a school", act)

    server.register_blueprint(pages)
    office.trials.wake()
