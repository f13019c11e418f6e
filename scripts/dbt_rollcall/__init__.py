"""Found by dbt, which imports modules named `dbt_…`: lets `dbt build --target spark` stand alone, as rollcall.lake_plugin does for DuckDB."""

from dbt.flags import get_flags
from dbt.plugins.manager import dbtPlugin


class SparkSession(dbtPlugin):
    """Before dbt asks for a session, makes the one that has the catalog of the marts and the lake."""

    def initialize(self) -> None:
        flags = get_flags()
        if getattr(flags, "TARGET", None) != "spark" or flags.WHICH in ("parse", "list", "deps", "clean"):
            return
        from rollcall.engines import marts, spark
        from rollcall.settings import Settings

        if not spark.is_running():
            marts.start(Settings(), None)


plugins = [SparkSession]
