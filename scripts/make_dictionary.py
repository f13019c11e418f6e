"""Write `docs/dictionary.md` from the descriptions of the marts."""

import re
from pathlib import Path

import yaml

PROJECT = Path(__file__).parents[1]
PAGE = PROJECT / "docs" / "dictionary.md"
AREAS = {
    "roster": "Who is where, and since when",
    "inventory": "Products and their use",
    "quality": "What was delivered, and what the rules found",
}


DOC = re.compile(r"""\{\{ doc\("(\w+)"\) \}\}""")
BLOCK = re.compile(r"{% docs (\w+) %}\n(.*?)\n{% enddocs %}", re.DOTALL)


def page() -> str:
    """The page: the marts by area, each with what its model says of it and a row a column."""
    blocks = dict(BLOCK.findall((PROJECT / "models" / "columns.md").read_text("utf-8")))
    lines = [
        "# Data dictionary",
        "",
        "The tables of the schema `marts`, made by `scripts/make_dictionary.py` from the models' own descriptions. What the",
        "figures mean, and queries for them, is in [metrics](metrics.md).",
    ]
    for area, title in AREAS.items():
        lines += ["", f"## {title}"]
        for file in sorted((PROJECT / "models" / "marts" / area).glob("*.yml")):
            for model in yaml.safe_load(file.read_text("utf-8"))["models"]:
                lines += ["", f"### {model['name']}", "", model["description"].strip(), ""]
                lines += ["| column | type | |", "|---|---|---|"]
                for column in model["columns"]:
                    description = (
                        DOC.sub(lambda doc: blocks[doc[1]], column["description"])
                        .strip()
                        .replace("|", "/")
                        .replace("\n", " ")
                    )
                    lines.append(f"| `{column['name']}` | {column['data_type']} | {description} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
