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
    """DuckDB's function of this name, as of 2.0.1: it compares letters."""
    return None if one is None or other is None else _jaro_winkler(one, other)


def jaro_winkler_similarity_of_bytes(one: str | None, other: str | None) -> float | None:
    """DuckDB's function of this name, before 2.0.1: it compares bytes."""
    return None if one is None or other is None else _jaro_winkler(one.encode(), other.encode())


def _jaro_winkler(one: str | bytes, other: str | bytes) -> float:
    similarity = _jaro(one, other)
    if similarity > 0.7:
        prefix = 0
        for a, b in zip(one[:4], other[:4], strict=False):
            if a != b:
                break
            prefix += 1
        # Rounded once, as the multiply-add of DuckDB's library is.
        similarity = float(Fraction(similarity) + Fraction(prefix * 0.1) * Fraction(1.0 - similarity))
    return similarity


def _jaro(one: str | bytes, other: str | bytes) -> float:
    if not one or not other:
        return 0.0
    reach = max(max(len(one), len(other)) // 2 - 1, 0)
    is_taken = [False] * len(other)
    matched = []
    for place, letter in enumerate(one):
        for there in range(max(place - reach, 0), min(place + reach + 1, len(other))):
            if not is_taken[there] and other[there] == letter:
                is_taken[there] = True
                matched.append(letter)
                break
    if not matched:
        return 0.0
    theirs = [letter for letter, taken in zip(other, is_taken, strict=True) if taken]
    swapped = sum(a != b for a, b in zip(matched, theirs, strict=True)) // 2
    count = len(matched)
    return (count / len(one) + count / len(other) + (count - swapped) / count) / 3.0
