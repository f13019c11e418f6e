"""SQL that dbt and the intake share: it is defined once, in the dbt project's macros, and rendered here too."""

from __future__ import annotations

from functools import cache

from rollcall.paths import PROJECT


@cache
def _macros(file: str):
    # Imported when it is needed: a run that finds nothing new must not wait for it.
    import jinja2

    # Undefined names fail: a macro that needs dbt cannot be shared.
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    return environment.from_string((PROJECT / "macros" / file).read_text("utf-8")).module


def rendered(file: str, macro: str, *arguments: str) -> str:
    """The SQL of the macro `default__<macro>` of `macros/<file>`."""
    return str(getattr(_macros(file), f"default__{macro}")(*arguments))
