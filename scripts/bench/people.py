"""Many people at a dashboard at once: `python people.py PEOPLE SECONDS DISTRICT` with the rooms' variables set and a version published.

Serves the published warehouse behind a trusted proxy's header, and lets so many people walk its pages, each with grants of their own
(directors, data managers, principals), over connections of their own. Each asks what a browser asks: the page, its layout, the callbacks of its
start, those of a filter that is changed or of another page, an export now and then, and every five seconds whether there is a new version,
which then is shown. They take two seconds on average to look at what they see. `rollcall refresh` runs meanwhile, once `SECONDS` are over;
they go on for as long again after it.

Prints, as JSON, the milliseconds of the answers (median, 95th percentile, longest) before, during and after the refresh, how many there were, what
was no answer, and the processor time of the server by answer.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from dash._utils import split_callback_id

PAGES = ("/", "/schools", "/review", "/coverage", "/quality", "/members")
OF_DISTRICT = ("/coverage", "/quality", "/members")
# What a callback is known by: one of its outputs.
CHOOSE, FIELDS, SHOW, AROUND, NEWER = (
    "..district.value...", "..when-field.hidden...", "cards.children", "district-name.children", "version.data"
)  # fmt: skip
LOOKING = 2.0


@dataclass
class Answers:
    """What was answered, when and how fast, and what was not."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    took: list[tuple[float, float, str]] = field(default_factory=list)
    errors: Counter = field(default_factory=Counter)
    versions: set[str] = field(default_factory=set)

    def note(self, at: float, took: float, what: str) -> None:
        with self.lock:
            self.took.append((at, took, what))

    def wrong(self, what: str) -> None:
        with self.lock:
            self.errors[what] += 1


class Person(threading.Thread):
    """One person's browser."""

    def __init__(self, address: str, email: str, sees_all: bool, seed: int, answers: Answers, stop: threading.Event):
        super().__init__(daemon=True)
        self.place, self.email, self.answers, self.stop = urlsplit(address), email, answers, stop
        self.pages = [page for page in PAGES if sees_all or page not in OF_DISTRICT]
        self.rng = random.Random(seed)
        self.connection = http.client.HTTPConnection(str(self.place.hostname), self.place.port, timeout=60)
        self.token: tuple[str, str] | None = None
        self.now: dict[str, Any] = {}
        self.callbacks: list[dict] = []

    def ask(self, method: str, path: str, body: dict | None = None, what: str = "") -> bytes:
        headers = {"Host": self.place.netloc, "X-Forwarded-Email": self.email, "Accept-Encoding": "gzip"}
        if self.token:
            headers |= {"Cookie": f"_csrf_token={self.token[1]}; {self.token[0]}", "X-CSRFToken": self.token[1]}
        if body is not None:
            headers |= {"Content-Type": "application/json"}
        began = time.monotonic()
        try:
            self.connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = self.connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            self.answers.wrong(f"{what or path}: {type(error).__name__}")
            return b""
        self.answers.note(began, time.monotonic() - began, what or path)
        # A small selection is refused to be exported, as the page does not show it.
        if answer.status not in (200, 204) and not (answer.status == 403 and b"This selection covers fewer" in content):
            self.answers.wrong(f"{what or path}: {answer.status} {content[:100]!r}")
            return b""
        if path == "/":
            cookies = dict(
                part.partition("=")[::2]
                for line in answer.headers.get_all("Set-Cookie", [])
                for part in [line.partition(";")[0]]
            )
            session = next(f"{name}={value}" for name, value in cookies.items() if name != "_csrf_token")
            self.token = (session, cookies["_csrf_token"])
        if answer.headers.get("Content-Encoding") == "gzip":
            import gzip

            content = gzip.decompress(content)
        return content

    def call(self, name: str, changed: str) -> dict:
        """One callback, as the page sends it; what it answers is how things are from then on."""
        callback = next(each for each in self.callbacks if name in each["output"])
        body = {
            "output": callback["output"],
            "outputs": split_callback_id(callback["output"]),
            "changedPropIds": [changed],
        }
        for kind in ("inputs", "state"):
            body[kind] = [
                {**each, "value": self.now.get(f"{each['id']}.{each['property']}")} for each in callback[kind]
            ]
        text = self.ask("POST", "/_dash-update-component", body, name.strip("."))
        answer = json.loads(text)["response"] if text else {}
        for component, properties in answer.items():
            for prop, value in properties.items():
                if component not in ("cards", "trend-graph", "products"):
                    self.now[f"{component}.{prop}"] = value
        return answer

    def run(self) -> None:
        self.stop.wait(self.rng.random() * LOOKING)
        self.open()
        polled = time.monotonic()
        while not self.stop.wait(self.rng.uniform(0.5, 1.5) * LOOKING):
            if time.monotonic() - polled > 5:
                polled = time.monotonic()
                if self.call(NEWER, "clock.n_intervals"):
                    self.answers.versions.add(str(self.now["version.data"]))
                    self.call(SHOW, "version.data")
                    self.call(AROUND, "version.data")
            self.act()

    def open(self) -> None:
        self.ask("GET", "/")
        layout = json.loads(self.ask("GET", "/_dash-layout"))
        self.callbacks = [
            each for each in json.loads(self.ask("GET", "/_dash-dependencies")) if not each.get("clientside_function")
        ]
        for each in self.callbacks:
            each |= {
                kind: [{"id": one["id"], "property": one["property"]} for one in each[kind]]
                for kind in ("inputs", "state")
            }
        self.keep(layout)
        self.now |= {"url.pathname": "/", "url.search": "", "clock.n_intervals": 0}
        self.call(CHOOSE, "url.search")
        self.call(FIELDS, "period.value")
        self.call(AROUND, "district.value")
        self.call(SHOW, "url.pathname")
        self.answers.versions.add(str(self.now["version.data"]))

    def keep(self, part: object) -> None:
        """The values of a layout's components."""
        if isinstance(part, list):
            for each in part:
                self.keep(each)
        elif isinstance(part, dict):
            props = part.get("props", {})
            if isinstance(props.get("id"), str):
                self.now |= {
                    f"{props['id']}.{name}": value for name, value in props.items() if name not in ("id", "children")
                }
            self.keep(props.get("children"))

    def act(self) -> None:
        what = self.rng.choice(["page", "filter", "filter", "filter", "period", "export"])
        path = str(self.now["url.pathname"])
        if what == "page" or path in ("/quality", "/members"):
            self.now["url.pathname"] = path = self.rng.choice(self.pages)
            self.call(SHOW, "url.pathname")
            if path in ("/quality", "/members"):
                name = "deliveries" if path == "/quality" else "members"
                self.ask(
                    "GET",
                    f"/office/{name}?{urlencode({'district': self.now['district.value']})}",
                    what=f"office {name}",
                )
        elif what == "filter":
            name = self.rng.choice(["schools", "grades", "types"])
            known = [each["value"] for each in self.now.get(f"{name}.options") or []]
            self.now[f"{name}.value"] = self.rng.sample(known, self.rng.randint(0, min(3, len(known))))
            self.call(SHOW, f"{name}.value")
        elif what == "period":
            self.now["when.value"] = self.rng.choice([each["value"] for each in self.now["when.options"]])
            self.call(SHOW, "when.value")
        elif path != "/coverage":
            table = {"/": "products", "/schools": "heat", "/review": "new"}[path]
            self.ask("GET", f"/export/{table}.csv{self.now.get('address.data') or ''}", what="export")


def figures(took: list[float]) -> dict[str, float]:
    ordered = sorted(took) or [0.0]
    return {
        "answers": len(took),
        "median": round(1000 * ordered[len(ordered) // 2], 1),
        "p95": round(1000 * ordered[int(len(ordered) * 0.95)], 1),
        "longest": round(1000 * ordered[-1], 1),
    }


def _ticks(pid: int) -> int:
    return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))


def main(count: int, seconds: float, grants: Path) -> None:
    more = {
        "ROLLCALL_SIGN_ON": "proxy",
        "ROLLCALL_PUBLIC_URL": "http://127.0.0.1:8050",
        "ROLLCALL_PROXY_ADDRESSES": '["127.0.0.1"]',
    }
    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "rollcall", "dashboard", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | more,
    )
    answers, stop = Answers(), threading.Event()
    try:
        said = server.stdout.readline() if server.stdout else ""
        found = re.search(r"http://\S+", said)
        if not found:
            sys.exit(f"the dashboard did not start: {said}")
        address = found[0]
        people = json.loads(grants.read_text())[:count]
        crowd = [
            Person(address, email, sees_all, number, answers, stop) for number, (email, sees_all) in enumerate(people)
        ]
        used = _ticks(server.pid)
        for person in crowd:
            person.start()
        stop.wait(seconds)
        began = time.monotonic()
        refresh = subprocess.run(
            [sys.executable, "-m", "rollcall", "refresh", "--json"], stdout=subprocess.PIPE, text=True
        )
        ended = time.monotonic()
        stop.wait(seconds)
        stop.set()
        for person in crowd:
            person.join(60)
        used = _ticks(server.pid) - used
    finally:
        server.terminate()
    parts = {
        "before": [took for at, took, _ in answers.took if at < began],
        "during": [took for at, took, _ in answers.took if began <= at < ended],
        "after": [took for at, took, _ in answers.took if at >= ended],
    }
    kinds = {
        what: figures([took for _, took, of in answers.took if of == what])
        for what in sorted({of for _, _, of in answers.took})
    }
    print(
        json.dumps(
            {
                "all": figures([took for _, took, _ in answers.took]),
                **{name: figures(took) for name, took in parts.items()},
                "errors": sum(answers.errors.values()),
                "examples": dict(answers.errors.most_common(5)),
                "versions": len(answers.versions),
                "refresh": refresh.returncode,
                "refresh_seconds": round(ended - began, 1),
                "processor_ms": round(1000 * used / os.sysconf("SC_CLK_TCK") / max(len(answers.took), 1), 1),
                "kinds": kinds,
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]))
