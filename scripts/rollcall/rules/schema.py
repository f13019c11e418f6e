"""The columns of the lake, and the OneRoster headers they come from (read from `seeds/`, where they are defined)."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from rollcall.paths import PROJECT
from rollcall.text import plain


@dataclass(frozen=True)
class Column:
    """One column of one OneRoster file, and whose values of it are kept: `everyone`, `staff` or `nobody`.

    `refers_to` is the file whose sourcedId its value, or each item of it, must be.
    """

    name: str
    kept: str
    data_type: str
    is_required: bool
    is_list: bool
    refers_to: str | None


def _seed(name: str) -> list[dict[str, str]]:
    with (PROJECT / "seeds" / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# The kinds of delivery that Rollcall takes.
KINDS = ("oneroster", "schools", "educators", "students", "members", "access", "products", "usage")
ONEROSTER_VERSIONS = ("1.1", "1.2")
ONEROSTER_REQUIRED = {"1.1": ("users.csv", "orgs.csv"), "1.2": ("users.csv", "roles.csv", "orgs.csv")}
# Files of 1.2's gradebook whose columns are not checked: known, and not read.
ONEROSTER_UNREAD = (
    "lineItemLearningObjectiveIds.csv",
    "lineItemScoreScales.csv",
    "resultLearningObjectiveIds.csv",
    "resultScoreScales.csv",
    "scoreScales.csv",
)


@cache
def oneroster_files(version: str) -> dict[str, list[Column]]:
    """Columns by file name, in the standard's order."""
    files: dict[str, list[Column]] = {}
    for row in sorted(_seed("oneroster_columns"), key=lambda row: int(row["position"])):
        if row["oneroster_version"] == version:
            column = Column(
                row["column_name"],
                row["kept"],
                row["data_type"],
                row["requirement"] == "yes",
                row["is_list"] == "true",
                row["reference_target"].partition(".")[0] or None,
            )
            files.setdefault(row["file_name"], []).append(column)
    return files


@cache
def oneroster_file_names() -> tuple[str, ...]:
    """Every file that a version of the standard knows."""
    names = dict.fromkeys(name for version in ONEROSTER_VERSIONS for name in oneroster_files(version))
    return (*names, *ONEROSTER_UNREAD)


def known_files(version: str) -> tuple[str, ...]:
    """Every file that a version of the standard knows, read or not."""
    return (*oneroster_files(version), *(ONEROSTER_UNREAD if version == "1.2" else ()))


@cache
def roles(version: str) -> dict[str, bool]:
    """Role of a version of the standard, or of the templates (`template`) → is it staff, whose name and email are kept?"""
    return {row["role"]: row["is_staff"] == "true" for row in _seed("roles") if row["oneroster_version"] == version}


@cache
def user_types() -> dict[str, tuple[str, bool]]:
    """Role of any version of the standard whose holders are on the roster → (type of user, is it staff?)."""
    return {
        row["role"]: (row["user_type"], row["is_staff"] == "true")
        for row in _seed("roles")
        if row["is_on_roster"] == "true"
    }


@cache
def all_user_types() -> tuple[str, ...]:
    return tuple(dict.fromkeys(row["user_type"] for row in _seed("roles")))


@cache
def pairing_bases() -> tuple[str, ...]:
    return tuple(row["pairing_basis"] for row in _seed("pairing_bases"))


@cache
def role_aliases() -> dict[str, str]:
    """What templates call a role, in lower case → the role."""
    return {row["role_alias"]: row["role"] for row in _seed("role_aliases")}


@cache
def vocabulary(version: str, data_type: str) -> list[str]:
    """The values of an enumeration; empty for what is none, or has a seed of its own."""
    return [
        row["value"]
        for row in _seed("oneroster_vocabularies")
        if (row["oneroster_version"], row["data_type"]) == (version, data_type)
    ]


@cache
def product_statuses() -> tuple[str, ...]:
    return tuple(row["product_status"] for row in _seed("product_statuses"))


@dataclass(frozen=True)
class AccessRole:
    """A role of an access list. `place` is what it is given for: the whole `district`, each `school` that is named, or `any` of both."""

    name: str
    place: str
    may_see_people: bool
    may_see_deliveries: bool
    may_change: bool
    meaning: str


@cache
def access_roles() -> dict[str, AccessRole]:
    return {
        row["access_role"]: AccessRole(
            row["access_role"],
            row["place"],
            row["may_see_people"] == "true",
            row["may_see_deliveries"] == "true",
            row["may_change"] == "true",
            row["meaning"],
        )
        for row in _seed("access_roles")
    }


@cache
def org_types() -> tuple[str, ...]:
    return tuple(row["org_type"] for row in _seed("org_types"))


@cache
def grade_aliases() -> dict[str, str]:
    return {row["grade_alias"]: row["grade_code"] for row in _seed("grade_aliases")}


USER_HASHES = ("sourced_id_hash", "identifier_hash", "email_hash", "username_hash", "email_domain")


@cache
def kept_columns() -> dict[str, list[str]]:
    """Table → the columns that are kept of it, in any version of the standard; those of users with their hashes."""
    kept: dict[str, dict[str, None]] = {}
    for version in ONEROSTER_VERSIONS:
        for file_name, columns in oneroster_files(version).items():
            of_table = kept.setdefault(table_name(file_name), {})
            of_table |= {column.name: None for column in columns if column.kept != "nobody"}
    kept["users"] |= dict.fromkeys(USER_HASHES)
    return {table: list(columns) for table, columns in kept.items() if columns}


def is_read(file: str, column: Column) -> bool:
    """Whether a column's values are read: those that are kept, and ids and dates of what is not. Nothing else is."""
    if file == "demographics.csv":
        return column.name == "sourcedId"
    if column.kept != "nobody":
        return True
    isplain = column.data_type in ("date", "datetime") or column.data_type.startswith("enum:")
    return file != "users.csv" and (bool(column.refers_to) or column.name == "sourcedId" or isplain)


@cache
def columns_read() -> frozenset[str]:
    """The columns of the standard's people and of the templates, in letters and digits alone."""
    of_standard = [column.name for version in ONEROSTER_VERSIONS for column in oneroster_files(version)["users.csv"]]
    return frozenset(
        map(
            plain,
            (
                *of_standard,
                *MEMBER_PLACES,
                *MEMBER_OPTIONAL,
                *(name for names in TEMPLATE_COLUMNS.values() for name in names),
            ),
        )
    )


@cache
def columns_of_nobody() -> frozenset[str]:
    """The columns of the standard that say something of a student and are never kept, in letters and digits alone."""
    return frozenset(
        plain(column.name)
        for version in ONEROSTER_VERSIONS
        for file in ("users.csv", "demographics.csv")
        for column in oneroster_files(version)[file]
        if column.kept != "everyone"
    )


def table_name(file_name: str) -> str:
    """`academicSessions.csv` → `academicSessions`, the name of its folder in the lake."""
    return file_name.removesuffix(".csv")


TEMPLATE_COLUMNS = {
    "educators": (
        "sis_id",
        "first_name",
        "last_name",
        "email",
        "role",
        "school_id",
        "school_name",
        "grade_level",
    ),
    "students": ("sis_id", "first_name", "last_name", "email", "school_id", "school_name", "grade_level"),
    "members": ("first_name", "last_name", "email", "role"),
}
# Where a member is, and until when: optional. A list of people with columns of places is one of members if it has an end too.
MEMBER_PLACES = ("school", "grade_level", "end_date")
# A member file adds to the list; `tobedeleted` as the optional status takes someone off it.
MEMBER_OPTIONAL = ("status", "changed_at")
UNKEPT_OF_STUDENTS = ("first_name", "last_name", "email")
TEMPLATE_HASHES = ("sis_id_hash", "email_hash", "email_domain")
USAGE_COLUMNS = ("occurred_at", "user_email", "user_id", "url", "duration_seconds", "event_id", "collector")
PRODUCT_COLUMNS = (
    "product_id",
    "product_name",
    "provider",
    "url",
    "sector",
    "essential_function",
    "product_status",
    "privacy_status",
)
# Schools of a district without OneRoster, and the other names that its files give them.
SCHOOL_COLUMNS = ("id", "name", "aliases")

# Who may see a district's figures, in which role, and of which schools: all of them where `school` is blank.
ACCESS_COLUMNS = ("email", "role", "school")

# Kind of CSV → its columns, and those without which no file of the kind is of use: one of each group.
FORMS = {
    "schools": (SCHOOL_COLUMNS, (("id",), ("name",))),
    "educators": (TEMPLATE_COLUMNS["educators"], (("email",), ("school_id", "school_name"))),
    "students": (TEMPLATE_COLUMNS["students"], (("sis_id",), ("school_id", "school_name"))),
    "members": ((*TEMPLATE_COLUMNS["members"], *MEMBER_PLACES), (("email",),)),
    "access": (ACCESS_COLUMNS, (("email",), ("role",))),
    "products": (PRODUCT_COLUMNS, (("product_id",), ("product_name",), ("url",))),
    "usage": (USAGE_COLUMNS, (("occurred_at",), ("url",), ("user_email", "user_id"))),
}
# Columns that a file of a kind may lack, whatever its form.
OPTIONAL_COLUMNS = {"members": MEMBER_PLACES}
# Kinds whose other columns may be absent. Of the others a file has all, unless it is a district's own form of the kind.
OPEN_FORMS = ("schools", "usage")


def lacking(kind: str, columns: Iterable[str]) -> list[str]:
    """The columns that a file of a kind needs beside these; of a group, its first."""
    there = set(columns)
    return [group[0] for group in FORMS[kind][1] if not there & set(group)]
