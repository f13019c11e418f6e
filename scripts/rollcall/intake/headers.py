"""What a CSV is, by its header; the names under which it is read; and the mapping to propose where its own are near."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rollcall.districts import District
from rollcall.intake import csvfile
from rollcall.intake.csvfile import near
from rollcall.intake.observed import Observed
from rollcall.rules import schema
from rollcall.settings import Settings
from rollcall.text import plain

# What other programs call a column, as `plain` writes it; the likelier name first.
_ALIASES = {
    "sis_id": ("id", "userid", "personid", "studentid", "teacherid", "staffid", "educatorid", "employeeid", "localid", "studentnumber"),
    "first_name": ("first", "givenname", "forename", "legalfirstname"),
    "last_name": ("last", "familyname", "surname", "legallastname"),
    "email": ("emailaddress", "mail", "useremail", "staffemail", "teacheremail", "studentemail", "workemail", "schoolemail"),
    "role": ("jobtitle", "position", "stafftype", "usertype", "jobrole"),
    "school_id": ("schoolsisid", "schoolcode", "schoolnumber", "buildingid", "buildingcode", "campusid", "siteid", "locationid"),
    "school_name": ("school", "building", "buildingname", "campus", "campusname", "site", "sitename"),
    "grade_level": ("grade", "grades", "gradelevels", "yearlevel"),
    "school": ("schoolid", "schoolname", "schoolcode", "building", "buildingcode", "campus", "site"),
    "id": ("sisid", "schoolid", "schoolsisid", "schoolcode", "schoolnumber", "buildingid", "buildingcode", "campusid", "siteid"),
    "name": ("schoolname", "school", "building", "buildingname", "campus", "campusname", "site", "sitename"),
    "aliases": ("alias", "othernames", "alternatenames"),
    "product_id": ("lpid", "appid", "toolid"),
    "product_name": ("product", "app", "appname", "application", "tool", "toolname"),
    "provider": ("providercompanyname", "vendor", "vendorname", "company", "publisher"),
    "url": ("urls", "website", "link", "address", "domain", "pageurl"),
    "sector": ("sectors",),
    "essential_function": ("primaryessentialfunction", "function"),
    "product_status": ("status", "approvalstatus"),
    "privacy_status": ("privacy", "privacyagreement"),
    "occurred_at": ("timestamp", "datetime", "visittime", "visitedat", "eventtime"),
    "user_email": ("email", "emailaddress"),
    "user_id": ("user", "studentid"),
    "duration_seconds": ("duration", "seconds", "activeseconds"),
}  # fmt: skip
# Lists that others publish and that are read as they are: kind → header → column.
_KNOWN = {
    "products": {
        "LP ID": "product_id",
        "URL": "url",
        "Product Name": "product_name",
        "Provider/Company Name": "provider",
        "Sector(s)": "sector",
        "Primary Essential Function": "essential_function",
    }
}
# Columns that make a file a list of people beside their names, and a list of schools whatever it is called.
_PLACES = {"school_id", "school_name", "grade_level"}
_NAMES = {"first_name", "last_name", "email"}
# A list of people that ends is one of members, even with columns of places: no list of a whole staff says when each leaves.
_ENDING_MEMBERS = {*schema.TEMPLATE_COLUMNS["members"], "end_date"}
_SCHOOL_WORDS = ("school", "building", "campus")


@dataclass(frozen=True)
class Form:
    """The kind of a CSV, and which of its headers are read under another name.

    `is_own` is a form other than the template's: a district's mapping, or a known list. It may lack columns.
    """

    kind: str | None
    columns: Mapping[str, str] = field(default_factory=dict)
    is_own: bool = False

    def renamed(self, found: Sequence[str]) -> list[str]:
        """A header in the names of the columns. What is mapped to a column takes the place of one that had its name."""
        targets = {column for header, column in self.columns.items() if header != column}
        return [self.columns.get(name, f"{name} (not mapped)" if name in targets else name) for name in found]

    def wanted(self, found: Sequence[str]) -> list[str]:
        """The columns that a file of this form must have."""
        if self.kind is None:
            return []
        if self.is_own or self.kind in schema.OPEN_FORMS:
            return [*self.columns.values(), *self.lacking(found)]
        optional = schema.OPTIONAL_COLUMNS.get(self.kind, ())
        return [column for column in schema.FORMS[self.kind][0] if column not in optional]

    def lacking(self, found: Sequence[str]) -> list[str]:
        """The columns that a file of this form needs and does not have."""
        return schema.lacking(self.kind, self.renamed(found)) if self.kind else []


NO_FORM = Form(None)  # of what is no CSV


_MOST_COMPARED = 100  # headers that are compared letter by letter with what a column is called


def matched(found: Sequence[str], kind: str) -> dict[str, str]:
    """Column of a kind → the header that is it, or seems to be: by its name, by how others call it, or nearly so."""
    columns = schema.FORMS[kind][0]
    done = {column: column for column in columns if column in found}
    spare = [name for name in dict.fromkeys(found) if name not in done]
    by_plain = {plain(name): name for name in reversed(spare)}

    def take(column: str, header: str | None) -> None:
        if column not in done and header in spare:
            done[column] = header
            spare.remove(header)

    for column in columns:
        take(column, by_plain.get(plain(column)))
    for column in columns:
        for alias in _ALIASES.get(column, ()):
            take(column, by_plain.get(alias))
    if len(spare) <= _MOST_COMPARED:
        for column in columns:
            take(column, near(column, spare))
    return done


def recognize(path: Path, found: Sequence[str], district: District) -> Form:
    """What a CSV is: in the very names of a template, in those of the district or of a known list, or nearly."""
    there = set(found)
    exact = next((kind for kind in ("products", "educators", "students") if set(schema.FORMS[kind][0]) <= there), None)
    # The students' columns are the educators' without the role: a list of staff that lacks it is not one of students.
    if exact and not (exact == "students" and _says_staff(path)):
        return Form(exact)
    if there >= _ENDING_MEMBERS and "sis_id" not in there:
        return Form("members")
    forms = [
        Form(kind, columns, is_own=True)
        for mappings in (district.columns, _KNOWN)
        for kind, columns in mappings.items()
        if set(columns) <= there and _may_be(kind, path, found, columns)
    ]
    return max(forms, key=lambda form: len(form.columns), default=Form(_near_kind(path, found)))


def _says_access(path: Path, found: Sequence[str]) -> bool:
    """Whether a file lists who may see the figures: by its name too, since a list of staff may have the same three columns."""
    there = matched(found, "access")
    others = set(matched([name for name in found if name not in there.values()], "educators"))
    return "access" in path.name.lower() and {"email", "role"} <= set(there) and not others


def _says_staff(path: Path) -> bool:
    name = path.name.lower()
    return any(word in name for word in ("educator", "teacher", "staff")) and "student" not in name


def _may_be(kind: str, path: Path, found: Sequence[str], columns: Mapping[str, str]) -> bool:
    """Whether a file with the headers of a mapping is of its kind, as far as its other headers and its name go.

    Those of students and of staff may have the same names, and a list of schools has no more than any list of people.
    """
    others = set(matched([name for name in found if name not in columns], "educators"))
    match kind:
        case "educators":
            return "role" in columns.values() or ("role" not in others and _says_staff(path))
        case "students":
            return "role" not in others and not _says_staff(path)
        case "members":
            return not others & _PLACES
        case "access":
            return _says_access(path, list(columns.values()))
        case "schools":
            return not others & _NAMES
    return True


def _near_kind(path: Path, found: Sequence[str]) -> str | None:
    """The kind that a header is meant to be, if any. What has sourcedIds is OneRoster's, and none of ours."""
    if any(plain(name).endswith("sourcedid") for name in found):
        return None
    if _says_access(path, found):
        return "access"
    there = {kind: matched(found, kind) for kind in schema.FORMS}
    if {"occurred_at", "url"} <= set(there["usage"]) or len(there["usage"]) > len(schema.USAGE_COLUMNS) / 2:
        return "usage"
    products = set(there["products"])
    if len(products) > len(schema.PRODUCT_COLUMNS) / 2 or (len(products) > 2 and {"product_name", "url"} <= products):
        return "products"
    if set(there["members"]) >= _ENDING_MEMBERS and "sis_id" not in there["educators"]:
        return "members"
    person = set(there["educators"])
    names, places = person & _NAMES, person & _PLACES
    if (len(names) > 1 and places) or (names and len(places | person & {"sis_id"}) > 1):
        return "educators" if "role" in person or _says_staff(path) else "students"
    if len(set(there["members"]) & set(schema.TEMPLATE_COLUMNS["members"])) > 2:
        return "members"
    is_of_schools = any(
        word in plain(name) for name in (path.name, *there["schools"].values()) for word in _SCHOOL_WORDS
    )
    if {"id", "name"} <= set(there["schools"]) and is_of_schools and not names and other_format(found) is None:
        return "schools"
    return None


def read(path: Path, form: Form, observed: Observed, settings: Settings) -> list[str] | None:
    """The header of a CSV in the names of its form's columns. None where it cannot be used: what was noted of it says why."""
    found = csvfile.usable_header(path, observed, settings)
    if found is None or form.kind is None:
        return None
    meant, wanted, names = matched(found, form.kind), form.wanted(found), form.renamed(found)
    columns = [*wanted, *(column for column in schema.FORMS[form.kind][0] if column in names and column not in wanted)]
    csvfile.observe_header(path.name, names, columns, observed, meant)
    return names if set(wanted) <= set(names) else None


def source(path: Path, found: Sequence[str], columns: Sequence[str]) -> str:
    """The FROM clause over these columns of a file; those that it does not have are blank."""
    reader = csvfile.source(path, found, columns)
    if set(columns) <= set(found):
        return reader
    fields = ", ".join(column if column in found else f"null::varchar as {column}" for column in columns)
    return f"(select {fields} from {reader})"


def proposal(path: Path, found: Sequence[str], form: Form, district: District) -> str | None:
    """The lines for `district.toml` with which a file that is nearly of a kind is taken as it is. None where it lacks what that needs."""
    if form.kind is None:
        return None
    own = {header: column for column, header in matched(found, form.kind).items() if found.count(header) == 1}
    trial = district.model_copy(update={"columns": district.columns | {form.kind: own}})
    again = recognize(path, found, trial)
    if again.columns != own or again.lacking(found) or any(len(header) > 100 for header in own):
        return None
    lines = [f"{_quoted(header)} = {_quoted(own[header])}" for header in found if header in own]
    return "\n".join([f"[columns.{form.kind}]", *lines])


def _quoted(text: str) -> str:
    """A basic string of TOML, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


@dataclass(frozen=True)
class Other:
    """What a file is that Rollcall knows and does not read, and what to deliver instead."""

    name: str
    remedy: str


_ROSTER = (
    "a OneRoster export from the same system, or its lists of staff and of students, each as a CSV file of its own"
)
_SDS_1 = Other("in the format of Microsoft School Data Sync, version 1", _ROSTER)
_SDS_2 = Other("in the format of Microsoft School Data Sync, version 2, which lacks columns of OneRoster", _ROSTER)
_CLEVER = Other("in the roster format of Clever", _ROSTER)
_CLEVER_USAGE = Other(
    "a Clever report, which counts logins and resources by day and lists no page loads",
    "the page loads of the browser extension",
)


def other_format(found: Sequence[str]) -> Other | None:
    """Whose format a header is in, where it is none of ours."""
    names = {plain(name) for name in found}
    if "cleveruserid" in names:
        return _CLEVER_USAGE
    if "sisid" in names and names & {"schoolsisid", "sectionsisid"}:
        return _SDS_1
    if {"schoolid", "sectionid"} <= names:
        return _CLEVER
    # Every file of OneRoster has both of these.
    if any(name.endswith("sourcedid") for name in names) and not names & {"status", "datelastmodified"}:
        return _SDS_2
    return None
