"""Write `docs/licenses.md`: what `requirements.lock` installs here, and under which licenses, as the packages themselves say."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

PROJECT = Path(__file__).parents[1]
PAGE = PROJECT / "docs" / "licenses.md"


def locked() -> list[Requirement]:
    """The packages of the lock, those of other systems too."""
    lines = (PROJECT / "requirements.lock").read_text("utf-8").splitlines()
    return [Requirement(line.rstrip(" \\")) for line in lines if re.match(r"[A-Za-z0-9]", line)]


def license_of(name: str) -> str:
    """What an installed package says of its license: as an expression, by its classifiers, or in a short line."""
    about = metadata.metadata(name)
    if expression := about.get("License-Expression"):
        return expression
    classified = [
        each.rpartition(" :: ")[2] for each in about.get_all("Classifier", []) if each.startswith("License ::")
    ]
    named = [each for each in classified if each != "OSI Approved"]
    if named:
        return ", ".join(named)
    files = [file.read_text("utf-8") for file in metadata.files(name) or () if "LICENSE" in file.name.upper()]
    lines = [text.strip().partition("\n")[0] for text in (about.get("License") or "", *files)]
    return next((line for line in lines if 0 < len(line) < 60), "not stated")


def page() -> str:
    """The page, from what is installed."""
    here = [each for each in locked() if each.marker is None or each.marker.evaluate()]
    names = {each.name for each in here}
    elsewhere = {each.name for each in locked() if each.name not in names}
    rows = [f"| {each.name} | {str(each.specifier).removeprefix('==')} | {license_of(each.name)} |" for each in here]
    lines = [
        "# Licenses",
        "",
        "Made by `make licenses`: the packages of `requirements.lock`, those for development included, with the licenses that they state.",
        "",
        "| Package | Version | License |",
        "|---|---|---|",
        *rows,
    ]
    if elsewhere:
        lines += ["", f"On other systems or versions of Python also: {', '.join(sorted(elsewhere))}."]
    return "\n".join(
        [
            *lines,
            "",
            "Rollcall's own license is in [LICENSE](../LICENSE). `deploy/container/` builds on images of their own licenses.",
            "",
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
