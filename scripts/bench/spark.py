"""`make bench-spark`: the same lake on DuckDB and on Spark, in three sizes: the first build, and one further day of use.

With `--twice`, the history is then made twice as long in one refresh, and another day follows: what a day costs must not grow
with what was before it. `build` is the seconds of the build stage; `processor` is that of all processes of the refresh, Java's too,
which a machine that is busy with other things changes least. Memory is the most that they held together. Bytes are summed over Spark's
tasks, from its event log; `brought over` is what DuckDB has read of the marts to make the published file.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

import duckdb

from bench import ROOMS, Timed, timed

# People, school days, and page loads a day.
SIZES = {"small": (1_000, 5, 10_000), "medium": (10_000, 5, 100_000), "large": (50_000, 10, 500_000)}
ENGINES = ("duckdb", "spark")
TASKS = {
    "read": ("Input Metrics", "Bytes Read"),
    "written": ("Output Metrics", "Bytes Written"),
    "shuffled": ("Shuffle Write Metrics", "Shuffle Bytes Written"),
    "spilled": (None, "Disk Bytes Spilled"),
}


class House:
    """One landing, archive, lake and quarantine, and of each engine a build folder and a warehouse."""

    def __init__(self, root: Path):
        shutil.rmtree(root, ignore_errors=True)
        self.root = root
        self.landing = root / "landing" / "maplewood"
        self.landing.mkdir(parents=True)

    def give(self, files: list[Path]) -> None:
        for file in files:
            os.link(file, self.landing / file.name)

    def refresh(self, engine: str) -> tuple[Timed, dict[str, float]]:
        """One refresh, and what it has cost."""
        own = self.root / engine
        events, log = own / "events", own / "build" / "rollcall.log"
        shutil.rmtree(events, ignore_errors=True)
        events.mkdir(parents=True)
        rooms = {
            f"ROLLCALL_{name.upper()}": str((own if name in ("build", "warehouse") else self.root) / name)
            for name in ROOMS
        }
        conf = json.loads(os.environ.get("ROLLCALL_SPARK_CONF", "{}"))
        conf |= {"spark.eventLog.enabled": "true", "spark.eventLog.dir": events.as_uri()}
        environment = os.environ | rooms | {
            "ROLLCALL_ENGINE": engine, "ROLLCALL_SETTLE_SECONDS": "0", "ROLLCALL_SPARK_CONF": json.dumps(conf),
        }  # fmt: skip
        seen = log.stat().st_size if log.exists() else 0
        took = timed([sys.executable, "-m", "rollcall", "refresh", "--json"], environment)
        run = json.loads(took.output)
        if run["published"] != run["run_id"]:
            raise SystemExit(f"{engine}: {run['failures']}")
        lines = [json.loads(line) for line in log.read_text("utf-8")[seen:].splitlines()]
        brought = [line["bytes_read"] for line in lines if line["event"] == "marts unloaded"]
        return took, {"build": run["seconds"]["build"], "brought over": sum(brought)} | _of_tasks(events)

    def differing(self) -> list[str]:
        """Marts that are not the same on both engines."""
        with duckdb.connect() as connection:
            for engine in ENGINES:
                connection.execute(
                    f"attach '{self.root / engine / 'warehouse' / 'rollcall.duckdb'}' as {engine} (read_only)"
                )
            marts = connection.execute(
                """select distinct table_name from duckdb_columns() where database_name = 'spark' and schema_name = 'marts'
                and table_name <> 'fct_refresh_runs'"""
            ).fetchall()
            return [
                mart
                for (mart,) in marts
                if connection.execute(
                    f"""select count(*) from (
                        (from duckdb.marts.{mart} except all from spark.marts.{mart})
                        union all (from spark.marts.{mart} except all from duckdb.marts.{mart}))"""
                ).fetchone() != (0,)
            ]  # fmt: skip


def _of_tasks(events: Path) -> dict[str, float]:
    found: dict[str, float] = dict.fromkeys(TASKS, 0)
    for log in events.rglob("*"):
        if not log.is_file():
            continue
        with log.open(encoding="utf-8") as lines:
            for line in lines:
                if '"SparkListenerTaskEnd"' in line and (metrics := json.loads(line).get("Task Metrics")):
                    for name, (group, field) in TASKS.items():
                        found[name] += (metrics[group] if group else metrics)[field]
    return found


def _size(place: Path) -> int:
    return place.stat().st_size if place.is_file() else sum(_size(inner) for inner in place.iterdir())


def measure(root: Path, size: str, is_twice: bool, engines: list[str]) -> None:
    users, days, events = SIZES[size]
    house, made = House(root / size), root / f"{size}-made"
    shutil.rmtree(made, ignore_errors=True)
    command = [sys.executable, "-m", "rollcall", "sample", str(made), "--users", str(users), "--events", str(events)]
    timed([*command, "--days", str(2 * days + 1 if is_twice else days + 1)], dict(os.environ))
    (folder,) = made.iterdir()
    usage = sorted(folder.glob("usage_*"))
    others = [path for path in folder.iterdir() if path not in usage]
    steps = {"first build": [*others, *usage[:days]], "further day": usage[days : days + 1]}
    if is_twice:
        steps |= {f"{days - 1} more days": usage[days + 1 : 2 * days], "further day, 2x": usage[2 * days :]}
    print(f"\n{size}: {users:,} people, {events:,} page loads a day, {days} days first")
    for step, files in steps.items():
        house.give(files)
        for engine in engines:
            took, cost = house.refresh(engine)
            columns = " ".join(f"{cost[name] / 2**20:9,.1f}" for name in (*TASKS, "brought over"))
            print(
                f"{step:16} {engine:7} {cost['build']:8,.1f} {took.seconds:8,.1f} {took.processor:10,.1f} {took.peak_gb * 1024:8,.0f} {columns}",
                flush=True,
            )
        if len(engines) == 2 and (found := house.differing()):
            raise SystemExit(f"the engines differ in {', '.join(found)}")
    places = [house.root / "lake"]
    for engine in engines:
        places.append((house.root / engine / "warehouse" / "rollcall.duckdb").resolve())
    places.append(house.root / "spark" / "warehouse" / "spark")
    sizes = (f"{place.relative_to(house.root)} {_size(place) / 2**20:,.1f}" for place in places if place.exists())
    print(f"MB on disk: {', '.join(sizes)}")
    shutil.rmtree(made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default=",".join(SIZES), help="small, medium, large; with commas between them")
    parser.add_argument("--twice", default="small,medium", help="sizes of which the history is then made twice as long")
    parser.add_argument("--engines", default=",".join(ENGINES), help="duckdb, spark; with a comma between them")
    parser.add_argument("--folder", type=Path, default=Path("build/bench-spark"))
    asked = parser.parse_args()
    print(f"{os.cpu_count()} cores; seconds, seconds of the processor, and MB")
    print(
        f"{'':16} {'':7} {'build':>8} {'refresh':>8} {'processor':>10} {'memory':>8} "
        + " ".join(f"{name:>9}" for name in (*TASKS, "brought"))
    )
    for size in asked.sizes.split(","):
        measure(asked.folder.absolute(), size, size in asked.twice.split(","), asked.engines.split(","))


if __name__ == "__main__":
    main()
