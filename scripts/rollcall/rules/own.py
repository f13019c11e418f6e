"""Rules of one's own: an SQL file each, for all districts in the folder of rules, for one in a folder of its name below that.

They are asked by the gate like any others. What a file may say is kept narrow: one SELECT over the tables of a delivery, that
reads no file and asks nothing of the machine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import duckdb

from rollcall.errors import RollcallError
from rollcall.rules import RULES, proven, tables
from rollcall.rules.rule import Check, Mode, Rule, Severity
from rollcall.rules.schema import ONEROSTER_VERSIONS
from rollcall.rules.wording import Unnamed

SECTION = "Rules of your own"
_REQUIRED, _OPTIONAL = ("id", "severity", "table", "message", "fix"), ("says", "section", "version", "mode")
_FILLED = {"file", "row", "column", "value", "count"}
_FOUND = {"row_number", "column_name", "value", "row_count"}
_TABLE_FUNCTIONS = {"unnest", "range", "generate_series"}
# Functions that ask something of the machine, the session or chance, so that a delivery would be judged differently elsewhere.
_REFUSED = re.compile(
    r"getenv|.*setting.*|getvariable|.*random.*|setseed|.*uuid.*|nextval|currval|write_log|error|sleep.*|.*query.*"
)


def load(folder: Path, district_id: str | None = None) -> tuple[Rule, ...]:
    """The project's own rules, and those of a district. RollcallError names the file that is wrong."""
    rules: dict[str, Rule] = {}
    of_district = sorted((folder / district_id).glob("*.sql")) if district_id else []
    for file in (*sorted(folder.glob("*.sql")), *of_district):
        try:
            rule = _read(file, file.stat().st_mtime_ns)
            if rule.id in RULES or rule.id in rules:
                raise ValueError(f"id: there is a rule '{rule.id}' already")
        except OSError as error:
            raise RollcallError(f"{file}: cannot be read: {error.strerror}") from error
        except RecursionError as error:
            raise RollcallError(f"{file}: nested too deeply") from error
        except (ValueError, duckdb.Error) as error:
            raise RollcallError(f"{file}: {str(error).splitlines()[0]}") from error
        rules[rule.id] = rule
    return tuple(rules.values())


@cache
def _read(file: Path, _changed_at: int) -> Rule:
    """The rule in a file; read once, for all districts of a refresh."""
    said, statement = _header(file.read_text("utf-8"))
    if absent := [name for name in _REQUIRED if not said.get(name)]:
        raise ValueError(f"its header has no '-- {absent[0]}: …'")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", said["id"]):
        raise ValueError(f"id: '{said['id']}' is not made of small letters, digits and dashes, such as grade-of-ours")
    for name, known in (("severity", Severity), ("version", ONEROSTER_VERSIONS), ("mode", Mode)):
        if name in said and said[name] not in list(known):
            raise ValueError(f"{name}: '{said[name]}' is none of {', '.join(known)}")
    for name in ("message", "fix"):
        _must_be_filled(name, said[name])
    needs = _tables_of(statement) - {said["table"]} - set(tables.always("1.1"))
    check = Check(
        said["table"],
        _bounded(statement, said["table"]),
        said.get("version"),
        Mode(said["mode"]) if "mode" in said else None,
        tuple(sorted(needs)),
    )
    rule = Rule(
        said["id"],
        Severity(said["severity"]),
        said.get("section", SECTION),
        said.get("says", said["message"]),
        said["message"],
        said["fix"],
        (check,),
        origin=str(file),
    )
    proven({rule.id: rule})
    return rule


def _header(text: str) -> tuple[dict[str, str], str]:
    """(what the comment lines at the top say, the statement below them)."""
    lines, said = text.strip().splitlines(), {}
    while lines and lines[0].startswith("--"):
        name, colon, value = lines.pop(0).removeprefix("--").strip().partition(":")
        if not colon:
            continue
        if name not in _REQUIRED + _OPTIONAL:
            raise ValueError(f"'{name}' is not a key of the header; they are {', '.join(_REQUIRED + _OPTIONAL)}")
        if name in said:
            raise ValueError(f"{name}: it is there twice")
        said[name] = value.strip()
    return said, "\n".join(lines).strip().rstrip(";")


def _must_be_filled(name: str, text: str) -> None:
    try:
        text.format(**dict.fromkeys(_FILLED, Unnamed("x")))
    except (KeyError, ValueError, IndexError, AttributeError) as error:
        known = ", ".join(f"{{{each}}}" for each in sorted(_FILLED))
        raise ValueError(f"{name}: '{text}' may use {known} and nothing else in braces") from error


def _tables_of(statement: str) -> set[str]:
    """The tables that a statement reads. ValueError where it is not one SELECT, or does more than read tables."""
    with duckdb.connect(config={"enable_external_access": "false"}) as connection:
        (parsed,) = connection.execute("select json_serialize_sql($1)", [statement]).fetchone()
    tree = json.loads(parsed)
    if tree["error"]:
        raise ValueError(f"it is not a SELECT that can be read: {tree['error_message']}")
    if len(tree["statements"]) != 1:
        raise ValueError(f"it has {len(tree['statements'])} statements, and may have one")
    named = {entry["key"] for node in _nodes(tree) if "cte_map" in node for entry in node["cte_map"]["map"]}
    read = set()
    for node in _nodes(tree):
        if node.get("type") == "TABLE_FUNCTION" and node["function"]["function_name"] not in _TABLE_FUNCTIONS:
            raise ValueError(f"it may not use the table function {node['function']['function_name']}()")
        if "function_name" in node and _REFUSED.fullmatch(node["function_name"]):
            raise ValueError(f"it may not use the function {node['function_name']}()")
        if node.get("type") in ("BASE_TABLE", "SHOW_REF"):
            table = node.get("table_name", "")
            if node.get("schema_name") or node.get("catalog_name") or table not in tables.known() | named:
                raise ValueError(f"there is no table '{table}' that a rule may look at")
            read.add(table)
    return read - named


def _nodes(tree: object) -> Iterator[dict]:
    if isinstance(tree, dict):
        yield tree
    for value in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _nodes(value)


def _bounded(statement: str, table: str) -> str:
    """The statement, whose column names are those of its table: nothing from a row can pass as one."""
    if not (found := set().union(*(tables.of_deliveries(v).get(table, {}) for v in ONEROSTER_VERSIONS))):
        raise ValueError(f"table: '{table}' is not a table of a delivery")
    with duckdb.connect(config={"enable_external_access": "false"}) as connection:
        for version in ONEROSTER_VERSIONS:
            for name, fields in (tables.always(version) | tables.of_deliveries(version)).items():
                typed = ", ".join(f'"{field}" {kind}' for field, kind in fields.items())
                connection.execute(f'create table if not exists "{name}" ({typed})')
        try:
            columns = [row[0] for row in connection.execute(f"describe {statement}").fetchall()]
        except duckdb.Error as error:
            raise ValueError(f"it cannot be run: {error}") from error
    if other := set(columns) - _FOUND:
        raise ValueError(f"it finds '{min(other)}', which is none of {', '.join(sorted(_FOUND))}")
    names = ", ".join(f"'{name}'" for name in sorted(found) if not name.startswith("_"))
    selected = ", ".join(
        f"case when column_name in ({names}) then column_name end as column_name" if name == "column_name" else name
        for name in columns
    )
    return f"select {selected} from ({statement})"
