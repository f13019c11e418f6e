"""From a filter's change to the painted figures, in a real browser: `python interactions.py COUNT [PAGE …]` with the rooms' variables set.

Serves the published warehouse, opens each page (the inventory, unless others are named) in headless Chromium, and changes
filters as a person does: schools, grades, user types, statuses, periods, searches, one right after the other. The server is at rest
before that and before each page is opened: it prepares the newest periods of a version in the background. Prints, by page, the median and the 95th percentile of the
milliseconds each took, the part of that in which the server's answer was awaited (`answered`, at the 95th percentile), the processor
time the server used for a change (`server`, on average), the longest that a change kept the browser's main thread busy at a stretch
(`blocked`, at the 95th percentile), the milliseconds from opening the page to its figures (`first`), and the kilobytes that were sent for
that (`kilobytes`).
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

from playwright.sync_api import sync_playwright

from rollcall.dashboard import components, queries
from rollcall.dashboard.filters import USER_TYPES, Filters
from rollcall.dashboard.warehouse import Warehouse
from rollcall.settings import Settings

# The answer that holds the figures, and then two frames: the second begins once the first is painted.
_WATCH = """
    window.painted = {count: 0, at: 0};
    window.busy = 0;
    new PerformanceObserver((list) => {
        for (const task of list.getEntries()) window.busy = Math.max(window.busy, task.duration);
    }).observe({type: "longtask", buffered: true});
    const ask = window.fetch;
    window.fetch = async function (url, options) {
        const asked = performance.now();
        const response = await ask.apply(this, arguments);
        if (String(url).includes("_dash-update-component") && options && String(options.body).includes("cards.children")) {
            window.answered = performance.now() - asked;
            response.clone().text().then(() => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(() => {
                window.painted = {count: window.painted.count + 1, at: performance.now()};
            })), 0));
        }
        return response;
    };
"""
_CHANGE = """
    ([name, value]) => new Promise((resolve) => {
        const before = window.painted.count, began = performance.now();
        window.busy = 0;
        window.dash_clientside.set_props(name, {value: value});
        const look = () => window.painted.count > before ? setTimeout(() => resolve([window.painted.at - began, window.answered, window.busy]), 300) : setTimeout(look, 2);
        look();
    })
"""
# The milliseconds from the first paint to the figures.
_FIRST = """
    () => new Promise((resolve) => {
        const look = () => {
            const paint = performance.getEntriesByName("first-contentful-paint")[0];
            return window.painted.count > 0 && paint ? resolve(window.painted.at - paint.startTime) : setTimeout(look, 5);
        };
        look();
    })
"""


def changes(count: int):
    """(component, value) of the filter changes, a fixed sequence; periods among them, as often as people change them."""
    options = queries.options(Warehouse(Settings()).version())
    (district,) = options.districts.values()
    rng = random.Random(1)
    sizes = {"schools": list(district.schools), "grades": list(district.grades), "types": list(USER_TYPES)}
    sizes["statuses"] = list(options.statuses)
    now: dict[str, object] = {}
    while count:
        name = rng.choice(["schools", "schools", "grades", "grades", "types", "statuses", "when", "search"])
        if name == "when":
            period = rng.choice(["month", "week", "school_year", "day"])
            day = date.fromordinal(rng.randint(district.first_day.toordinal(), district.last_day.toordinal()))
            value: object = components.when(Filters(district.district_id, period, *district.period_of(period, day)))
        elif name == "search":
            value = rng.choice(["", "", "google", "math", "creek", "practice"])
        else:
            there = sizes[name]
            value = [] if rng.random() < 0.25 else sorted(rng.sample(there, rng.randint(1, min(4, len(there)))))
        if value != now.get(name, "" if name == "search" else []):
            now[name] = value
            count -= 1
            yield name, value


def _ticks(pid: int) -> int:
    """The processor time that a process has used."""
    return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))


def _rest(pid: int) -> None:
    """Waits until the server does nothing; it begins to prepare a version once it is asked for it, or is started."""
    used = 0
    while (now := _ticks(pid)) - used > 5:
        used = now
        time.sleep(1)


def path_of(name: str) -> str:
    """The address of a page; of a product's, that of the one used most."""
    if name in ("school", "compare"):
        (district,) = queries.options(Warehouse(Settings()).version()).districts.values()
        first, second, *_ = district.schools
        return f"school?at={first}" if name == "school" else f"compare?one={first}&one={second}"
    if name != "product":
        return name
    inventory = queries.Inventory(Warehouse(Settings()).version())
    return f"product?product={inventory.products(inventory.options.default())[0]['product_key']}"


def main(count: int, names: list[str]) -> None:
    paths, took = {name: path_of(name) for name in names}, {}
    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "rollcall", "dashboard", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        address = re.search(r"http://\S+", server.stdout.readline())[0]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
                args=["--headless", "--no-sandbox", "--disable-gpu"],
            )
            for name, path in paths.items():
                _rest(server.pid)
                page = browser.new_page(viewport={"width": 1440, "height": 1000})
                page.add_init_script(_WATCH)
                page.goto(address + path)
                first = page.evaluate(_FIRST)
                sent = page.evaluate(
                    "performance.getEntriesByType('resource').reduce((sum, one) => sum + one.transferSize, 0) / 1000"
                )
                _rest(server.pid)
                used = _ticks(server.pid)
                measured = [page.evaluate(_CHANGE, list(change)) for change in changes(count)]
                used = _ticks(server.pid) - used
                each, answered, busy = (sorted(values) for values in zip(*measured, strict=True))
                worst = int(count * 0.95)
                took[name] = {
                    "median": each[count // 2], "p95": each[worst], "most": each[-1], "answered": answered[worst],
                    "server": 1000 * used / os.sysconf("SC_CLK_TCK") / count, "blocked": busy[worst], "first": first, "kilobytes": sent,
                }  # fmt: skip
                page.close()
            browser.close()
    finally:
        server.terminate()
    print(json.dumps(took))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:] or [""])
