"""The one way from a person to figures: what the pages, their options, totals and exports get is what the person's grants allow.

A person with the whole district gets the answers as they are. Of one with some schools, every selection is made one of these schools
before it is asked: what they get are answers that a director can get too, so what is hidden of small counts is hidden from both, and no two
people's answers together say more than a director's do. Nothing is passed on that this file does not name.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from rollcall import accesslog
from rollcall.dashboard.filters import District, Filters, Options
from rollcall.dashboard.privacy import Shown
from rollcall.dashboard.source import Source
from rollcall.settings import Settings
from rollcall.web import people
from rollcall.web.people import Grant, NoAccess, Viewer

# Pages about the district as a whole, and those about its deliveries; the others are for everybody who has access.
_OF_DISTRICT = ("/coverage",)
_OF_DELIVERIES = ("/quality", "/members")
_KEPT = 200  # people whose options are kept


class Scopes:
    """Gives the person of the request that is being answered their figures."""

    def __init__(self, source: Source, settings: Settings):
        self._source = source
        self.settings = settings
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[object, tuple], Figures] = OrderedDict()

    def figures(self) -> Figures:
        """NoAccess where nobody asks, or somebody with no district; NothingPublished before the first version."""
        viewer, shown = people.current(), self._source.figures()
        wanted = (shown.version, viewer.is_everyone, viewer.grants)
        with self._lock:
            found = self._kept.get(wanted)
            if found is None:
                # A version that is shown no more is closed once nobody holds it.
                for old in [each for each in self._kept if each[0] is not shown.version]:
                    del self._kept[old]
                found = self._kept[wanted] = Figures(shown, viewer)
            self._kept.move_to_end(wanted)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        if not (viewer.is_everyone or found.options.districts):
            raise NoAccess("you have access to no district that is published")
        return found

    def note(self, action: str, district_id: str | None, what: str) -> None:
        """Logs what the person does. Who works at the machine itself, without sign-on, is nobody by name."""
        if (email := people.current().email) is not None:
            accesslog.note(self.settings, email, action, district_id, what)


class Figures:
    """The answers of `privacy.Shown`, of what one person may see."""

    def __init__(self, shown: Shown, viewer: Viewer):
        self._shown, self._viewer = shown, viewer
        self.options: Options = _options(shown, viewer)

    # What is no figure

    @property
    def settings(self) -> Settings:
        return self._shown.settings

    @property
    def threshold(self) -> int:
        return self._shown.threshold

    @property
    def few(self) -> str:
        return self._shown.few

    @property
    def version_name(self) -> str:
        return self._shown.version.name

    @property
    def published_at(self) -> str:
        return self._shown.version.published_at

    def is_whole(self, district_id: str) -> bool:
        """Whether the person sees the whole district."""
        return self._viewer.must(district_id).is_whole

    def has_page(self, path: str, district_id: str) -> bool:
        """Whether a page is one that the person has of a district."""
        grant = self._viewer.must(district_id)
        return (grant.is_whole or path not in _OF_DISTRICT) and (grant.may_see_deliveries or path not in _OF_DELIVERIES)

    def school_days(self, district_id: str) -> frozenset[date]:
        self._viewer.must(district_id)
        return self._shown.school_days(district_id)

    def periods(self, district_id: str, period: str) -> list[date]:
        self._viewer.must(district_id)
        return self._shown.periods(district_id, period)

    def before(self, filters: Filters) -> tuple[Filters | None, str]:
        self._viewer.must(filters.district_id)
        return self._shown.before(filters)

    # Figures of a selection

    def _within(self, filters: Filters, schools: frozenset[str] | None = None) -> Filters:
        """The selection, kept to what the person may see; or to these schools of it."""
        grant = self._viewer.must(filters.district_id)
        only = grant.schools if schools is None else schools if grant.schools is None else grant.schools & schools
        if only is None:
            return filters
        there = self.options.districts[filters.district_id]
        own = tuple(name for name in there.schools if name in only)
        if not own or (filters.schools and not only.issuperset(filters.schools)):
            raise NoAccess("you have no access to these schools")
        grades = tuple(code for code in filters.grades if code in there.grades)
        return replace(
            filters,
            schools=tuple(name for name in own if name in filters.schools) or own,
            # All of the grades that these schools have are no restriction, and neither are those that they do not have.
            grades=grades if len(grades) < len(there.grades) else (),
            is_within=True,
        )

    def too_few(self, filters: Filters) -> bool:
        return self._shown.too_few(self._within(filters))

    def products(self, filters: Filters, product_key: str | None = None) -> list[dict[str, object]]:
        filters = self._within(filters)
        # What is kept is kept by arguments, as they are written.
        return self._shown.products(filters, product_key) if product_key else self._shown.products(filters)

    def headline(self, filters: Filters, products: list[dict[str, object]] | None = None) -> dict[str, object]:
        return self._shown.headline(self._within(filters), products)

    def headline_alone(self, filters: Filters) -> dict[str, object]:
        return self._shown.headline_alone(self._within(filters))

    def trend(self, filters: Filters) -> list[dict[str, object]]:
        return self._shown.trend(self._within(filters))

    def product_trend(self, filters: Filters, product_key: str) -> list[dict[str, object]]:
        return self._shown.product_trend(self._within(filters), product_key)

    def places(self, filters: Filters, product_key: str | None = None) -> list[dict[str, object]]:
        filters = self._within(filters)
        return self._shown.places(filters, product_key) if product_key else self._shown.places(filters)

    def weekly_students(self, filters: Filters) -> list[dict[str, object]]:
        return self._shown.weekly_students(self._within(filters))

    def new_products(self, filters: Filters) -> dict[str, date]:
        """Products first used in these days: by the district, or by the schools that the person sees."""
        within = self._within(filters)
        # A page's other filters have no part in what is new.
        return self._shown.new_products(replace(within, grades=(), user_types=(), statuses=(), search=""))

    def educators(
        self, filters: Filters, product_keys: Sequence[str], count: int = 25
    ) -> dict[str, list[dict[str, object]]]:
        """None where the person sees no names."""
        grant = self._viewer.must(filters.district_id)
        if grant.people is None:
            return self._shown.educators(self._within(filters), product_keys, count)
        # Of the schools that are asked for, those whose people the person sees.
        asked = filters.schools or tuple(self.options.districts[filters.district_id].schools)
        named = frozenset(name for name in asked if name in grant.people)
        if not named:
            return {key: [] for key in product_keys}
        filters = self._within(replace(filters, schools=tuple(name for name in asked if name in named)), grant.people)
        return self._shown.educators(filters, product_keys, count)

    def product(self, filters: Filters, product_key: str) -> dict[str, object] | None:
        """What is known of a product; of one in no catalog, where it was used in what the person sees."""
        return self._shown.product(self._within(filters), product_key)

    def hosts(self, filters: Filters, product_key: str) -> list[str] | None:
        """Where the district has seen a product; None to those who see some of its schools, since nobody knows which school it was."""
        return self._shown.hosts(product_key) if self._viewer.must(filters.district_id).is_whole else None

    # Figures of the whole district

    def _whole(self, filters: Filters) -> Filters:
        if not self._viewer.must(filters.district_id).is_whole:
            raise NoAccess("you have no access to figures of the whole district")
        return filters

    def coverage(self, filters: Filters) -> list[dict[str, object]]:
        return self._shown.coverage(self._whole(filters))

    def match_rate(self, filters: Filters) -> float | None:
        return self._shown.match_rate(self._whole(filters))

    def without_place(self, filters: Filters) -> list[dict[str, object]]:
        return self._shown.without_place(self._whole(filters))

    def unrostered_domains(self, filters: Filters) -> list[dict[str, object]]:
        return self._shown.unrostered_domains(self._whole(filters))

    # Deliveries

    def sees_deliveries(self, district_id: str) -> bool:
        return self._viewer.must(district_id).may_see_deliveries

    def _of_deliveries(self, district_id: str) -> str:
        if not self.sees_deliveries(district_id):
            raise NoAccess("you have no access to the district's deliveries")
        return district_id

    def deliveries(self, district_id: str) -> list[dict[str, object]]:
        return self._shown.deliveries(self._of_deliveries(district_id))

    def verdicts(self, district_id: str) -> dict[str, int]:
        return self._shown.verdicts(self._of_deliveries(district_id))

    def findings(self, district_id: str) -> list[dict[str, object]]:
        return self._shown.findings(self._of_deliveries(district_id))

    def freshness(self, district_id: str) -> list[dict[str, object]]:
        return self._shown.freshness(self._of_deliveries(district_id))

    def school_names(self, district_id: str) -> list[dict[str, object]]:
        return self._shown.school_names(self._of_deliveries(district_id))

    def open_problems(self, district_id: str) -> list[dict[str, object]]:
        return self._shown.open_problems(self._of_deliveries(district_id))

    def set_aside(self, district_id: str) -> list[dict[str, object]]:
        return self._shown.set_aside(self._of_deliveries(district_id))

    def reported(self, delivery_id: str) -> list[tuple[str, str]]:
        """(district, delivery) of the deliveries of that name that have a report, in the districts whose deliveries the person sees."""
        return [
            (district, delivery)
            for district, delivery in self._shown.reported(delivery_id)
            if (grant := self._viewer.grant(district)) and grant.may_see_deliveries
        ]


def _options(shown: Shown, viewer: Viewer) -> Options:
    """What there is to choose from for a person."""
    if viewer.is_everyone:
        return shown.options
    found = {}
    for district_id, district in shown.options.districts.items():
        grant = viewer.grant(district_id)
        if grant and (own := _district(district, grant)):
            found[district_id] = own
    # The words of other districts' catalogs are theirs.
    words = {name for district in found.values() for name in district.statuses}
    return Options(found, tuple(name for name in shown.options.statuses if name in words))


def _district(district: District, grant: Grant) -> District | None:
    """A district as somebody sees it; None where none of their schools is published."""
    if grant.schools is None:
        return district
    schools = {name: words for name, words in district.schools.items() if name in grant.schools}
    if not schools:
        return None
    codes = {code for name in schools for code in district.grades_of.get(name, ())}
    grades = {code: words for code, words in district.grades.items() if code in codes}
    return replace(district, schools=schools, grades=grades, is_whole=False)
