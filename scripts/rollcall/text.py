"""Text from outside, made fit for a person's screen, a mail or a spreadsheet."""

from __future__ import annotations

import unicodedata

# Controls, invisible format characters (direction overrides among them), lone surrogates, line and paragraph separators.
_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


def printable(text: object, kept: str = "") -> str:
    """One line in which each character is seen as it is: the others are written as escapes, such as `\\x1b`.

    `kept` are characters to leave alone, such as a line break that the program itself has put there.
    """
    line = str(text)
    if line.isascii() and line.isprintable():
        return line
    return "".join(
        character
        if character in kept or unicodedata.category(character) not in _UNSEEN
        else character.encode("unicode_escape").decode("ascii")
        for character in line
    )


def safe_cell(value: object) -> object:
    """A value as a spreadsheet shows it and does not run it. A number stays one, so that it can be added up."""
    if value is None or isinstance(value, int | float):
        return value
    text = printable(value)
    # Some programs trim before they look for a formula; some take the full-width forms for the plain ones.
    return f"'{text}" if unicodedata.normalize("NFKC", text.lstrip())[:1] in ("=", "+", "-", "@") else text


def plain(name: str) -> str:
    """The letters and digits of a name, in lower case: what is left of it when spelling and punctuation vary."""
    return "".join(character for character in name.casefold() if character.isalnum())
