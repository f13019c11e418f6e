"""Lets `dbt build` stand alone: before dbt opens DuckDB, the build folder and the typed, empty lake tables are there."""

from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin

from rollcall.intake import lake
from rollcall.settings import Settings


class Plugin(BasePlugin):
    """Named in `profiles.yml`."""

    def initialize(self, config: dict[str, Any]) -> None:
        settings = Settings()
        settings.build.mkdir(parents=True, exist_ok=True)
        lake.prepare(settings)
