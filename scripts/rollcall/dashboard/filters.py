"""What the page is filtered by, and how that reads in its address."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from urllib.parse import parse_qs, urlencode

PERIODS = {"day": "Day", "week": "Week", "month": "Month", "school_year": "School year", "custom": "Custom dates"}
USER_TYPES = {"student": "Students", "educator": "Educators", "administrator": "Administrators", "other": "Other"}


def period_of(period: str, day: date, years: Sequence[tuple[date, date]] = ()) -> tuple[date, date]:
    """First and last day of the day, week (from Monday), month or school year that `day` is in.

    `years` are the district's school years; a day outside them is in a year from July 1.
    """
    if period == "week":
        first = day - timedelta(days=day.weekday())
        return first, first + timedelta(days=6)
    if period == "month":
        return day.replace(day=1), day.replace(day=calendar.monthrange(day.year, day.month)[1])
    if period == "school_year":
        for first, last in years:
            if first <= day <= last:
                return first, last
        year = day.year if day.month >= 7 else day.year - 1
        return date(year, 7, 1), date(year + 1, 6, 30)
    return day, day


def piece_of(day: date) -> tuple[date, date]:
    """First and last day of the part of a week that lies in one month: weeks, months and most school years are made of whole ones."""
    (monday, sunday), (first, last) = period_of("week", day), period_of("month", day)
    return max(monday, first), min(sunday, last)


@dataclass(frozen=True)
class Filters:
    """One selection. Empty tuples mean everything; so do those that name all there is (see `Options.everything`)."""

    district_id: str
    period: str
    first: date
    last: date
    schools: tuple[str, ...] = ()
    grades: tuple[str, ...] = ()
    user_types: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    search: str = ""
    # Made by `scope`, of people who see these schools and no more: they narrow also where they are all there are.
    is_within: bool = False

    def as_query(self) -> str:
        """The address's query: what differs from everything, in a fixed order, so that equal selections are equal text."""
        pairs: list[tuple[str, str]] = [("district", self.district_id), ("period", self.period)]
        pairs.append(("from", self.first.isoformat()))
        if self.period == "custom":
            pairs.append(("to", self.last.isoformat()))
        for name, values in (
            ("school", self.schools), ("grade", self.grades), ("type", self.user_types), ("status", self.statuses),
        ):  # fmt: skip
            pairs += [(name, value) for value in values]
        if self.search:
            pairs.append(("q", self.search))
        return "?" + urlencode(pairs)


@dataclass(frozen=True)
class District:
    """What one district has to choose from."""

    district_id: str
    name: str
    schools: dict[str, str] = field(default_factory=dict)
    grades: dict[str, str] = field(default_factory=dict)
    first_day: date | None = None
    last_day: date | None = None
    time_zone: str = "UTC"
    school_years: tuple[tuple[date, date], ...] = ()
    freshness_days: dict[str, int] = field(default_factory=dict)
    grades_of: dict[str, tuple[str, ...]] = field(default_factory=dict)  # by school
    statuses: tuple[str, ...] = ()  # of its products
    is_whole: bool = True  # else it is what someone sees who has some of its schools

    def period_of(self, period: str, day: date) -> tuple[date, date]:
        """First and last day of the period that `day` is in, in this district."""
        return period_of(period, day, self.school_years)


@dataclass(frozen=True)
class Options:
    """What there is to choose from, in the version that is shown."""

    districts: dict[str, District]
    statuses: tuple[str, ...]

    def default(self, district_id: str | None = None) -> Filters:
        """Everything, in the month of the district's last use."""
        district = self.districts.get(district_id or "") or next(iter(self.districts.values()))
        first, last = period_of("month", district.last_day or date.today())
        return Filters(district.district_id, "month", first, last)

    def read(self, query: str) -> Filters:
        """The selection of an address. What it names that is not there is left out: old bookmarks still open."""
        asked = parse_qs(query.removeprefix("?"))
        district = self.districts.get(asked.get("district", [""])[0]) or next(iter(self.districts.values()))
        period = asked.get("period", ["month"])[0]
        period = period if period in PERIODS else "month"
        day = read_day(asked.get("from", [""])[0]) or district.last_day or date.today()
        first, last = district.period_of(period, day)
        if period == "custom":
            last = max(first, read_day(asked.get("to", [""])[0]) or first)

        def known(name: str, there) -> tuple[str, ...]:
            given = asked.get(name, [])
            return tuple(value for value in there if value in given)

        return Filters(
            district.district_id, period, first, last,
            known("school", district.schools), known("grade", district.grades), known("type", USER_TYPES),
            known("status", self.statuses), read_text(asked.get("q", [""])[0]),
        )  # fmt: skip

    def missing(self, query: str) -> str | None:
        """What an address names that is not there, in words; None where it names nothing of the kind."""
        asked = parse_qs(query.removeprefix("?"))
        names = asked.get("district", [])
        if unknown := [name for name in names if name not in self.districts]:
            return f"Rollcall has no district “{read_text(unknown[0])}”."
        district = self.districts[self.read(query).district_id]
        for name, kind, there in (
            ("school", "school", district.schools), ("grade", "grade", district.grades), ("type", "user type", USER_TYPES),
            ("status", "product status", self.statuses), ("period", "period", PERIODS),
        ):  # fmt: skip
            if unknown := [value for value in asked.get(name, []) if value not in there]:
                return f"{district.name} has no {kind} “{read_text(unknown[0])}”."
        for name in ("from", "to"):
            if unknown := [value for value in asked.get(name, []) if read_day(value) is None]:
                return f"“{read_text(unknown[0])}” is not a date such as 2025-10-31."
        return None

    def earlier(self, filters: Filters, school_days: frozenset[date]) -> tuple[Filters | None, str]:
        """The same selection some whole weeks before, to compare with; or None, and why there is nothing to compare with.

        Like with like: the same weekdays, as many school days, and all of them delivered. What cannot be held against the weeks just before
        is held against a year before, as a school year always is.
        """
        district = self.districts[filters.district_id]
        if not (district.first_day and district.last_day) or filters.first > district.last_day:
            return None, "No earlier data"
        last = min(filters.last, district.last_day)
        weeks = -(-((last - filters.first).days + 1) // 7)
        now_days, why = sum(filters.first <= each <= last for each in school_days), ""
        for back in (52,) if filters.period == "school_year" else (weeks, 52):
            first, end = filters.first - timedelta(weeks=back), last - timedelta(weeks=back)
            if first < district.first_day:
                break
            then_days = sum(first <= each <= end for each in school_days)
            if then_days == now_days:
                is_week = filters.period == "week" and last == filters.last
                period = "day" if first == end else "week" if is_week else "custom"
                return replace(filters, period=period, first=first, last=end), ""
            why = why or f"Not compared: {then_days} school day{'' if then_days == 1 else 's'} before, {now_days} now"
        return None, why or "No earlier data"

    def last_day(self, filters: Filters) -> date:
        """The last of the selected days, or the district's last day of use where that is earlier."""
        last = self.districts[filters.district_id].last_day
        return max(filters.first, min(filters.last, last)) if last else filters.last

    def narrows(self, filters: Filters) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The schools and grades that narrow the selection: all of them, or none, is everyone."""
        there = self.districts[filters.district_id]
        schools = filters.schools if filters.is_within or len(filters.schools) < len(there.schools) else ()
        if not (schools or there.is_whole):
            schools = tuple(there.schools)
        grades = filters.grades if len(filters.grades) < len(there.grades) else ()
        return schools, grades


def read_day(written: str) -> date | None:
    """A date, but for those near the ends of the calendar, where nothing is before or after."""
    try:
        found = date.fromisoformat(written)
    except ValueError:
        return None
    return found if date(1900, 1, 1) <= found <= date(2199, 12, 31) else None


def read_text(given: str) -> str:
    """What was typed, without halves of characters, which cannot be asked for."""
    return given.encode("utf-8", "replace").decode()[:200].strip()
