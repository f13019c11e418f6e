"""A district at the size that dashboards fall over at: 40 schools by 14 grades and 2,700 products; its landing folder, as files.

`python large.py FOLDER [DAYS] [STUDENTS]`. Every grade of every school is there, some of them with a pupil or two, and products are used
by a few or by thousands, as they are.
"""

from __future__ import annotations

import csv
import io
import random
import sys
import zipfile
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

SCHOOLS, PRODUCTS = 40, 2_700
GRADES = ["PK", "KG", *[f"{n:02}" for n in range(1, 13)]]


def _text(header: list[str], rows: Sequence[Sequence[object]]) -> str:
    sink = io.StringIO()
    writer = csv.writer(sink)
    writer.writerows([header, *rows])
    return sink.getvalue()


def make(folder: Path, days: int = 22, students: int = 11_000, seed: int = 18, first: date = date(2025, 9, 2)) -> None:
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    (folder / "district.toml").write_text(
        'name = "Largefield Unified School District"\ntime_zone = "America/Chicago"\n'
    )
    orgs = [["D", "", "", "Largefield", "district", "D", ""]]
    orgs += [[f"S{n:02}", "", "", f"{name} School {n + 1}", "school", f"S{n:02}", "D"] for n, name in ((n, rng.choice(["Oak Hill", "Cedar Creek", "Maple Park", "Willow Ridge"])) for n in range(SCHOOLS))]  # fmt: skip
    people, users = [], []
    places = [(f"S{n:02}", grade) for n in range(SCHOOLS) for grade in GRADES]
    # A few grades have a pupil or two, the others some twenty.
    weights = [0.06 if rng.random() < 0.06 else rng.uniform(0.6, 1.4) for _ in places]
    for number, (school, grade) in enumerate([*places, *rng.choices(places, weights, k=students - len(places))]):
        people.append((f"U{number}", "student", school, grade))
    people += [(f"T{n}", "teacher", f"S{n % SCHOOLS:02}", rng.choice(GRADES)) for n in range(students // 16)]
    for key, role, school, grade in people:
        users.append([key, "", "", "true", school, role, key, "", "Given", "Family", "", key, f"{key.lower()}@largefield.example", "", "", "", grade, ""])  # fmt: skip
    files = {
        "orgs.csv": _text(["sourcedId", "status", "dateLastModified", "name", "type", "identifier", "parentSourcedId"], orgs),
        "users.csv": _text(["sourcedId", "status", "dateLastModified", "enabledUser", "orgSourcedIds", "role", "username", "userIds", "givenName", "familyName", "middleName", "identifier", "email", "sms", "phone", "agentSourcedIds", "grades", "password"], users),
    }  # fmt: skip
    manifest = [
        ["manifest.version", "1.0"],
        ["oneroster.version", "1.1"],
        ["source.systemName", "bench"],
        ["source.systemCode", "bench"],
    ]
    names = ("academicSessions", "categories", "classes", "classResources", "courses", "courseResources", "demographics", "enrollments", "lineItems", "orgs", "resources", "results", "users")  # fmt: skip
    manifest += [[f"file.{name}", "bulk" if f"{name}.csv" in files else "absent"] for name in names]
    files["manifest.csv"] = _text(["propertyName", "value"], manifest)
    with zipfile.ZipFile(folder / f"roster_{first}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    statuses = ["Approved", "In Review", "Not Approved", "", "Retired"]
    rows = [[f"P{n}", f"Product {n}", f"Provider {n % 300}", f"https://p{n}.example", rng.choice(["Mathematics", "Science", "Arts"]), "Practice", rng.choices(statuses, [6, 2, 1, 1, 0.3])[0], "signed"] for n in range(int(PRODUCTS * 0.8))]  # fmt: skip
    (folder / f"products_{first}.csv").write_text(_text(["product_id", "product_name", "provider", "url", "sector", "essential_function", "product_status", "privacy_status"], rows))  # fmt: skip
    # The n-th product is used n times less often than the first, and by fewer grades.
    popular = [1 / (n + 3) for n in range(PRODUCTS)]
    hosts = [f"p{n}.example" for n in range(PRODUCTS)]
    tastes = {person[0]: rng.choices(hosts, popular, k=40) + rng.choices(hosts, k=2) for person in people}
    day, made, event = first, 0, 0
    while made < days:
        if day.weekday() < 5:
            lines = []
            for key, *_ in people:
                if rng.random() < 0.7:
                    for host in rng.sample(tastes[key], 5):
                        event += 1
                        lines.append([f"{day}T{rng.randint(8, 15):02}:{rng.randint(0, 59):02}:00-05:00", f"{key.lower()}@largefield.example", key, f"https://{host}/", rng.randint(5, 300), f"E{event}", "extension"])  # fmt: skip
            (folder / f"usage_{day}.csv").write_text(_text(["occurred_at", "user_email", "user_id", "url", "duration_seconds", "event_id", "collector"], lines))  # fmt: skip
            made += 1
        day += timedelta(days=1)


if __name__ == "__main__":
    folder, days, students = [*sys.argv[1:], *("22", "11000")[len(sys.argv) - 2 :]]
    make(Path(folder), int(days), int(students))
