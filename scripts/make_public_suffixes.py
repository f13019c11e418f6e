"""Rebuild `seeds/public_suffixes.csv` from the Public Suffix List that the `publicsuffixlist` package ships.

One row a rule, as the list means it: `normal` (co.uk), `wildcard` (*.ck: one more label), `exception` (!www.ck).
Hosts in usage files are ASCII, so names are written in their IDNA form. A test holds the seed to the library.
"""

import csv
from importlib.resources import files
from pathlib import Path

SEED = Path(__file__).parents[1] / "seeds" / "public_suffixes.csv"


def rules() -> list[tuple[str, str]]:
    """(suffix, kind) of every rule, sorted."""
    found = set()
    for line in files("publicsuffixlist").joinpath("public_suffix_list.dat").read_text("utf-8").splitlines():
        rule = line.split("//")[0].strip()
        if not rule:
            continue
        kind = {"*": "wildcard", "!": "exception"}.get(rule[0], "normal")
        name = rule.removeprefix("*.").removeprefix("!")
        found.add((name.encode("idna").decode("ascii"), kind))
    return sorted(found)


if __name__ == "__main__":
    with SEED.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["suffix", "kind"])
        writer.writerows(rules())
