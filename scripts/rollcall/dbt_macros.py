"""SQL that dbt and this package share: it is defined once, in the dbt project's macros, and rendered here too."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache

from rollcall.paths import PROJECT

_CODE = ("dbt_project.yml", "profiles.yml", "models", "seeds", "macros")
_FILES = ("engine/functions.sql", "engine/schools.sql", "engine/deliveries.sql", "metrics.sql")


class _Adapter:
    """As much of dbt's `adapter` as shared macros use: DuckDB's form of a macro is the one called `default__`."""

    def __init__(self, known: dict[str, Callable[..., object]]):
        self._known = known

    def dispatch(self, macro: str):
        return self._known[f"default__{macro}"]

    def quote(self, name: str) -> str:
        return f'"{name}"'


@cache
def _macros() -> dict[str, Callable[..., object]]:
    # Imported when it is needed: a run that finds nothing new must not wait for it.
    import jinja2

    # Undefined names fail: a macro that needs more of dbt cannot be shared.
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, extensions=["jinja2.ext.do"])
    known: dict[str, Callable[..., object]] = {}
    environment.globals |= {"return": lambda value: value, "adapter": _Adapter(known)}
    text = "".join((PROJECT / "macros" / file).read_text("utf-8") for file in _FILES)
    module = environment.from_string(text).module
    known |= {name: macro for name, macro in vars(module).items() if callable(macro)}
    return known


def rendered(macro: str, *arguments: str) -> str:
    """The SQL of a macro for DuckDB."""
    return str(_macros()[macro](*arguments))


def code_fingerprint() -> str:
    """Changes with the models: a version made by others is no start for an increment."""
    digest = hashlib.sha256()
    for name in _CODE:
        root = PROJECT / name
        for file in sorted(root.rglob("*")) if root.is_dir() else [root]:
            if file.is_file():
                digest.update(f"{file.relative_to(PROJECT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()
