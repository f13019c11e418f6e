"""A cluster: a master and two workers as processes on loopback, one of which dies in the middle. `make test-spark-full`."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pyspark
import pytest
from history import first
from houses import CONF, House

from rollcall.engines import spark

pytestmark = pytest.mark.skipif(os.environ.get("ROLLCALL_SPARK_STEPS") != "all", reason="make test-spark-full")


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(port: int) -> None:
    for _ in range(300):
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(port)


@pytest.fixture
def cluster(tmp_path):
    """(the address of the master, its two workers)."""
    home = Path(pyspark.__file__).parent
    environment = os.environ | {
        "SPARK_HOME": str(home), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_NO_DAEMONIZE": "1", "SPARK_DAEMON_MEMORY": "256m",
        "JAVA_HOME": spark._java_home() or os.environ.get("JAVA_HOME", ""),
    }  # fmt: skip
    port = _port()
    with ExitStack() as started:

        def start(*arguments: str) -> subprocess.Popen:
            process = subprocess.Popen(
                [home / "bin" / "spark-class", *arguments], env=environment, start_new_session=True,
                stdout=(tmp_path / "cluster.log").open("a"), stderr=subprocess.STDOUT,
            )  # fmt: skip
            started.callback(_kill, process)
            return process

        package = "org.apache.spark.deploy"
        start(f"{package}.master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", str(_port()))
        _wait_for(port)
        workers = [
            start(
                f"{package}.worker.Worker",
                "--cores",
                "1",
                "--memory",
                "1g",
                "--host",
                "127.0.0.1",
                "--work-dir",
                str(tmp_path / f"work-{number}"),
                "--webui-port",
                str(_port()),
                f"spark://127.0.0.1:{port}",
            )
            for number in range(2)
        ]
        yield f"spark://127.0.0.1:{port}", workers


def _kill(process: subprocess.Popen) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_worker_that_dies_in_a_build_changes_no_row(cluster, tmp_path):
    master, workers = cluster
    house = House(tmp_path / "house")
    house.root.mkdir()
    first(house)
    house.refresh("duckdb")
    seen: set[str] = set()

    def say(doing: str, done: int = 0, total: int | None = None) -> None:
        if doing == "building":
            seen.update(spark.workers())
            if total and done == total // 3:
                _kill(workers[0])

    conf = CONF | {"spark.executor.memory": "512m", "spark.network.timeout": "60s"}
    run = house.refresh("spark", say=say, spark_master=master, spark_conf=conf)
    spark.stop()
    assert run.version == run.run_id and not run.failures
    assert len(seen) >= 3, "the driver and both workers"
    assert house.differences() == {}
    log = (house.rooms("spark")["build"] / "rollcall.log").read_text("utf-8")
    (lost,) = [json.loads(line) for line in log.splitlines() if "workers were lost" in line]
    assert len(lost["workers"]) == 1
