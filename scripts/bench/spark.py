"""`make bench-spark`: the same lake on DuckDB and on Spark, in three sizes: the first build, and one further day of use.

Seconds are those of the build stage. Bytes are summed over Spark's tasks, from its event log; memory is the most that the
processes of a refresh held at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

SIZES = {"small": (1_000, 5), "medium": (10_000, 5), "large": (50_000, 10)}


def _resident(root: int) -> int:
    """Bytes that a process and all below it hold."""
    children: dict[int, list[int]] = {}
    held: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            held[int(folder.name)] = int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            continue  # it has ended
        children.setdefault(int(fields[1]), []).append(int(folder.name))
    waiting, total = [root], 0
    while waiting:
        process = waiting.pop()
        total += held.get(process, 0)
        waiting += children.get(process, [])
    return total


def _refresh(house: Path, engine: str) -> dict[str, float]:
    """One refresh: seconds of its build, the most memory, and what its tasks read, wrote and shuffled."""
    events = house / engine / "events"
    shutil.rmtree(events, ignore_errors=True)
    events.mkdir(parents=True)
    rooms = {f"ROLLCALL_{name.upper()}": str(house / name) for name in ("landing", "archive", "lake", "quarantine")}
    rooms |= {f"ROLLCALL_{name.upper()}": str(house / engine / name) for name in ("build", "warehouse")}
    conf = json.loads(os.environ.get("ROLLCALL_SPARK_CONF", "{}"))
    conf |= {"spark.eventLog.enabled": "true", "spark.eventLog.dir": events.as_uri()}
    environment = os.environ | rooms | {
        "ROLLCALL_ENGINE": engine, "ROLLCALL_SETTLE_SECONDS": "0", "ROLLCALL_SPARK_CONF": json.dumps(conf),
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "rollcall", "refresh", "--json"], env=environment, stdout=subprocess.PIPE, text=True
    )
    most, is_over = 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not is_over.wait(0.2):
            most = max(most, _resident(process.pid))

    watching = threading.Thread(target=watch)
    watching.start()
    answer, _ = process.communicate()
    is_over.set()
    watching.join()
    run = json.loads(answer)
    if process.returncode or run["published"] != run["run_id"]:
        raise SystemExit(f"{engine}: {run['failures']}")
    return {"seconds": run["seconds"]["build"], "memory": most} | _of_tasks(events)


def _of_tasks(events: Path) -> dict[str, float]:
    found: dict[str, float] = dict.fromkeys(("read", "written", "shuffled"), 0)
    for log in events.glob("*"):
        for line in log.read_text("utf-8").splitlines():
            if '"SparkListenerTaskEnd"' in line and (metrics := json.loads(line).get("Task Metrics")):
                found["read"] += metrics["Input Metrics"]["Bytes Read"]
                found["written"] += metrics["Output Metrics"]["Bytes Written"]
                found["shuffled"] += metrics["Shuffle Write Metrics"]["Shuffle Bytes Written"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default=",".join(SIZES), help="small, medium, large; with commas between them")
    parser.add_argument("--folder", type=Path, default=Path("build/bench-spark"))
    arguments = parser.parse_args()
    print(
        f"{'size':8} {'engine':8} {'what':12} {'build':>9} {'memory':>10} {'read':>10} {'written':>10} {'shuffled':>10}"
    )
    for size in arguments.sizes.split(","):
        users, days = SIZES[size]
        house = (arguments.folder / size).absolute()
        shutil.rmtree(house, ignore_errors=True)
        made = house / "made"
        command = [
            sys.executable,
            "-m",
            "rollcall",
            "sample",
            str(made),
            "--users",
            str(users),
            "--days",
            str(days + 1),
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (folder,) = made.iterdir()
        (house / "landing").mkdir()
        last = sorted(folder.glob("usage_*"))[-1]
        held = last.rename(house / last.name)
        landing = folder.rename(house / "landing" / folder.name)
        for what in ("first build", "further day"):
            if what == "further day":
                held.rename(landing / held.name)
                time.sleep(1)
            for engine in ("duckdb", "spark"):
                measured = _refresh(house, engine)
                columns = (f"{measured[name] / 2**20:7,.1f} MB" for name in ("memory", "read", "written", "shuffled"))
                print(f"{size:8} {engine:8} {what:12} {measured['seconds']:7.1f} s {' '.join(columns)}", flush=True)


if __name__ == "__main__":
    main()
