"""Every macro that engines have a form of their own of, on values that go wrong: both give the same."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import jinja2
import pytest
from houses import House

from rollcall.engines import spark as engine
from rollcall.paths import PROJECT

TEXTS = [
    None, "", " ", "\u00a0", "\t", " a ", "\u00a0a\u2003", "it's", "back\\slash", "École Élémentaire", "Müller\u0301", "ß", "İ", "ΟΔΟΣ Σ",
    "2025", "2025-9", "2025-09-01", " 2025-9-1 ", "2025-02-30", "20250901", "0001-01-01", "a,b,,a, c ", "a;b|c\nd\r\n e", "a..",
    "007", "0xff", "😀 smile", "a.b.c", "docs.google.com", "HTTPS://User@WWW.Example.org:80/Path/X/?q#f", "http://x", "ftp://a/b/",
    "mailto:x@y.z", "...", "a" * 300, "deadbeefdeadbeefdeadbeef", "ABCDEF0123456789",
]  # fmt: skip
# What the macro is called with, and what it gives.
CALLS = {
    "md5_to_bigint": ("md5_to_bigint('text')", "bigint"),
    "trim_text": ("trim_text('text')", "string"),
    "clean": ("clean('text')", "string"),
    "date_or_null": ("date_or_null('text')", "date"),
    "plain_name": ("plain_name('text')", "string"),
    "without_accents": ("without_accents('text')", "string"),
    "lower_text": ("lower_text('text')", "string"),
    "letters_and_digits": ("letters_and_digits('text')", "string"),
    "replace_all": ("replace_all('text', '([a-z])([0-9])', '\\\\1_\\\\2')", "string"),
    "split_items": ("split_items('text')", "list"),
    "split_items by ;": ("split_items('text', ';')", "list"),
    "template_items": ("template_items('text')", "list"),
    "list_of": ("list_of('text')", "list"),
    "contains_item": ("contains_item(split_items('text'), \"'a'\")", "boolean"),
    "item_count": ("item_count(split_items('text'))", "bigint"),
    "item_count of a template": ("item_count(template_items('text'))", "bigint"),
    "first item": ("item_at(split_items('text'), '1')", "string"),
    "third item": ("item_at(split_items('text'), '3')", "string"),
    "numbers_to": ("numbers_to(item_count(template_items('text')))", "list"),
    "host_suffixes": ("host_suffixes(\"coalesce(text, '')\")", "list"),
    "last_labels": ("last_labels('text', '2')", "string"),
    "url_host": ("url_host('text')", "string"),
    "url_path": ("url_path('text')", "string"),
    "school_cell": ("school_cell('text', 'text')", "string"),
    "likeness": ("likeness('text', \"'École'\")", "double"),
    "key": ("key([\"'d'\", 'text'])", "bigint"),
    "hex_to_bigint": ('hex_to_bigint("md5(text)")', "bigint"),
}
AGGREGATES = {
    "sorted_text": "sorted_text('text')",
    "text_in_order": "text_in_order(\"coalesce(text, '-')\", ', ', 'number')",
}


class _Adapter:
    def __init__(self, name: str):
        self.name, self.known = name, {}

    def dispatch(self, macro: str):
        return self.known.get(f"{self.name}__{macro}") or self.known[f"default__{macro}"]

    def quote(self, name: str) -> str:
        return f"`{name}`" if self.name == "spark" else f'"{name}"'


def _rendered(name: str, call: str) -> str:
    """A call of a macro, as dbt would render it for an engine."""
    adapter = _Adapter(name)
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    environment.globals |= {"return": lambda value: value, "adapter": adapter}
    files = ("engine/functions.sql", "engine/schools.sql", "keys.sql")
    text = "".join((PROJECT / "macros" / file).read_text("utf-8") for file in files)
    module = environment.from_string(text).module
    adapter.known |= {key: macro for key, macro in vars(module).items() if callable(macro)}
    return environment.from_string("{{ " + call + " }}", globals=adapter.known).render().strip()


@pytest.fixture(scope="module")
def asked(tmp_path_factory) -> Iterator[dict[str, dict[str, list]]]:
    """Engine → call → what it gives for each text; aggregates, for all texts and for none. One query an engine."""
    house = House(tmp_path_factory.mktemp("functions"))
    session = engine.session(house.settings("spark"))
    session.createDataFrame(list(enumerate(TEXTS)), "number bigint, text string").createOrReplaceTempView("texts")
    with duckdb.connect() as connection:
        connection.execute("create table texts (number bigint, text varchar)")
        connection.executemany("insert into texts values (?, ?)", list(enumerate(TEXTS)))
        found: dict[str, dict[str, list]] = {}
        for name, ask in (
            ("duckdb", lambda sql: connection.execute(sql).fetchall()),
            ("spark", lambda sql: [tuple(row) for row in session.sql(sql).collect()]),
        ):
            columns = ", ".join(
                f"{_rendered(name, macro)} as v{place}" for place, (macro, _) in enumerate(CALLS.values())
            )
            rows = ask(f"select {columns} from texts order by number")
            found[name] = {call: [row[place] for row in rows] for place, call in enumerate(CALLS)}
            columns = ", ".join(
                f"{_rendered(name, macro)} as v{place}" for place, macro in enumerate(AGGREGATES.values())
            )
            rows = ask(f"select {columns} from texts") + ask(f"select {columns} from texts where false")
            found[name] |= {call: [row[place] for row in rows] for place, call in enumerate(AGGREGATES)}
    yield found
    engine.stop()  # the next file has a catalog of its own


@pytest.mark.parametrize("call", CALLS)
def test_a_function_gives_the_same(asked, call):
    expected, found = asked["duckdb"][call], asked["spark"][call]
    assert len(expected) == len(TEXTS) and any(value is not None for value in expected)
    for text, one, other in zip(TEXTS, expected, found, strict=True):
        assert other == one, text


@pytest.mark.parametrize("call", AGGREGATES)
def test_an_aggregate_gives_the_same(asked, call):
    assert asked["spark"][call] == asked["duckdb"][call]
    assert asked["duckdb"][call][0] and asked["duckdb"][call][1] is None


def test_every_macro_with_a_form_of_its_own_is_asked():
    """Those of relations are asked by the history."""
    text = (PROJECT / "macros" / "engine" / "functions.sql").read_text("utf-8")
    own = {line.split("spark__")[1].split("(")[0] for line in text.splitlines() if line.startswith("{% macro spark__")}
    asked = " ".join([*(call for call, _ in CALLS.values()), *AGGREGATES.values()])
    assert own - {name for name in own if f"{name}(" in asked} == {"unnest_items", "with_recursive", "reached_over"}
