"""Who asks, and what they may see and do: a `Viewer` with a `Grant` a district, read from the mart `bridge_user_access`.

Everything that is served goes by `current()`: nothing about the person is taken from an address or a form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import flask

from rollcall.errors import RollcallError
from rollcall.rules import schema


class NoAccess(RollcallError):
    """The person who asks may not have it."""


@dataclass(frozen=True)
class Grant:
    """What one person may see and do in one district.

    `schools` are those whose figures they see, `people` those whose educators they may see by name; None is the whole district.
    """

    schools: frozenset[str] | None
    people: frozenset[str] | None = frozenset()
    may_see_deliveries: bool = False
    may_change: bool = False

    @property
    def is_whole(self) -> bool:
        return self.schools is None


WHOLE = Grant(None, None, may_see_deliveries=True, may_change=True)


@dataclass(frozen=True)
class Viewer:
    """The person who asks. Without an email, the one at the machine itself, who may do all (sign-on `none`, on loopback only)."""

    email: str | None
    grants: tuple[tuple[str, Grant], ...] = ()

    @property
    def is_everyone(self) -> bool:
        return self.email is None

    @property
    def has_access(self) -> bool:
        return self.is_everyone or bool(self.grants)

    def grant(self, district_id: str) -> Grant | None:
        """What they may do in a district; None: nothing."""
        return WHOLE if self.is_everyone else dict(self.grants).get(district_id)

    def must(self, district_id: str) -> Grant:
        """`grant`. NoAccess where there is none."""
        if (found := self.grant(district_id)) is None:
            raise NoAccess("you have no access to this district")
        return found


EVERYONE = Viewer(None)


def granted(email: str, rows: Iterable[Mapping[str, object]]) -> Viewer:
    """The viewer of these rows (`district_id`, `access_role`, `school`) of the mart: what several rows of a district allow adds up."""
    found: dict[str, Grant] = {}
    for row in rows:
        role = schema.access_roles().get(str(row["access_role"]))
        if role is None:
            continue  # of a later version of Rollcall: it grants nothing that this one knows
        place = None if row["school"] is None else frozenset([str(row["school"])])
        one = Grant(
            place,
            place if role.may_see_people else frozenset(),
            role.may_see_deliveries and place is None,
            role.may_change and place is None,
        )
        known = found.get(str(row["district_id"]))
        found[str(row["district_id"])] = _both(known, one) if known else one
    return Viewer(email, tuple(sorted(found.items(), key=lambda each: each[0])))


def _both(one: Grant, other: Grant) -> Grant:
    return Grant(
        _union(one.schools, other.schools),
        _union(one.people, other.people),
        one.may_see_deliveries or other.may_see_deliveries,
        one.may_change or other.may_change,
    )


def _union(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    return None if one is None or other is None else one | other


def normal(email: str) -> str:
    """An address as the mart has it."""
    return email.strip().lower()


def current() -> Viewer:
    """The person of the request that is being answered. NoAccess where nobody has signed on."""
    viewer = flask.g.get("viewer")
    if viewer is None:
        raise NoAccess("nobody has signed on")
    return viewer
