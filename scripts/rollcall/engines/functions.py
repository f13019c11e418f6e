"""Functions that DuckDB has and Spark does not, as Spark's workers run them. Nothing else of Rollcall is installed there."""

from __future__ import annotations

import unicodedata
from fractions import Fraction


def strip_accents(text: str | None) -> str | None:
    """DuckDB's function of this name: the marks of a decomposed text left out, and what is left composed again."""
    if text is None:
        return None
    if text.isascii():
        return text
    letters = (
        letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.category(letter).startswith("M")
    )
    return unicodedata.normalize("NFC", "".join(letters))


def jaro_winkler_similarity(one: str | None, other: str | None) -> float | None:
    """DuckDB's function of this name, which compares the bytes of UTF-8."""
    if one is None or other is None:
        return None
    first, second = one.encode(), other.encode()
    similarity = _jaro(first, second)
    if similarity > 0.7:
        prefix = 0
        for a, b in zip(first[:4], second[:4], strict=False):
            if a != b:
                break
            prefix += 1
        # Rounded once, as the multiply-add of DuckDB's library is.
        similarity = float(Fraction(similarity) + Fraction(prefix * 0.1) * Fraction(1.0 - similarity))
    return similarity


def _jaro(first: bytes, second: bytes) -> float:
    if not first or not second:
        return 0.0
    reach = max(max(len(first), len(second)) // 2 - 1, 0)
    is_taken = [False] * len(second)
    matched = []
    for place, byte in enumerate(first):
        for there in range(max(place - reach, 0), min(place + reach + 1, len(second))):
            if not is_taken[there] and second[there] == byte:
                is_taken[there] = True
                matched.append(byte)
                break
    if not matched:
        return 0.0
    others = [byte for byte, taken in zip(second, is_taken, strict=True) if taken]
    swapped = sum(a != b for a, b in zip(matched, others, strict=True)) // 2
    count = len(matched)
    return (count / len(first) + count / len(second) + (count - swapped) / count) / 3.0
