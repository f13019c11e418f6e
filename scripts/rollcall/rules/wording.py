"""How messages of rules name what was found: one thing or many, with the right plural."""

from __future__ import annotations

from collections.abc import Sequence


class Count(int):
    """A number in a message: `{count:# row has|# rows have}` reads '1 row has' or '1,200 rows have', and `{count}` '1,200'."""

    def __format__(self, forms: str) -> str:
        one, _, many = (forms or "#|#").partition("|")
        return (one if self == 1 else many).replace("#", f"{int(self):,}")


class Listed:
    """What was found, in a message: `{value:* is|* are}` reads "'a' is" or "'a', 'b' and 3 others are"; `#` is how many there are.

    Without forms its items stand as they are, so that `'{value}'` quotes each of them. `others` were counted and are not among the items.
    """

    def __init__(self, items: Sequence[str], others: int = 0, most: int = 5, quote: str = "'", separator: str = ", "):
        self._separator = separator
        self._items, self._others, self._quote = items[:most], others + len(items[most:]), quote
        self._count = len(items) + others

    def __format__(self, forms: str) -> str:
        if not forms:
            others = [f"{self._others:,} more"] if self._others else []
            return f"{self._quote}{self._separator}{self._quote}".join([*self._items, *others])
        one, _, many = forms.partition("|")
        return (one if self._count == 1 else many).replace("#", f"{self._count:,}").replace("*", self._shown())

    def _shown(self) -> str:
        names = [f"{self._quote}{item}{self._quote}" for item in self._items]
        if self._others:
            names.append(f"{self._others:,} {'other' if self._others == 1 else 'others'}")
        return " and ".join(filter(None, [", ".join(names[:-1]), names[-1] if names else ""]))


class Unnamed(str):
    """What a message will name, where nothing was found yet: the text itself, in place of the `*` and `#` of the forms for many."""

    def __format__(self, forms: str) -> str:
        return forms.rpartition("|")[2].replace("*", self).replace("#", self) if forms else str(self)
