"""Lets `dbt build` stand alone: the build folder and the typed, empty lake tables are there, and models know their own code."""

from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin

from rollcall.dbt_macros import code_fingerprint
from rollcall.intake import lake
from rollcall.settings import Settings


class Plugin(BasePlugin):
    """Named in `profiles.yml`."""

    def initialize(self, config: dict[str, Any]) -> None:
        settings = Settings()
        settings.build.mkdir(parents=True, exist_ok=True)
        lake.prepare(settings)
        self.code = code_fingerprint()

    def configure_cursor(self, cursor: Any) -> None:
        """Read by the macro `code_fingerprint`; a variable is of one cursor."""
        cursor.execute(f"set variable rollcall_code = '{self.code}'")
