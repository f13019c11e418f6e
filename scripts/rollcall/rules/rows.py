"""The rules on what the definition of a column in `seeds/oneroster_columns.csv` asks of every row."""

from __future__ import annotations

from collections.abc import Iterator

from rollcall.rules import schema
from rollcall.rules.rule import ONE_OF, Check, Meant, Mode, Rule, Severity, Together, near, sql
from rollcall.rules.tables import KNOWN

SECTION = "All rows"

# What another rule looks at is left to it.
_OWN_RULE = {
    ("orgs.csv", "sourcedId"), ("orgs.csv", "name"), ("orgs.csv", "type"), ("orgs.csv", "parentSourcedId"),
    ("users.csv", "sourcedId"), ("users.csv", "enabledUser"), ("users.csv", "orgSourcedIds"), ("users.csv", "role"),
    ("users.csv", "primaryOrgSourcedId"), ("roles.csv", "role"),
}  # fmt: skip
# Ids of these files have a rule of their own, which rejects; of the others, repeated rows are set aside.
_OWN_ID_RULE = ("orgs.csv", "users.csv")
# Names are not needed of everybody, and what is not needed is not asked for.
_NOT_ASKED = {("users.csv", column) for column in ("username", "givenName", "familyName")}
_FORMS = {
    "date": ("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "a date such as 2026-11-20"),
    "datetime": (
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?$",
        "a time such as 2026-11-20T08:15:00.000Z",
    ),
    "boolean": ("^(true|false)$", "true or false"),
    "year": ("^[0-9]{4}$", "a year such as 2026"),
}

_UNKNOWN = Meant()


def _files() -> Iterator[tuple[str, str, list[schema.Column]]]:
    """(version, file, the columns of it that these rules look at)."""
    for version in schema.ONEROSTER_VERSIONS:
        for file, columns in schema.oneroster_files(version).items():
            if file != "manifest.csv":
                asked = [c for c in columns if (file, c.name) not in _OWN_RULE and schema.is_read(file, c)]
                yield version, file, asked


def _cells(
    file: str,
    version: str,
    tests: list[tuple[str, str, str]],
    mode: Mode | None = None,
    is_hidden: bool = False,
    meant: Meant = _UNKNOWN,
) -> Iterator[Check]:
    """The check of these tests, (column, condition, detail), on the cells of a file, if there are any tests."""
    if tests:
        table = schema.table_name(file)
        yield Check(table, sql("cells", table=table, tests=tests, is_hidden=is_hidden), version, mode, meant=meant)


def _required() -> Iterator[Check]:
    for version, file, columns in _files():
        required = [c.name for c in columns if c.is_required and (file, c.name) not in _NOT_ASKED]
        yield from _cells(file, version, [(name, f"coalesce(trim(\"{name}\"), '') = ''", "null") for name in required])


def _in_vocabulary() -> Iterator[Check]:
    for version, file, columns in _files():
        tests = []
        for column in columns:
            if values := schema.vocabulary(version, column.data_type):
                known = ", ".join(f"'{value}'" for value in values)
                own = f" and not starts_with(\"{column.name}\", 'ext:')" if version == "1.2" else ""
                test = f'trim("{column.name}") <> \'\' and trim("{column.name}") not in ({known}){own}'
                tests.append((column.name, test, f"'{', '.join(values)}'"))
        yield from _cells(file, version, tests, meant=ONE_OF)


def _of_the_right_form() -> Iterator[Check]:
    for version, file, columns in _files():
        tests = []
        for column in columns:
            if form := _FORMS.get(column.data_type):
                value = f'trim("{column.name}")'
                value = f"lower({value})" if column.data_type == "boolean" else value
                test = f"({value} <> '' and not regexp_matches({value}, '{form[0]}'))"
                if column.data_type == "date":
                    test = f"({test} or ({value} <> '' and try_cast({value} as date) is null))"
                tests.append((column.name, test, f"'{form[1]}'"))
        yield from _cells(file, version, tests)


def _references() -> Iterator[Check]:
    for version, file, columns in _files():
        for column in columns:
            target = column.refers_to
            if target in KNOWN:
                values = {"column": column.name, "is_list": column.is_list, "target": target}
                table = schema.table_name(file)
                known = f"known_{target}"
                statement = sql("reference-resolves", table=table, **values)
                yield Check(table, statement, version, needs=(known,), meant=near(known, "sourcedId"))


def _unique_ids() -> Iterator[Check]:
    """The blank ones are for `value-required`."""
    for version in schema.ONEROSTER_VERSIONS:
        for file, columns in schema.oneroster_files(version).items():
            if file not in _OWN_ID_RULE and "sourcedId" in (column.name for column in columns):
                table = schema.table_name(file)
                yield Check(table, sql("id-unique", table=table, id="sourcedId", with_blank=False), version)


def _status(mode: Mode) -> Iterator[Check]:
    test, detail = {
        Mode.BULK: ("<> ''", "'filled in bulk files'"),
        Mode.DELTA: ("= ''", "'blank in deltas'"),
    }[mode]
    for version, file, columns in _files():
        names = [c.name for c in columns if c.name in ("status", "dateLastModified") and c.kept != "nobody"]
        tests = [(name, f"coalesce(trim(\"{name}\"), '') {test}", detail) for name in names]
        yield from _cells(file, version, tests, mode, is_hidden=True)


RULES = (
    Rule(
        "value-required",
        Severity.ERROR,
        SECTION,
        says="a required value is there",
        message="{count:# row has no {column} and is|# rows have no {column} and are} set aside",
        fix="Fill in {column}",
        checks=tuple(_required()),
    ),
    Rule(
        "value-vocabulary",
        Severity.ERROR,
        SECTION,
        says="a value is of its OneRoster vocabulary",
        message="{column} {value:* is not a value|* are not values} of the standard; {count:# row is|# rows are} set aside",
        fix="Use one of: {detail}",
        checks=tuple(_in_vocabulary()),
        in_guide=True,
    ),
    Rule(
        "value-format",
        Severity.WARNING,
        SECTION,
        says="dates, times, booleans and years have the right form",
        message="{column} is not {detail} in {count:# row|# rows} and counts as empty: {value:*|*}",
        fix="Enter {detail}",
        checks=tuple(_of_the_right_form()),
    ),
    Rule(
        "reference-resolves",
        Severity.ERROR,
        SECTION,
        says="references of the optional files lead to a row",
        message="{column} names {value:*, which is not the sourcedId of an active row|*, which are not sourcedIds of active rows} of {detail}; "
        "{count:# row is|# rows are} set aside",
        fix="Correct {column}: {advice}",
        checks=tuple(_references()),
    ),
    Rule(
        "status-in-bulk",
        Severity.WARNING,
        SECTION,
        says="status and dateLastModified are blank in bulk, and filled in a delta",
        message="{column:* is|* are} {detail}: {file}",
        fix="Leave status and dateLastModified empty in bulk files, and fill them in deltas",
        together=Together.RULE,
        checks=(*_status(Mode.BULK), *_status(Mode.DELTA)),
    ),
    Rule(
        "row-id-unique",
        Severity.ERROR,
        SECTION,
        says="a sourcedId comes once in its file",
        message="{value:sourcedId * is|sourcedIds * are} used more than once; {count:# row after the first is|# rows after the first are} set aside",
        fix="Give every row its own sourcedId, and leave out repeated rows",
        checks=tuple(_unique_ids()),
    ),
    Rule(
        "enrollment-unique",
        Severity.WARNING,
        SECTION,
        says="one user, class and role once for the same dates",
        message="{count:# enrollment repeats|# enrollments repeat} the user, class, role and dates of an earlier row: counted once",
        fix="Leave out the repeated rows",
        checks=(Check("enrollments", sql("enrollment-unique")),),
    ),
)
