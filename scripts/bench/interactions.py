"""From a filter's change to the painted figures, in a real browser: `python interactions.py COUNT [PAGE …]` with the rooms' variables set.

Serves the published warehouse, opens each page (the inventory, unless others are named) in headless Chromium, and changes
filters as a person does: schools, grades, user types, statuses, periods, searches, one right after the other. Then does what else there is
to do on the page: comes to it from another one, opens its pickers, sorts and scrolls its tables, picks columns, chooses a measure, compares
rows, prints. The server is at rest before that and before each page is opened: it prepares the newest periods of a version in the background.

Prints, by page, the median and the 95th percentile of the milliseconds that a change took, the part of that in which the server's answer was
awaited (`answered`, at the 95th percentile), the processor time the server used for a change (`server`, on average), the longest that any
change kept the browser's main thread busy at a stretch (`blocked`), the milliseconds from opening the page to its figures (`first`), how long
that kept the main thread busy at a stretch (`loading`), the kilobytes that were sent for it (`kilobytes`), the milliseconds to come to the
page from another (`arrive`), and the longest stretch of each of the other things (`doing`).
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
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

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
        if (String(url).includes("/office/")) {
            response.clone().text().then(() => { window.office = true; });
        }
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
        if (name) {
            window.dash_clientside.set_props(name, {value: value});
        } else {
            go(value);
        }
        const look = () => window.painted.count > before ? setTimeout(() => resolve([window.painted.at - began, window.answered, window.busy]), 300) : setTimeout(look, 2);
        look();
    })
"""
# The milliseconds from the first paint to the figures.
_FIRST = """
    () => new Promise((resolve) => {
        const look = () => {
            const paint = performance.getEntriesByName("first-contentful-paint")[0];
            const isWhole = window.office || !["/members", "/quality"].includes(window.location.pathname);
            return window.painted.count > 0 && paint && isWhole ? resolve(window.painted.at - paint.startTime) : setTimeout(look, 5);
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


def things_to_do(page: Page) -> Iterator[tuple[str, Callable[[], object]]]:
    """What there is to do on the page that is open, besides its filters; the last of them leaves it."""
    for name in [each.get_attribute("id") for each in page.locator("button.dash-dropdown:visible").all()]:

        def look(name: str | None = name) -> None:
            page.locator(f"#{name}").click()
            page.locator(".dash-dropdown-content").wait_for()
            page.keyboard.press("Escape")

        yield "pickers", look
    for grid in page.locator(".grid:visible").all():
        name = grid.get_attribute("id")
        yield "sort", page.locator(f"#{name} .ag-header-cell:visible").last.click
        rows = page.locator(f"#{name} .ag-body-viewport")
        for part in (0.3, 0.7, 1):
            yield (
                "scroll",
                lambda rows=rows, part=part: rows.evaluate(
                    "(rows, part) => rows.scrollTop = part * rows.scrollHeight", part
                ),
            )
    for n in range(page.locator(".tabs a:visible").count()):
        yield "measure", page.locator(".tabs a:visible").nth(n).click
    if page.locator("#products:visible").count():
        for columns in (
            ["students", "page_loads"],
            ["provider", "status_group", "students", "educators", "page_loads", "pct_access"],
        ):
            yield (
                "columns",
                lambda columns=columns: page.evaluate(
                    "(value) => window.dash_clientside.set_props('products-columns', {value})", columns
                ),
            )
    for event in ("beforeprint", "afterprint"):
        yield (
            "print",
            lambda event=event: page.evaluate("(event) => window.dispatchEvent(new Event(event)) && null", event),
        )
    if page.locator("button.compare:visible").count():
        boxes = page.locator(".grid:visible input[type=checkbox]")
        page.locator(".grid:visible .ag-body-viewport").evaluate("rows => rows.scrollTop = 0")
        for n in range(3):
            yield "compare", boxes.nth(n).check
        yield "compare", page.locator("button.compare:visible").click


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
                first, loading = page.evaluate(_FIRST), page.evaluate("window.busy")
                selection = page.evaluate("selectionOf(window.location.search)")
                sent = page.evaluate(
                    "performance.getEntriesByType('resource').reduce((sum, one) => sum + one.transferSize, 0) / 1000"
                )
                _rest(server.pid)
                used = _ticks(server.pid)
                measured = [page.evaluate(_CHANGE, list(change)) for change in changes(count)]
                used = _ticks(server.pid) - used
                each, answered, busy = (sorted(values) for values in zip(*measured, strict=True))
                worst, doing = int(count * 0.95), {}
                # By a link, with the selection that was there at first.
                page.evaluate(_CHANGE, ["", f"{'/' if name else '/schools'}{selection}"])
                page.wait_for_load_state("networkidle")
                there, _, more = path.partition("?")
                arrive, _, at_once = page.evaluate(_CHANGE, ["", f"/{there}{selection}{'&' if more else ''}{more}"])
                page.wait_for_load_state("networkidle")
                doing["arrive"] = at_once
                for label, do in things_to_do(page):
                    page.evaluate("window.busy = 0")
                    do()
                    page.wait_for_timeout(500)
                    page.wait_for_load_state("networkidle")
                    doing[label] = max(doing.get(label, 0), page.evaluate("window.busy"))
                took[name] = {
                    "median": each[count // 2], "p95": each[worst], "most": each[-1], "answered": answered[worst],
                    "server": 1000 * used / os.sysconf("SC_CLK_TCK") / count, "blocked": busy[-1], "first": first, "loading": loading,
                    "kilobytes": sent, "arrive": arrive, "doing": doing,
                }  # fmt: skip
                page.close()
            browser.close()
    finally:
        server.terminate()
    print(json.dumps(took))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:] or [""])
