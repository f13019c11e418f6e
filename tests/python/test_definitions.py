"""Things that stand in two places agree, and what a library defines is what the library says."""

from __future__ import annotations

import csv
import hmac
import re
import runpy

import duckdb
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from publicsuffixlist import PublicSuffixList

from rollcall.dashboard import components
from rollcall.intake import lake, privacy, usage
from rollcall.intake.lake_tables import lake_tables
from rollcall.paths import PROJECT
from rollcall.rules import RULES, schema
from rollcall.rules.wording import Count, Listed

CONNECTION = duckdb.connect()


@settings(deadline=None)
@given(st.binary(min_size=16, max_size=100), st.text())
def test_keyed_hash_is_hmac_sha_256(key, text):
    for statement in privacy.macros(key):
        CONNECTION.execute(statement)
    (found,) = CONNECTION.execute("select keyed_hash(?)", [text]).fetchone()
    (trimmed,) = CONNECTION.execute("select trim(?)", [text]).fetchone()
    assert found == (hmac.new(key, trimmed.encode(), "sha256").hexdigest() if trimmed else None)


def test_the_suffix_seed_is_the_librarys_list():
    with (PROJECT / "seeds" / "public_suffixes.csv").open(newline="") as file:
        rows = [(row["suffix"], row["kind"]) for row in csv.DictReader(file)]
    library = PublicSuffixList(accept_unknown=False)
    assert len(rows) > 9000 and len(set(rows)) == len(rows)
    for suffix, kind in rows[::37]:
        match kind:
            case "normal":
                assert library.is_public(suffix), suffix
            case "wildcard":
                assert library.is_public(f"anything-at-all.{suffix}"), suffix
            case _:
                assert library.is_private(suffix), suffix


def test_every_alias_leads_to_one_of_the_21_grades():
    with (PROJECT / "seeds" / "grades.csv").open(newline="") as file:
        codes = {row["grade_code"] for row in csv.DictReader(file)}
    aliases = schema.grade_aliases()
    assert len(codes) == 21 and set(aliases.values()) <= codes
    for raw, code in {
        "9": "09",
        "09": "09",
        "9.0": "09",
        "ninth grade": "09",
        "k": "KG",
        "kindergarten": "KG",
        "pk4": "PK",
    }.items():
        assert aliases[raw] == code
    assert not {"-1", "p", "k1", "13th?"} & set(aliases)


def test_what_is_never_kept_is_in_no_table_of_the_lake():
    columns = {column.lower() for table in lake_tables().values() for column in table}
    assert not columns & {"phone", "sms", "password", "agentsourcedids", "birthdate", "sex", "white", "userids"}
    assert "oneroster/demographics" not in lake_tables()


def test_every_message_and_fix_can_be_filled_in():
    for rule in RULES.values():
        for many in (1, 3):
            items = [str(n) for n in range(many)]
            words = dict.fromkeys(("file", "row", "column", "value", "detail", "advice"), Listed(items))
            for text in (rule.message, rule.fix):
                filled = text.format(**words, count=Count(many))
                assert filled and not set("{}*#|") & set(filled), (rule.id, filled)


ADDRESSES = {
    "https://Docs.Google.com/Forms/b?c#d": ("docs.google.com", "/forms"),
    "https://docs.google.com/forms?x=1": ("docs.google.com", "/forms"),
    "https://a.docs.google.com/forms/u/1/x": ("a.docs.google.com", "/forms/u"),
    "https://docs.google.com/formsets": ("docs.google.com", ""),
    "https://docs.google.com?x=/forms": ("docs.google.com", ""),
    "https://docs.google.com": ("docs.google.com", ""),
    "https://docs.google.com/x?u=https://docs.google.com/forms": ("docs.google.com", ""),
    "https://docs.google.com/forms://x": ("docs.google.com", ""),
    "https://host.example:80://x": ("", ""),
    "http://user:pw@host.example:8080/forms": ("host.example", ""),
    "https://host.example?x=/y": ("host.example", ""),
    "HTTPS://HOST.example./Z/": ("host.example", ""),
    "ftp://host.example": ("", ""),
    "no url": ("", ""),
    "https://": ("", ""),
}


def test_addresses_are_cut_to_the_host_and_the_catalogued_path():
    paths = [("docs.google.com", "/forms/u"), ("docs.google.com", "/forms")]
    for url, expected in ADDRESSES.items():
        rows = usage.addressed("(select $1::varchar as url)", paths)
        assert CONNECTION.execute(f"select host, path_prefix from {rows}", [url]).fetchone() == expected, url


def test_paths_of_the_catalogue_are_those_that_the_models_match(house):
    addresses = "https://user@Docs.Google.com:443/Forms/; docs.google.com./a?b=/c;host.example;host.example/?x=/y"
    file = house.landing / "d" / "products_2020-10-01.csv"
    file.parent.mkdir(parents=True)
    row = {"product_id": "P", "product_name": "Forms", "url": addresses, "product_status": "Approved"}
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, schema.PRODUCT_COLUMNS, restval="")
        writer.writeheader()
        writer.writerow(row)
    (outcome,) = house.take()
    assert outcome.verdict == "accepted", outcome
    assert usage.catalogued_paths(CONNECTION, lake.files(house.settings, "inventory/products", "d")) == [
        ("docs.google.com", "/forms"),
        ("docs.google.com", "/a"),
    ]


@pytest.mark.parametrize(("script", "name"), [("make_rules_page", "rules"), ("make_dictionary", "dictionary")])
def test_pages_that_are_made_from_definitions_are_current(script, name):
    maker = runpy.run_path(str(PROJECT / "scripts" / f"{script}.py"))
    assert (PROJECT / "docs" / f"{name}.md").read_text("utf-8") == maker["page"](), f"run python scripts/{script}.py"


def test_every_tone_is_of_a_status_that_there_is():
    with (PROJECT / "seeds" / "product_statuses.csv").open(newline="") as file:
        groups = {row["status_group"]: row["is_approved"] == "true" for row in csv.DictReader(file)}
    assert set(components.TONES) == set(groups)
    assert all((components.TONES[group] == "good") == approved for group, approved in groups.items())


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("inventory_dashboard", ("dashboard/queries", "dashboard/tables")),
        ("office", ("office/members", "office/routes", "refresh/whatif")),
    ],
)
def test_the_exposure_names_every_mart_that_the_pages_read(name, files):
    source = "".join((PROJECT / "scripts" / "rollcall" / f"{file}.py").read_text("utf-8") for file in files)
    exposures = yaml.safe_load((PROJECT / "models" / "exposures.yml").read_text("utf-8"))["exposures"]
    (named,) = [exposure["depends_on"] for exposure in exposures if exposure["name"] == name]
    exposed = {ref.removeprefix("ref('").removesuffix("')") for ref in named}
    marts = {file.stem for file in (PROJECT / "models" / "marts").rglob("*.sql")}
    assert exposed == {mart for mart in marts if re.search(rf"\b{mart}\b", source)}
