"""A district in which something moves all the time: what it delivers next is drawn at random, a little at a time."""

from __future__ import annotations

import random
from copy import deepcopy
from datetime import date, timedelta
from pathlib import Path

import roster

FIRST = date(2026, 1, 5)
SCHOOLS = ("A", "B", "C", "E")
GRADES = ("KG", *(f"{grade:02}" for grade in range(1, 13)))
ROLES_OF_1_2 = {"administrator": "principal"}
# As a template names schools: those it has named from the beginning, several of them, and rarely one that nobody knows.
CELLS = (
    ("A", ""),
    ("B", ""),
    ("C", ""),
    ("", "Gamma School"),
    ("A;B", ""),
    ("", "Alpha School; Beta School"),
    ("", ""),
)
Row = dict[str, str]


class District:
    """A set of OneRoster, lists and use, and how they change. `says` is what was changed last, in words."""

    def __init__(self, folder: Path, draw: random.Random, version: str = "1.1", students: int = 150):
        self.folder, self.draw, self.version = folder, draw, version
        self.day, self.number, self.says = FIRST, 1000, []
        self.left: list[Row] = []
        self.templates: dict[str, list[Row]] = {"educators": [], "students": []}
        self.files = roster.good()
        self.files["orgs.csv"] += [
            roster.org("C", "Gamma School", "school", "D"),
            roster.org("E", "Epsilon School", "school", "D"),
        ]
        self.files["courses.csv"] = [
            {
                "sourcedId": f"C{n}",
                "title": f"Course {n}",
                "grades": draw.choice(["", "09", "03,04"]),
                "orgSourcedId": "D",
            }
            for n in range(1, 5)
        ]
        self.files["classes.csv"] = [
            roster.class_(f"K{n}", draw.choice(SCHOOLS), draw.choice(["", *GRADES]), f"C{draw.randint(1, 4)}")
            for n in range(1, 16)
        ]
        self.files["users.csv"] = [self._student(f"P{n}") for n in range(students)]
        self.files["users.csv"] += [self._educator(f"T{n}", is_of_several=n % 4 == 0) for n in range(students // 5)]
        self.files["enrollments.csv"] = [self._enrollment(f"N{n}") for n in range(students // 3)]
        self.files.pop("demographics.csv")
        grants = "true" if draw.random() < 0.4 else "false"
        folder.mkdir(parents=True)
        (folder / "district.toml").write_text(
            f'email_domains = ["schools.example"]\nroster_grants_access = {grants}\n'
            "[thresholds]\nremoval = 1\nupdate = 1\nrow_loss = 1\n"
        )

    def begin(self) -> None:
        self.send_roster()
        self.send_use()
        for kind in self.templates:
            if self.draw.random() < 0.5:
                self.send_template(kind)
        if self.draw.random() < 0.5:
            self.send_access()

    def go_on(self) -> bool:
        """Writes what comes next into the landing; True if it is for a backfill."""
        draw = self.draw
        self.says, is_late = [], False
        self.day += timedelta(days=draw.choice([0, 1, 1, 1, 2]))
        what = draw.choices(
            ["roster", "delta", "educators", "students", "members", "access", "use", "late", "orgs"],
            [8, 2, 3, 2, 3, 1, 2, 1, 0.7],
        )[0]
        if what in ("roster", "late"):
            kept = deepcopy(self.files)
            for _ in range(draw.randint(1, 4)):
                self.change()
            is_late = what == "late"
            self.send_roster(self.day - timedelta(days=draw.randint(1, 3)) if is_late else None)
            if is_late and draw.random() < 0.7:
                self.files = kept  # what comes after does not have it
        elif what == "delta":
            self.change()
            self.send_delta()
        elif what in self.templates:
            self.send_template(what)
        elif what == "members":
            self.send_member()
        elif what == "access":
            self.send_access()
        elif what == "orgs":
            draw.choice(self.files["orgs.csv"])["name"] = f"School {draw.randint(1, 99)}"
            self.send_roster()
        else:
            self.day += timedelta(days=draw.randint(1, 3))
        self.says.append(what)
        if what == "use" or draw.random() < 0.6:
            self.send_use()
        return is_late

    def of(self, letter: str) -> list[Row]:
        """Users: students (P) or staff (T)."""
        return [user for user in self.files["users.csv"] if user["sourcedId"][0] == letter]

    def change(self) -> None:
        """One thing that a school's office would do on a day."""
        draw, files = self.draw, self.files
        student, staff = draw.choice(self.of("P")), draw.choice(self.of("T"))
        someone, enrolled = draw.choice([student, staff]), files["enrollments.csv"]
        what = draw.choice(
            ["grade", "school", "schools", "email of staff", "email", "identifier", "number", "leaves", "returns", "disabled",
             "role", "enrolls", "unenrolls", "moves", "dates", "class", "class moves", "course", "several", "name", "one school",
             "role's dates", "new", "new class"]
        )  # fmt: skip
        self.says.append(what)
        if what == "grade":
            student["grades"] = draw.choice(GRADES)
        elif what == "school":
            student["orgSourcedIds"] = draw.choice(SCHOOLS)
        elif what == "schools":
            student["orgSourcedIds"] = ",".join(draw.sample(SCHOOLS, 2))
            student["grades"] = draw.choice([draw.choice(GRADES), ",".join(draw.sample(GRADES, 2))])
        elif what == "email of staff":
            own = f"{staff['sourcedId'].lower()}@schools.example"
            staff["email"] = draw.choice([draw.choice(self.of("T"))["email"], own])
        elif what == "email":
            someone["email"] = draw.choice([student, staff, draw.choice(self.of("P"))])["email"]
        elif what == "identifier":
            other = draw.choice(self.of("T")).get("identifier", "")
            staff["identifier"] = draw.choice([other, "", f"E{staff['sourcedId'][1:]}"])
        elif what == "number":
            other = draw.choice(self.of("P")).get("identifier", "")
            student["identifier"] = draw.choice([other, "", str(draw.randint(1000, 1150))])
        elif what == "leaves":
            self._take_out(someone["sourcedId"])
            self.left.append(someone)
        elif what == "returns" and self.left:
            files["users.csv"].append(self.left.pop(draw.randrange(len(self.left))))
        elif what == "disabled":
            someone["enabledUser"] = draw.choice(["true", "false"])
        elif what == "role":
            staff["role"] = draw.choice(["teacher", "teacher", "administrator", "aide", "parent", "proctor"])
        elif what == "enrolls":
            self.number += 1
            enrolled.append(self._enrollment(f"N{self.number}"))
        elif what == "unenrolls" and enrolled:
            enrolled.remove(draw.choice(enrolled))
        elif what == "moves" and enrolled:
            one = draw.choice(enrolled)
            one.update(self._enrollment(one["sourcedId"]))
        elif what == "dates" and enrolled:
            one = draw.choice(enrolled)
            one["beginDate"] = str(self.day - timedelta(days=draw.randint(0, 4)))
            one["endDate"] = str(self.day + timedelta(days=draw.randint(1, 4)))
        elif what == "class":
            draw.choice(files["classes.csv"])["grades"] = draw.choice(["", *GRADES, "03,04"])
        elif what == "class moves":
            one = draw.choice(files["classes.csv"])
            one["schoolSourcedId"] = draw.choice(SCHOOLS)
            for row in enrolled:
                if row["classSourcedId"] == one["sourcedId"]:
                    row["schoolSourcedId"] = one["schoolSourcedId"]
        elif what == "course":
            draw.choice(files["courses.csv"])["grades"] = draw.choice(["", *GRADES])
        elif what == "several":
            staff["orgSourcedIds"] = ",".join(draw.sample(SCHOOLS, draw.randint(2, 3)))
            staff["grades"] = ",".join(draw.sample(GRADES, draw.randint(2, 3)))
        elif what == "name":
            staff["givenName"] = draw.choice(["Ada", "Bo"])
        elif what == "one school":
            staff["orgSourcedIds"], staff["grades"] = draw.choice(SCHOOLS), draw.choice(["", draw.choice(GRADES)])
        elif what == "role's dates":
            staff["begins"] = str(self.day - timedelta(days=draw.randint(0, 3)))
            staff["ends"] = draw.choice(["", str(self.day + timedelta(days=draw.randint(1, 5)))])
        elif what == "new":
            self.number += 1
            new = draw.choice([self._student(f"P{self.number}"), self._educator(f"T{self.number}")])
            if new["role"] != "student":
                new["email"] = draw.choice([new["email"], staff["email"]])
            files["users.csv"].append(new)
        elif what == "new class":
            self.number += 1
            files["classes.csv"].append(
                roster.class_(f"K{self.number}", draw.choice(SCHOOLS), draw.choice(GRADES), "C1")
            )

    def send_roster(self, day: date | None = None) -> None:
        roster.write(self.folder / f"roster_{day or self.day}.zip", self._as_delivered())

    def send_delta(self) -> None:
        """A few rows, of which one may say that someone is gone."""
        draw, files = self.draw, self._as_delivered()
        few = {
            name: draw.sample(files[name], min(3, len(files[name])))
            for name in ("users.csv", "enrollments.csv", "roles.csv")
            if name in files
        }
        for user in few["users.csv"][: draw.randint(0, 1)]:
            user["status"] = "tobedeleted"
            self._take_out(user["sourcedId"])
            few["enrollments.csv"] = [
                row for row in few["enrollments.csv"] if row["userSourcedId"] != user["sourcedId"]
            ]
        for rows in few.values():
            for row in rows:
                row.setdefault("status", "active")
                row["dateLastModified"] = f"{self.day}T00:00:00.000Z"
        roster.write(self.folder / f"roster_{self.day}.zip", few, deltas=set(few))

    def send_template(self, kind: str) -> None:
        draw, rows = self.draw, self.templates[kind]
        for _ in range(draw.randint(1, 2)):
            if rows and draw.random() < 0.4:
                rows.remove(draw.choice(rows))
                continue
            user = draw.choice(self.of("T" if kind == "educators" else "P"))
            school_id, school_name = draw.choice(CELLS) if draw.random() < 0.95 else ("Z9", "Zed School")
            row = {
                "sis_id": draw.choice([user["sourcedId"], user.get("identifier", ""), f"X{draw.randint(1, 9)}", ""]),
                "first_name": "Given", "last_name": "Name", "school_id": school_id, "school_name": school_name,
                "email": draw.choice([user["email"], f"x{draw.randint(1, 9)}@schools.example"]),
                "role": draw.choice([*["teacher"] * 4, "administrator", "counselor", "", "student"]),
                "grade_level": draw.choice(["", draw.choice(GRADES), ",".join(draw.sample(GRADES, 2))]),
            }  # fmt: skip
            rows.append(row)
        roster.template(self.folder / f"{kind}_{self.day}.csv", kind, rows)

    def send_member(self) -> None:
        draw = self.draw
        user = draw.choice([*self.of("T"), self.of("P")[0]])
        row = {
            "first_name": "Mem", "last_name": "Ber", "role": draw.choice(["teacher", "counselor", "administrator"]),
            "email": draw.choice([user["email"], f"m{draw.randint(1, 5)}@schools.example"]),
            "school": draw.choice(["A", "Beta School", "A; B"]), "grade_level": draw.choice(["", "03", "03,04"]),
            "end_date": draw.choice(["", str(self.day + timedelta(days=draw.randint(1, 5)))]),
            "status": draw.choice(["", "", "", "tobedeleted"]),
        }  # fmt: skip
        roster.template(self.folder / f"members_{self.day}.csv", "members", [row])

    def send_access(self) -> None:
        draw = self.draw
        people = [*draw.sample(self.of("T"), 3), draw.choice(self.of("P"))]
        roles, schools = ["director", "viewer", "principal", "data_manager"], ["", "Alpha School", "B"]
        lines = [f"{user['email']},{draw.choice(roles)},{draw.choice(schools)}" for user in people]
        (self.folder / f"access_{self.day}.csv").write_text("\n".join(["email,role,school", *lines]) + "\n", "utf-8")

    def send_use(self) -> None:
        """Use by people of the roster, by some who have left it, and by strangers."""
        draw, rows = self.draw, []
        for n in range(60):
            user = draw.choice([*self.files["users.csv"], *self.left])
            strange = [f"x{draw.randint(1, 9)}@schools.example", f"m{draw.randint(1, 5)}@schools.example"]
            email = draw.choice([user["email"], user["email"], f"{user['username']}@schools.example", *strange, ""])
            id_ = draw.choice([user["sourcedId"], user.get("identifier", ""), "", ""])
            if email or id_:
                at = f"{self.day}T{9 + n % 8:02}:{n:02}:00Z"
                rows.append((at, email, id_, f"https://p{draw.randint(1, 6)}.example/"))
        self.number += 1
        path = self.folder / f"usage_{self.day}_{self.number}.csv"
        roster.usage(path, rows, "occurred_at,user_email,user_id,url")

    def _take_out(self, id_: str) -> None:
        for name, column in (("users.csv", "sourcedId"), ("enrollments.csv", "userSourcedId")):
            self.files[name] = [row for row in self.files[name] if row[column] != id_]

    def _student(self, id_: str) -> Row:
        number = id_[1:] if int(id_[1:]) % 3 == 0 else ""
        return roster.user(id_, "student", self.draw.choice(SCHOOLS), self.draw.choice(GRADES), identifier=number)

    def _educator(self, id_: str, is_of_several: bool = False) -> Row:
        draw = self.draw
        orgs = ",".join(draw.sample(SCHOOLS, 2)) if is_of_several else draw.choice(SCHOOLS)
        grades = draw.choice(["", draw.choice(GRADES), ",".join(draw.sample(GRADES, 2))])
        role = draw.choice([*["teacher"] * 4, "administrator", "aide", "parent"])
        return roster.user(id_, role, orgs, grades, identifier=draw.choice(["", f"E{id_[1:]}"]))

    def _enrollment(self, id_: str) -> Row:
        draw = self.draw
        user = draw.choice([*self.of("T"), *draw.sample(self.of("P"), len(self.of("T")) // 4)])
        one = draw.choice(self.files["classes.csv"])
        begin = draw.choice(["", "", str(FIRST + timedelta(days=draw.randint(-3, 12)))])
        end = draw.choice(["", "", str(FIRST + timedelta(days=draw.randint(2, 25)))])
        return {
            "sourcedId": id_, "classSourcedId": one["sourcedId"], "schoolSourcedId": one["schoolSourcedId"],
            "userSourcedId": user["sourcedId"], "role": "student" if user["sourcedId"][0] == "P" else "teacher",
            "beginDate": begin, "endDate": "" if begin and end and end <= begin else end,
        }  # fmt: skip

    def _as_delivered(self) -> dict[str, list[Row]]:
        files = deepcopy(self.files)
        if self.version == "1.2":
            files["users.csv"], files["roles.csv"] = [], []
            for user in self.files["users.csv"]:
                orgs = user["orgSourcedIds"].split(",")
                row = {name: value for name, value in user.items() if name not in ("role", "orgSourcedIds")}
                files["users.csv"].append(row | {"primaryOrgSourcedId": ""})
                for org in orgs:
                    role = ROLES_OF_1_2.get(user["role"], user["role"])
                    kind = "primary" if org == orgs[0] else "secondary"
                    own = roster.role(user["sourcedId"], role, org, kind, user.get("begins", ""), user.get("ends", ""))
                    # One that is of another role or other dates by now is the same row.
                    files["roles.csv"].append(own | {"sourcedId": f"R-{user['sourcedId']}-{org}"})
        for user in files["users.csv"]:
            user.pop("begins", None)
            user.pop("ends", None)
        return files
