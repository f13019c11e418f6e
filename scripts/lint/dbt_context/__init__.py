"""As much of dbt's context as models and macros use themselves, so that sqlfluff renders the project's own macros without a database.

It is the context of parsing: nothing is executed, so nothing was published.
"""

from types import SimpleNamespace

from jinja2 import pass_context

execute = False


class _Config:
    """`config(…)` of the model that is rendered, and what its macros ask of it."""

    def __init__(self):
        self._given = {}

    def __call__(self, **given):
        self._given = given
        return ""

    def require(self, name):
        return self._given[name]

    def get(self, name, default=None):
        return self._given.get(name, default)


class _Adapter:
    @staticmethod
    def quote(name):
        return f'"{name}"'

    @staticmethod
    @pass_context
    def dispatch(context, macro):
        """DuckDB's form of a dispatched macro is the one called `default__`."""
        return context.resolve(f"default__{macro}")


config, adapter = _Config(), _Adapter()
# A contract, of which macros want the names and types: one column stands for those of any model.
model = SimpleNamespace(columns={"measure": SimpleNamespace(name="measure", data_type="bigint", constraints=[])})
