"""The roster rules: every id, severity, message and fix is defined here once; reports and `docs/rules.md` derive from it.

A rule on rows carries the SQL that finds the rows that break it, over the delivery's files as DuckDB tables (one a file,
every column as delivered, `_row_number` as a spreadsheet counts). It returns `row_number, column_name, value, detail`.
What it looks up is in `known_<table>`: all rows that hold once the delivery does, be it a full list or a delta.
A rule on bytes, names or columns has no SQL: the intake raises it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from rollcall.intake import schema


class Severity(StrEnum):
    """What a broken rule does; in the order of weight."""

    REJECT = "reject"
    HOLD = "hold"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Rule:
    """One rule. `message` and `fix` may use {value}, {column}, {row}, {file}, {count}, {detail}, {advice}.

    `checks` are (table, SQL) pairs; `users@1.1` is the table as that version of the standard has it, `users` as any has.
    """

    id: str
    severity: Severity
    section: str
    says: str
    message: str
    fix: str
    checks: tuple[tuple[str, str], ...] = ()
    in_guide: bool = False


RULES: dict[str, Rule] = {}
# Rules that keep the keys of the lake unique: a district may have them reject or set rows aside, and nothing less.
KEY_RULES = ("org-id-unique", "user-id-unique", "row-id-unique", "product-id-unique")


def _rule(id_: str, severity: str, section: str, says: str, message: str, fix: str, *checks: str, star=False) -> None:
    pairs = tuple(zip(checks[::2], checks[1::2], strict=True))
    RULES[id_] = Rule(id_, Severity(severity), section, says, message, fix, pairs, star)


CONTAINER, COLUMNS, ORGS, USERS, ROWS, AGAINST, TEMPLATES, USAGE, PRODUCTS = (
    "Container",
    "Columns",
    "Orgs",
    "Users",
    "All rows",
    "Against the district's last good roster",
    "Roster templates and members",
    "Usage",
    "Products",
)

# Container ---------------------------------------------------------------------------------------------------------
_rule(
    "zip-required", "reject", CONTAINER, "OneRoster files come in a zip",
    "{file} is a loose OneRoster file",
    "Put all OneRoster CSVs of the export into one zip, named with its date (roster_2026-11-20.zip), and deliver that",
    star=True,
)  # fmt: skip
_rule(
    "zip-readable", "reject", CONTAINER, "the zip opens, is not encrypted, and every entry is intact",
    "{file} cannot be read: {detail}",
    "Export and zip the files again, without a password, and upload the whole file",
)  # fmt: skip
_rule(
    "zip-safe", "reject", CONTAINER,
    "no path tricks, links, nested archives or duplicates; at most 64 entries, 100x expansion and the configured size",
    "{file} is not safe to unpack: {detail}",
    "Zip only the OneRoster CSVs, at the root of the zip",
)  # fmt: skip
_rule(
    "zip-layout", "reject", CONTAINER, "all files are at the root or in one top folder",
    "{file} lies in the folder '{value}' while other files do not",
    "Zip the CSVs themselves, all at the root of the zip",
    star=True,
)  # fmt: skip
_rule(
    "file-required", "reject", CONTAINER, "manifest.csv, users.csv and orgs.csv (and roles.csv in 1.2) are there",
    "{file} is missing from the zip", "Export {file} too and put it into the zip",
    star=True,
)  # fmt: skip
_rule(
    "file-name-exact", "reject", CONTAINER, "files are named exactly as in the standard",
    "'{file}' is not the standard's name of this file: it must be '{detail}'", "Rename '{file}' to '{detail}'",
    star=True,
)  # fmt: skip
_rule(
    "file-unexpected", "warning", CONTAINER, "a file that the standard does not know",
    "{file} is not a file of OneRoster {detail} and was not read", "Leave {file} out of the zip",
)  # fmt: skip
_rule(
    "encoding-utf8", "reject", CONTAINER, "every CSV is valid UTF-8",
    "line {row} of {file} is not valid UTF-8 (byte {value})",
    "Export or save the file as 'CSV UTF-8' without byte order mark",
    star=True,
)  # fmt: skip
_rule(
    "encoding-no-bom", "reject", CONTAINER, "no byte order mark",
    "{file} begins with a byte order mark ({value}), which hides the name of its first column",
    "Save the file as UTF-8 without BOM (in many editors: 'UTF-8', not 'UTF-8 with BOM')",
    star=True,
)  # fmt: skip
_rule(
    "csv-readable", "reject", CONTAINER, "RFC 4180: as many fields in every row as in the header, quotes closed",
    "line {row} of {file} cannot be read: {detail}",
    "Quote values that hold a comma, a quote or a line break, and give every row as many fields as the header",
)  # fmt: skip
_rule(
    "file-readable", "reject", CONTAINER, "the file can be read as what it says it is",
    "{file} cannot be read: {detail}", "Export the file again, and upload the whole of it",
)  # fmt: skip
_rule(
    "delivery-failed", "hold", CONTAINER, "Rollcall itself can process the file",
    "Rollcall failed while it processed {file} ({detail}): this is an error in Rollcall, not in the file",
    "Nothing to correct in the file. Report the error with its traceback, which is in rollcall.log of the build folder; "
    "after an update, `rollcall release` processes the file again",
)  # fmt: skip
_rule(
    "delivery-builds", "hold", CONTAINER, "the warehouse can be built from the delivery's rows, and passes its tests and its audit",
    "The warehouse cannot be published with this delivery: {detail}. It was taken back out, and what was published before holds",
    "Deliver a corrected file; if the file is right, report the error, and `rollcall release` the delivery after an update",
)  # fmt: skip
_rule(
    "file-within-limits", "reject", CONTAINER,
    "header, columns, manifest and what a .gz inflates to are within the configured limits",
    "{file} is too large to read: {detail}",
    "Export only the columns that are asked for, and split a long file; the limits are settings of the refresh",
)  # fmt: skip
_rule(
    "file-not-empty", "reject", CONTAINER, "no file has zero bytes",
    "{file} is empty (zero bytes)", "Export {file} again; a file without rows still has its header line",
)  # fmt: skip
_rule(
    "manifest-valid", "reject", CONTAINER, "the manifest is known, and agrees with what is in the zip",
    "{file}, line {row}: {detail}", "Correct the manifest, or the files in the zip, so that they agree",
)  # fmt: skip

# Columns -----------------------------------------------------------------------------------------------------------
_rule(
    "header-exact", "reject", COLUMNS, "each standard column is there, spelled and cased as in OneRoster, and only once",
    "{file}: {detail}", "Correct the header line of {file}: {advice}",
    star=True,
)  # fmt: skip
_rule(
    "user-enabled-column", "reject", COLUMNS, "users.csv has enabledUser",
    "users.csv has no column 'enabledUser'{detail}",
    "Add 'enabledUser' to users.csv, with true or false for every user",
    star=True,
)  # fmt: skip
_rule(
    "header-order", "warning", COLUMNS, "columns are in the standard's order",
    "{file}: '{column}' is not where the standard has it", "Order the columns of {file} as in the standard",
)  # fmt: skip
_rule(
    "header-unknown", "warning", COLUMNS, "columns that are neither standard nor metadata.*",
    "{file}: the column '{column}' is not in the standard and was not read", "Leave it out, or name it 'metadata.{column}'",
)  # fmt: skip

# Orgs --------------------------------------------------------------------------------------------------------------
_rule(
    "org-district-present", "reject", ORGS, "at least one org of type district",
    "orgs.csv has no row of type 'district'",
    "Add the district itself to orgs.csv, with type 'district', and make it the parent of its schools",
    "orgs",
    """select null as row_number, 'type' as column_name, null as value, null as detail
    where not exists (select 1 from known_orgs where trim(type) = 'district')""",
    star=True,
)  # fmt: skip
_rule(
    "org-parent-resolves", "reject", ORGS, "every parentSourcedId is an org in the file",
    "parentSourcedId '{value}' is not the sourcedId of any org in orgs.csv",
    "Add the org '{value}' to orgs.csv, or correct the parentSourcedId of the rows that name it",
    "orgs",
    """select _row_number as row_number, 'parentSourcedId' as column_name, trim(parentSourcedId) as value, null as detail
    from orgs
    where trim(parentSourcedId) <> '' and trim(parentSourcedId) not in (select trim(sourcedId) from known_orgs)""",
    star=True,
)  # fmt: skip
_rule(
    "org-school-under-district", "reject", ORGS, "following parents from each school reaches a district, without a circle",
    "following the parents of school '{value}' does not reach a district",
    "Give the school the district's sourcedId as its parentSourcedId",
    "orgs",
    """with recursive ancestors as (
        select trim(sourcedId) as school, trim(sourcedId) as org from known_orgs where trim(type) = 'school'
        union
        select ancestors.school, trim(orgs.parentSourcedId)
        from ancestors inner join known_orgs as orgs on trim(orgs.sourcedId) = ancestors.org
        where trim(orgs.parentSourcedId) <> ''
    ),
    under_district as (
        select ancestors.school from ancestors
        inner join known_orgs as orgs on trim(orgs.sourcedId) = ancestors.org and trim(orgs.type) = 'district'
    ),
    unresolved as (
        select ancestors.school from ancestors
        where ancestors.org not in (select trim(sourcedId) from known_orgs)
    )
    select _row_number as row_number, 'parentSourcedId' as column_name, trim(sourcedId) as value, null as detail
    from orgs
    where trim(type) = 'school'
        and trim(sourcedId) not in (select school from under_district)
        and trim(sourcedId) not in (select school from unresolved)
        and exists (select 1 from known_orgs where trim(type) = 'district')""",
    star=True,
)  # fmt: skip
_ID_UNIQUE = """select _row_number as row_number, 'sourcedId' as column_name, trim(sourcedId) as value,
        case when trim(sourcedId) <> '' then 'it stands first in row ' || first_row else 'it is blank' end as detail
    from (
        select *, min(_row_number) over (partition by trim(sourcedId)) as first_row from {table}
        where sourcedId is null or trim(sourcedId) = ''
            or trim(sourcedId) in (select trim(sourcedId) from {table} group by 1 having count(*) > 1)
    )
    where _row_number > first_row or coalesce(trim(sourcedId), '') = ''"""
_rule(
    "org-id-unique", "reject", ORGS, "sourcedId is filled and unique",
    "sourcedId '{value}' is not a usable id of an org: {detail}", "Give every org its own sourcedId",
    "orgs", _ID_UNIQUE.replace("{table}", "orgs"),
)  # fmt: skip
_rule(
    "org-type-valid", "error", ORGS, "the type is one of OneRoster's org types",
    "'{value}' is not an org type; the row was set aside", "Use one of: {detail}",
    "orgs",
    """select _row_number as row_number, 'type' as column_name, type as value,
        (select string_agg(org_type, ', ' order by org_type) from seed_org_types) as detail
    from orgs where coalesce(trim(type), '') not in (select org_type from seed_org_types)""",
)  # fmt: skip
_rule(
    "org-name-present", "error", ORGS, "the name is filled",
    "org '{value}' has no name; the row was set aside", "Fill in its name",
    "orgs",
    """select _row_number as row_number, 'name' as column_name, trim(sourcedId) as value, null as detail
    from orgs where coalesce(trim(name), '') = ''""",
)  # fmt: skip

# Users -------------------------------------------------------------------------------------------------------------
_rule(
    "user-id-unique", "reject", USERS, "sourcedId is filled and unique across students and staff",
    "sourcedId '{value}' is not a usable id of a user: {detail}",
    "Give every user its own sourcedId, across students and staff",
    "users", _ID_UNIQUE.replace("{table}", "users"), star=True,
)  # fmt: skip
_rule(
    "user-orgs-resolve", "reject", USERS, "every item of orgSourcedIds is an org in the file",
    "{column} names '{value}', which is not the sourcedId of any org in orgs.csv",
    "Add the org '{value}' to orgs.csv, or correct {column} of the rows that name it",
    "users@1.1",
    """select row_number, 'orgSourcedIds' as column_name, value, null as detail
    from (
        select _row_number as row_number, trim(unnest(string_split(orgSourcedIds, ','))) as value
        from users
        where trim(orgSourcedIds) <> '' and trim(orgSourcedIds) not in (select trim(sourcedId) from known_orgs)
    )
    where value <> '' and value not in (select trim(sourcedId) from known_orgs)""",
    "users@1.2",
    """select _row_number as row_number, 'primaryOrgSourcedId' as column_name, trim(primaryOrgSourcedId) as value, null as detail
    from users
    where trim(primaryOrgSourcedId) <> '' and trim(primaryOrgSourcedId) not in (select trim(sourcedId) from known_orgs)""",
    "roles",
    """select _row_number as row_number, 'orgSourcedId' as column_name, trim(orgSourcedId) as value, null as detail
    from roles
    where trim(orgSourcedId) <> '' and trim(orgSourcedId) not in (select trim(sourcedId) from known_orgs)""",
    star=True,
)  # fmt: skip
_rule(
    "user-enabled-valid", "error", USERS, "enabledUser is true or false, in any case",
    "enabledUser is '{value}', neither true nor false; the row was set aside", "Write true or false",
    "users",
    """select _row_number as row_number, 'enabledUser' as column_name, enabledUser as value, null as detail
    from users where coalesce(lower(trim(enabledUser)), '') not in ('true', 'false')""",
)  # fmt: skip
_rule(
    "user-role-valid", "error", USERS, "the role is one of the standard's",
    "'{value}' is not a role of this version of OneRoster; the row was set aside", "Use one of: {detail}",
    "users@1.1",
    """select _row_number as row_number, 'role' as column_name, role as value,
        (select string_agg(role, ', ' order by role) from seed_roles) as detail
    from users where coalesce(trim(role), '') not in (select role from seed_roles)""",
    "roles",
    """select _row_number as row_number, 'role' as column_name, role as value,
        (select string_agg(role, ', ' order by role) from seed_roles) || ', or ext: and a role of your own' as detail
    from roles
    where coalesce(trim(role), '') not in (select role from seed_roles) and not starts_with(trim(role), 'ext:')""",
    star=True,
)  # fmt: skip
_rule(
    "user-org-present", "warning", USERS, "a teacher, aide or student names at least one org",
    "a {value} without any org: counted under no school", "Fill in orgSourcedIds",
    "users",
    """select _row_number as row_number, 'orgSourcedIds' as column_name, _role as value, null as detail
    from users
    where _role in ('teacher', 'aide', 'student') and coalesce(trim(_orgs), '') = ''""",
)  # fmt: skip
_rule(
    "user-grade-valid", "warning", USERS, "grades map to CEDS codes; ambiguous ones are not guessed",
    "'{value}' is not a known grade and was treated as no grade",
    "Use the CEDS codes, such as PK, KG, 01 to 12, separated by commas",
    "users",
    """select row_number, 'grades' as column_name, value, null as detail
    from (
        select _row_number as row_number, trim(unnest(string_split(grades, ','))) as value
        from users where trim(grades) <> '' and lower(trim(grades)) not in (select grade_alias from seed_grade_aliases)
    )
    where value <> '' and lower(value) not in (select grade_alias from seed_grade_aliases)""",
    *(
        part
        for table in ("classes", "courses")
        for part in (
            table,
            f"""select row_number, 'grades' as column_name, value, null as detail
            from (select _row_number as row_number, trim(unnest(string_split(grades, ','))) as value from {table} where trim(grades) <> '')
            where value <> '' and lower(value) not in (select grade_alias from seed_grade_aliases)""",
        )
    ),
    star=True,
)  # fmt: skip
_rule(
    "student-grade-present", "warning", USERS, "a student has a grade",
    "{count} students without a grade: counted under their school, in no grade", "Fill in grades",
    "users",
    """select _row_number as row_number, 'grades' as column_name, null as value, null as detail
    from users where _role = 'student' and coalesce(trim(grades), '') = ''""",
)  # fmt: skip
_rule(
    "staff-email-present", "warning", USERS, "staff have an e-mail, or their usage cannot be linked",
    "{count} staff without an e-mail: their usage cannot be linked", "Fill in email",
    "users",
    """select _row_number as row_number, 'email' as column_name, null as value, null as detail
    from users
    where _is_staff and coalesce(trim(email), '') = ''""",
)  # fmt: skip
_rule(
    "email-valid", "warning", USERS, "an e-mail looks like an address",
    "{count} e-mails do not look like addresses", "Correct email, such as name@district.org",
    "users",
    """select _row_number as row_number, 'email' as column_name, email as value, null as detail
    from users where not _has_good_email""",
    "educators",
    """select _row_number as row_number, 'email' as column_name, email as value, null as detail
    from educators where not _has_good_email""",
    "students",
    """select _row_number as row_number, 'email' as column_name, null as value, null as detail
    from students where not _has_good_email""",
    "members",
    """select _row_number as row_number, 'email' as column_name, email as value, null as detail
    from members where not _has_good_email""",
)  # fmt: skip
_rule(
    "staff-email-shared", "warning", USERS, "one e-mail on staff rows with different identifiers is a mailbox",
    "{count} staff with different identifiers share '{value}': they are kept apart, and use under it is unidentified",
    "Give everybody an e-mail of their own, or one identifier if they are one person",
    "users",
    """select _row_number as row_number, 'email' as column_name, lower(trim(email)) as value, null as detail
    from users
    where _is_staff and trim(identifier) <> '' and email_hash in (
        select email_hash from users where _is_staff and trim(identifier) <> ''
        group by email_hash having count(distinct trim(identifier)) > 1
    )""",
)  # fmt: skip
_rule(
    "student-email-shared", "warning", USERS, "one e-mail on several students tells nobody apart",
    "{count} students share an e-mail with another one: use under it cannot be told apart and counts as unidentified",
    "Give every student an e-mail of their own, or leave it empty",
    "users",
    """select _row_number as row_number, 'email' as column_name, null as value, null as detail
    from users
    where _role = 'student' and email_hash in (
        select email_hash from users where _role = 'student' group by email_hash having count(*) > 1
    )""",
)  # fmt: skip
_rule(
    "name-missing", "warning", USERS, "staff have a name",
    "{count} staff without a first and last name: they cannot be named to whoever looks for a user of a product",
    "Fill in givenName and familyName",
    "users",
    """select _row_number as row_number, case when coalesce(trim(givenName), '') = '' then 'givenName' else 'familyName' end as column_name,
        null as value, null as detail
    from users where _is_staff and (coalesce(trim(givenName), '') = '' or coalesce(trim(familyName), '') = '')""",
)  # fmt: skip
_rule(
    "student-pii-present", "info", USERS, "student names, phone or sms are in the file: not needed and not kept",
    "{count} students come with a name, phone number or sms; Rollcall does not need these and has not kept them",
    "Nothing to do; leave them out of the export if you can",
    "users",
    """select _row_number as row_number, 'givenName' as column_name, null as value, null as detail
    from users where _role = 'student' and _has_contact""",
    star=True,
)  # fmt: skip

# All rows -----------------------------------------------------------------------------------------------------------
# What these rules look at is defined in seeds/oneroster_columns.csv; what another rule looks at is left to it.
_OWN_RULE = {
    ("orgs.csv", "sourcedId"), ("orgs.csv", "name"), ("orgs.csv", "type"), ("orgs.csv", "parentSourcedId"),
    ("users.csv", "sourcedId"), ("users.csv", "enabledUser"), ("users.csv", "orgSourcedIds"), ("users.csv", "role"),
    ("users.csv", "primaryOrgSourcedId"), ("roles.csv", "role"),
}  # fmt: skip
# Ids of these files have a rule of their own, which rejects; of the others, repeated rows are set aside.
_OWN_ID_RULE = ("manifest.csv", "orgs.csv", "users.csv")
# Names are not needed of everybody, and what is not needed is not asked for.
_NOT_ASKED = {("users.csv", column) for column in ("username", "givenName", "familyName")}


def _columns(version: str) -> Iterator[tuple[str, list[schema.Column]]]:
    """(file, the columns of it that rules on all rows look at)."""
    for file, columns in schema.oneroster_files(version).items():
        if file != "manifest.csv":
            yield file, [c for c in columns if (file, c.name) not in _OWN_RULE and is_checked(file, c)]


def is_checked(file: str, column: schema.Column) -> bool:
    """Whether a column's values are read: those that are kept, and ids and dates of what is not. Nothing else is."""
    if file == "demographics.csv":
        return column.name == "sourcedId"
    if column.kept != "nobody":
        return True
    is_plain = column.data_type in ("date", "datetime") or column.data_type.startswith("enum:")
    return file != "users.csv" and (bool(column.refers_to) or column.name == "sourcedId" or is_plain)


def _one_scan(file: str, version: str, tests: list[tuple[str, str, str]]) -> list[str]:
    """(table, SQL) that finds the rows of which any test, (column, condition, detail), is true, in one scan."""
    if not tests:
        return []
    table = schema.table_name(file)
    found = ", ".join(
        f"case when {test} then {{'column_name': '{column}', 'value': \"{column}\", 'detail': {detail}}} end"
        for column, test, detail in tests
    )
    return [
        f"{table}@{version}",
        f"""select row_number, found.column_name, found.value, found.detail
        from (
            select _row_number as row_number, unnest([{found}]) as found from "{table}"
            where {" or ".join(test for _, test, _ in tests)}
        )
        where found is not null""",
    ]


def _required() -> Iterator[str]:
    for version in schema.ONEROSTER_VERSIONS:
        for file, columns in _columns(version):
            required = [c.name for c in columns if c.is_required and (file, c.name) not in _NOT_ASKED]
            yield from _one_scan(
                file, version, [(name, f"coalesce(trim(\"{name}\"), '') = ''", "null") for name in required]
            )


def _in_vocabulary() -> Iterator[str]:
    for version in schema.ONEROSTER_VERSIONS:
        for file, columns in _columns(version):
            tests = []
            for column in columns:
                if values := schema.vocabulary(version, column.data_type):
                    known = ", ".join(f"'{value}'" for value in values)
                    own = f" and not starts_with(\"{column.name}\", 'ext:')" if version == "1.2" else ""
                    test = f'trim("{column.name}") <> \'\' and trim("{column.name}") not in ({known}){own}'
                    tests.append((column.name, test, f"'{', '.join(values)}'"))
            yield from _one_scan(file, version, tests)


_FORMS = {
    "date": ("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "a date such as 2026-11-20"),
    "datetime": (
        "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?$",
        "a time such as 2026-11-20T08:15:00.000Z",
    ),
    "boolean": ("^(true|false)$", "true or false"),
    "year": ("^[0-9]{4}$", "a year such as 2026"),
}


def _of_the_right_form() -> Iterator[str]:
    for version in schema.ONEROSTER_VERSIONS:
        for file, columns in _columns(version):
            tests = []
            for column in columns:
                if form := _FORMS.get(column.data_type):
                    value = (
                        f'lower(trim("{column.name}"))' if column.data_type == "boolean" else f'trim("{column.name}")'
                    )
                    test = f"({value} <> '' and not regexp_matches({value}, '{form[0]}'))"
                    if column.data_type == "date":
                        test = f"({test} or ({value} <> '' and try_cast({value} as date) is null))"
                    tests.append((column.name, test, f"'{form[1]}'"))
            yield from _one_scan(file, version, tests)


def _references() -> Iterator[str]:
    for version in schema.ONEROSTER_VERSIONS:
        for file, columns in _columns(version):
            for column in columns:
                if not column.refers_to:
                    continue
                table, value = schema.table_name(file), f'trim("{column.name}")'
                found = f"unnest(string_split({value}, ','))" if column.is_list else value
                target = f"known_{schema.table_name(column.refers_to + '.csv')}"
                yield f"{table}@{version}"
                yield f"""select row_number, '{column.name}' as column_name, value, '{column.refers_to}.csv' as detail
                    from (select _row_number as row_number, trim({found}) as value from "{table}" where {value} <> '')
                    where value <> '' and value not in (select trim("sourcedId") from "{target}" where "sourcedId" is not null)"""


def _unique_ids() -> Iterator[str]:
    """The blank ones are for `value-required`."""
    files = {
        file
        for version in schema.ONEROSTER_VERSIONS
        for file, columns in schema.oneroster_files(version).items()
        if "sourcedId" in (column.name for column in columns)
    }
    for file in sorted(files - set(_OWN_ID_RULE)):
        repeated = _ID_UNIQUE.replace("{table}", f'"{schema.table_name(file)}"')
        yield schema.table_name(file)
        yield f"select * from ({repeated}) where value <> ''"


def _status(is_delta: bool) -> Iterator[str]:
    test = "= ''" if is_delta else "<> ''"
    for version in schema.ONEROSTER_VERSIONS:
        for file, columns in _columns(version):
            names = [c.name for c in columns if c.name in ("status", "dateLastModified") and c.kept != "nobody"]
            for table, sql in zip(
                *[iter(_one_scan(file, version, [(n, f"coalesce(trim(\"{n}\"), '') {test}", "null") for n in names]))]
                * 2,
                strict=True,
            ):
                yield f"{table}/{'delta' if is_delta else 'bulk'}"
                yield f"select row_number, column_name, null as value, detail from ({sql})"


_rule(
    "value-required", "error", ROWS, "a required value is there",
    "{count} rows have no {column}; they were set aside", "Fill in {column}",
    *_required(),
)  # fmt: skip
_rule(
    "value-vocabulary", "error", ROWS, "a value is of its OneRoster vocabulary",
    "{column} '{value}' is not in its vocabulary; the row was set aside", "Use one of: {detail}",
    *_in_vocabulary(), star=True,
)  # fmt: skip
_rule(
    "value-format", "warning", ROWS, "dates, times, booleans and years have the right form",
    "{column} '{value}' was treated as empty, since it is not {detail}", "Write {detail}",
    *_of_the_right_form(),
)  # fmt: skip
_rule(
    "reference-resolves", "error", ROWS, "references of the optional files lead to a row",
    "{column} names '{value}', which is not the sourcedId of any row of {detail}; {count} rows were set aside",
    "Add '{value}' to {detail}, or correct {column} of the rows that name it",
    *_references(),
)  # fmt: skip
_rule(
    "status-in-bulk", "warning", ROWS, "status and dateLastModified are blank in bulk, and filled in a delta",
    "{column} is {detail} in {count} rows", "Leave status and dateLastModified empty in bulk files, and fill them in deltas",
    *(
        part.replace("detail from", f"'{'blank, in a delta,' if is_delta else 'filled, in a bulk file,'}' as detail from")
        for is_delta in (False, True)
        for part in _status(is_delta)
    ),
)  # fmt: skip
_rule(
    "row-id-unique", "error", ROWS, "a sourcedId comes once in its file",
    "sourcedId '{value}' comes more than once ({detail}); {count} rows after the first were set aside",
    "Give every row its own sourcedId, and leave out repeated rows",
    *_unique_ids(),
)  # fmt: skip
_rule(
    "enrollment-unique", "warning", ROWS, "one user, class and role once for the same dates",
    "user '{value}' is enrolled more than once in one class, with one role, for the same dates: counted once",
    "Leave out the repeated rows",
    "enrollments",
    """select row_number, 'userSourcedId' as column_name, value, null as detail
    from (
        select _row_number as row_number, trim("userSourcedId") as value,
            row_number() over (
                partition by trim("userSourcedId"), trim("classSourcedId"), trim(role), trim("beginDate"), trim("endDate")
                order by _row_number
            ) as repeat
        from enrollments
        where hash("userSourcedId", "classSourcedId", role) in (
            select hash("userSourcedId", "classSourcedId", role) from enrollments group by 1 having count(*) > 1
        )
    )
    where repeat > 1""",
)  # fmt: skip

# Against the last good roster ---------------------------------------------------------------------------------------
_rule(
    "delivery-order", "reject", AGAINST, "a delivery is not older than the last of its kind that was applied",
    "the delivery is dated {value}, but one of {detail} is already applied",
    "Deliver a newer export; one that belongs to the past is taken by `rollcall backfill {value} {value}`",
)  # fmt: skip
_rule(
    "delivery-date-ahead", "hold", AGAINST, "a delivery is not dated more than a day ahead, in the district's time zone",
    "the delivery is dated {value}, and today is {detail}: once applied, everything older would be refused",
    "If the date is right, release the delivery with `rollcall release`; else correct the date in the file's name and deliver it again; "
    "if today is another day, set this machine's clock",
)  # fmt: skip
_rule(
    "delta-needs-bulk", "reject", AGAINST, "a delta comes after a bulk delivery of the same file",
    "{file} is a delta, but no bulk delivery of {file} was taken before it",
    "Deliver {file} once in bulk; deltas can follow it",
)  # fmt: skip

_GONE = """select null as row_number, null as column_name, type as value,
        gone || ' of ' || there || ' ' || type || ' would go, more than ' || (select round(100 * removal_share)::int from delivery) || ' %' as detail
    from ({counts})
    where gone > greatest((select removal_share from delivery) * there, 10)"""
# People of a type, before and after; a 1.2 user is a student by role.
_BEFORE_USERS = """select trim("sourcedId") as id,
        case when role = 'student' or trim("sourcedId") in (select trim("userSourcedId") from before_roles where role = 'student')
            then 'students' else 'staff' end as type
    from before_users"""


def _gone(*parts: tuple[str, str]) -> str:
    """SQL that finds the types of which too much would go; parts are (query of (id, type) before, query of ids after)."""
    counts = " union all ".join(
        f"select type, count(*) as there, count(*) filter (id not in ({after})) as gone from ({before}) group by type"
        for before, after in parts
    )
    return _GONE.replace("{counts}", counts)


def _ids(table: str) -> str:
    return f'select trim("sourcedId") from known_{table} where "sourcedId" is not null'


def _changed(table: str, before: str) -> str:
    """SQL that finds the types of a table of which too much would change, whatever the dates of change say."""
    columns = [
        column
        for column in schema.lake_tables()[f"oneroster/{table}"]
        if column not in ("status", "dateLastModified", *schema.CHANGE_COLUMNS)
    ]
    row = ", ".join(f'"{column}"' for column in columns)
    return f"""select null as row_number, null as column_name, type as value,
            changed || ' of ' || there || ' ' || type || ' would change, more than ' || (select round(100 * update_share)::int from delivery) || ' %' as detail
        from (
            select type, count(*) as there, count(*) filter (is_changed) as changed
            from (
                select typed.type, old.content <> new.content as is_changed
                from ({before}) as typed
                inner join (select trim("sourcedId") as id, md5(concat_ws(chr(31), {row})) as content from before_{table}) as old using (id)
                left join (
                    select trim("sourcedId") as id, md5(concat_ws(chr(31), {row})) as content from after_{table}
                ) as new using (id)
            )
            group by type
        )
        where changed > greatest((select update_share from delivery) * there, 10)"""


_rule(
    "removal-threshold", "hold", AGAINST, "no more than 10 % of orgs, students, staff or enrollments go at once, or 10 of them",
    "{detail}",
    "If that is so, release the delivery with `rollcall release`; else export the whole roster and deliver it again",
    "orgs", _gone(('select trim("sourcedId") as id, \'orgs\' as type from before_orgs', _ids("orgs"))),
    "users", _gone((_BEFORE_USERS, _ids("users"))),
    "enrollments", _gone(('select trim("sourcedId") as id, \'enrollments\' as type from before_enrollments', _ids("enrollments"))),
    "educators", _gone(("select id, 'educators' as type from before_educators", "select id from after_educators")),
    "students", _gone(("select id, 'students' as type from before_students", "select id from after_students")),
)  # fmt: skip
_rule(
    "update-threshold", "hold", AGAINST, "no more than 75 % of orgs, students, staff or enrollments change at once, or 10 of them",
    "{detail}",
    "If that is so, release the delivery with `rollcall release`; else look for a column that was filled otherwise than before",
    "orgs", _changed("orgs", 'select trim("sourcedId") as id, \'orgs\' as type from before_orgs'),
    "users", _changed("users", _BEFORE_USERS),
    "enrollments", _changed("enrollments", 'select trim("sourcedId") as id, \'enrollments\' as type from before_enrollments'),
)  # fmt: skip
_rule(
    "school-emptied", "hold", AGAINST, "no school that has members vanishes",
    "the school '{value}' ({detail}) is no longer in orgs.csv, and people belonged to it",
    "If the school is closed, release the delivery with `rollcall release`; else add it to orgs.csv",
    "orgs",
    """select null as row_number, 'sourcedId' as column_name, trim(gone."sourcedId") as value, gone.name as detail
    from before_orgs as gone
    where gone.type = 'school'
        and trim(gone."sourcedId") not in (select trim("sourcedId") from known_orgs where "sourcedId" is not null)
        and trim(gone."sourcedId") in (
            select trim(unnest(string_split("orgSourcedIds", ','))) from before_users
            union all
            select trim("orgSourcedId") from before_roles
        )""",
)  # fmt: skip
_rule(
    "identity-churn", "warning", AGAINST, "a known e-mail or identifier keeps its sourcedId",
    "{count} users come with a new sourcedId and the {column} of another one before: they are kept as the same people",
    "Nothing to do if the ids were issued anew; else correct sourcedId",
    "users",
    """select new._row_number as row_number, 'identifier' as column_name, null as value, null as detail
    from users as new
    where trim(new.identifier) <> ''
        and trim(new."sourcedId") not in (select trim("sourcedId") from before_users)
        and trim(new.identifier) in (select trim(identifier) from before_users where trim(identifier) <> '')
    union all
    select new._row_number, 'email', null, null
    from users as new
    where new._is_staff and new.email_hash is not null
        and trim(new."sourcedId") not in (select trim("sourcedId") from before_users)
        and new.email_hash in (select email_hash from before_users where email is not null)
        and coalesce(trim(new.identifier), '') not in (select trim(identifier) from before_users where trim(identifier) <> '')""",
)  # fmt: skip
_rule(
    "term-current", "warning", AGAINST, "an academic session covers the date of the delivery",
    "no academic session covers {detail}, the date of the delivery", "Export the sessions of this school year too",
    "academicSessions",
    """select null as row_number, 'endDate' as column_name, null as value, delivery_date::varchar as detail
    from delivery
    where exists (select 1 from known_academicSessions) and not exists (
        select 1 from known_academicSessions
        where try_cast("startDate" as date) <= delivery_date and delivery_date <= try_cast("endDate" as date)
    )""",
)  # fmt: skip

# Roster templates and members ---------------------------------------------------------------------------------------
_rule(
    "template-header", "reject", TEMPLATES, "columns as in the template, in any order",
    "{file}: {detail}", "Correct the header line of {file}: {advice}",
    star=True,
)  # fmt: skip
_rule(
    "template-header-extra", "info", TEMPLATES, "columns that the template does not have",
    "{file}: the column '{column}' is not in the template and was not read", "Nothing to do; leave it out if you can",
)  # fmt: skip
_rule(
    "template-school-resolves", "error", TEMPLATES,
    "school id or name matches one org of the district; without a roster of orgs, schools are made from the template",
    "no school of the district is '{value}'; the row was set aside", "Correct school_id or school_name: {detail}",
    "template",
    """select rows._row_number as row_number,
        case when cells.item_id is not null then 'school_id' else 'school_name' end as column_name,
        coalesce(cells.item_id, cells.item_name) as value,
        case cells.match_type
            when 'ambiguous' then 'several schools have this name, so give the school_id'
            else 'the closest names are ' || cells.closest_names
        end as detail
    from template as rows
    inner join known_schools as cells on rows._cell = cells.cell
    where cells.org_sourced_id is null""",
    star=True,
)  # fmt: skip
_rule(
    "template-school-present", "warning", TEMPLATES, "a teacher or student has a school",
    "{count} people without a school: counted under no school", "Fill in school_id or school_name",
    "template",
    """select _row_number as row_number, 'school_id' as column_name, null as value, null as detail
    from template
    where _cell = '' and coalesce(_role, 'teacher') <> 'administrator'""",
)  # fmt: skip
_rule(
    "template-grade-valid", "warning", TEMPLATES, "grades are CEDS codes or known aliases; others are not guessed",
    "'{value}' is not a known grade and was treated as no grade",
    "Use the CEDS codes, such as PK, KG, 01 to 12, separated by commas",
    "template",
    """select row_number, 'grade_level' as column_name, value, null as detail
    from (
        select _row_number as row_number, trim(unnest(string_split_regex(grade_level, '[,;|\\r\\n]'))) as value
        from template
        where trim(grade_level) <> '' and lower(trim(grade_level)) not in (select grade_alias from seed_grade_aliases)
    )
    where value <> '' and lower(value) not in (select grade_alias from seed_grade_aliases)""",
    star=True,
)  # fmt: skip
_rule(
    "template-email-present", "error", TEMPLATES, "educators and members have an e-mail",
    "{count} rows without an e-mail; they were set aside", "Fill in email: usage is linked by it",
    "educators",
    """select _row_number as row_number, 'email' as column_name, null as value, null as detail
    from educators where coalesce(trim(email), '') = ''""",
    "members",
    """select _row_number as row_number, 'email' as column_name, null as value, null as detail
    from members where coalesce(trim(email), '') = ''""",
    star=True,
)  # fmt: skip
_rule(
    "template-id-present", "error", TEMPLATES, "students have a sis_id, since students are never told apart by e-mail",
    "{count} students without sis_id; the rows were set aside", "Fill in sis_id, the student's id in the SIS",
    "students",
    """select _row_number as row_number, 'sis_id' as column_name, null as value, null as detail
    from students where coalesce(trim(sis_id), '') = ''""",
)  # fmt: skip
_rule(
    "template-role-valid", "warning", TEMPLATES, "the role is one of seeds/role_aliases.csv; a blank one is a teacher",
    "'{value}' is not a known role and was treated as teacher", "Use one of: {detail}",
    "educators",
    """select _row_number as row_number, 'role' as column_name, role as value,
        (select string_agg(distinct standard_role, ', ' order by standard_role) from seed_role_aliases) as detail
    from educators where trim(role) <> '' and lower(trim(role)) not in (select role_alias from seed_role_aliases)""",
    "members",
    """select _row_number as row_number, 'role' as column_name, role as value,
        (select string_agg(distinct standard_role, ', ' order by standard_role) from seed_role_aliases) as detail
    from members where trim(role) <> '' and lower(trim(role)) not in (select role_alias from seed_role_aliases)""",
)  # fmt: skip
_rule(
    "template-admin-district", "info", TEMPLATES, "administrators with no school belong to the district",
    "{count} administrators have no school: they are counted at the district", "Nothing to do, if that is so",
    "educators",
    """select _row_number as row_number, 'school_id' as column_name, null as value, null as detail
    from educators where _role = 'administrator' and _cell = ''""",
    star=True,
)  # fmt: skip
_rule(
    "template-row-duplicate", "info", TEMPLATES, "the same person, school and grade once",
    "row {row} says what an earlier row said: counted once", "Nothing to do; leave it out if you can",
    "template",
    """select _row_number as row_number, 'sis_id' as column_name, null as value, null as detail
    from (
        select _row_number, row_number() over (
            partition by coalesce(nullif(trim(sis_id), ''), email_hash), _cell, coalesce(grade_level, ''), coalesce(_role, '')
            order by _row_number
        ) as repeat
        from template
    )
    where repeat > 1""",
)  # fmt: skip

# Usage and products ------------------------------------------------------------------------------------------------
_rule(
    "usage-header", "reject", USAGE, "columns as in the contract",
    "{file}: {detail}", "Correct the header line of {file}: {advice}",
)  # fmt: skip
_rule(
    "usage-time-valid", "error", USAGE, "occurred_at has an offset, is not in the future nor before 2000",
    "occurred_at '{value}' is not a usable time; the row was set aside",
    "Write ISO 8601 with an offset, such as 2026-11-20T08:15:00-06:00",
)  # fmt: skip
_rule(
    "usage-time-ahead", "hold", USAGE, "no more than 1% of the rows are later than now: else this machine's clock may be behind",
    "{count} rows have an occurred_at that is later than {detail}, which this machine takes for now",
    "Set this machine's clock if it is behind; then release the delivery with `rollcall release`. Rows that are still later than now are set aside then",
)  # fmt: skip
_rule(
    "usage-url-valid", "error", USAGE, "url is http(s) with a host",
    "{count} rows have no usable url; they were set aside", "Write the whole address, beginning with https://",
)  # fmt: skip
_rule(
    "usage-duration-valid", "warning", USAGE, "duration_seconds is a number of seconds between 0 and a day",
    "{count} rows have a duration_seconds that is not a number between 0 and 86400: they count as page loads without a duration",
    "Write the seconds that the page was active, such as 42.5, or leave duration_seconds empty",
)  # fmt: skip
_rule(
    "usage-user-present", "info", USAGE, "a row names a user, by address or id",
    "{count} page loads have no user: they count as unidentified", "Nothing to do, if the extension does not know the user",
)  # fmt: skip
_rule(
    "usage-duplicate", "info", USAGE, "an event comes once",
    "{count} page loads are there already, in this file or in one before: they are counted once", "Nothing to do",
)  # fmt: skip
_rule(
    "product-header", "reject", PRODUCTS, "columns as in the contract",
    "{file}: {detail}", "Correct the header line of {file}: {advice}",
)  # fmt: skip
_rule(
    "product-id-unique", "reject", PRODUCTS, "product_id is filled and unique in the file",
    "product_id '{value}' is not a usable id: {detail}", "Give every product its own product_id",
    "products", _ID_UNIQUE.replace("{table}", "products").replace("sourcedId", "product_id"),
)  # fmt: skip
_rule(
    "product-url-valid", "error", PRODUCTS, "at least one host",
    "the product '{value}' has no usable url; the row was set aside", "Fill in url, such as https://docs.google.com",
    "products",
    """select _row_number as row_number, 'url' as column_name, coalesce(product_name, product_id) as value, null as detail
    from products
    where not regexp_matches(
        coalesce(url, ''), '(^|;)[[:space:]]*([a-z]+://)?[a-z0-9-]+([.][a-z0-9-]+)+', 'i'
    )""",
)  # fmt: skip
_rule(
    "product-status-known", "warning", PRODUCTS, "the status is one of seeds/product_statuses.csv; others are kept as they are",
    "'{value}' is not a known product status: kept, and counted as not approved", "Use one of: {detail}",
    "products",
    """select _row_number as row_number, 'product_status' as column_name, product_status as value,
        (select string_agg(product_status, ', ' order by product_status) from seed_product_statuses) as detail
    from products
    where trim(product_status) <> '' and lower(trim(product_status)) not in (select product_status from seed_product_statuses)""",
)  # fmt: skip
_rule(
    "kind-known", "reject", CONTAINER, "the file is one that Rollcall takes",
    "{file} is none of the files that Rollcall takes: {detail}",
    "Deliver a OneRoster zip, or a template, members, usage or products file with the documented header",
)  # fmt: skip
