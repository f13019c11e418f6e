"""The main job through the public command, on real files: what is published is what was delivered, and nothing else."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil

import duckdb
import pytest

import roster
from rollcall.paths import PROJECT
from test_dbt_alone import dbt


def key(*parts: str) -> int:
    """The documented key: the first 15 hex digits of the md5 of the natural key."""
    return int(hashlib.md5("\x1f".join(parts).encode()).hexdigest()[:15], 16)


@pytest.fixture(scope="module")
def published(session_house):
    """Good deliveries of two districts beside one bad one of each of four others, in one run after a first version."""
    house = session_house("main")
    roster.write(house.landing / "first" / "roster_2020-10-01.zip")
    roster.usage(
        house.landing / "first" / "usage_2020-10-01.csv",
        [
            ("2020-10-01T09:00:00-05:00", "s1@schools.example", "https://docs.example.org/a"),
            ("2020-10-01T09:00:01-05:00", "T1@Schools.example ", "http://user@docs.example.org:8080/b?x=1"),
            ("2020-10-01T09:00:02-05:00", "", "https://www.news.co.uk"),
            ("2020-10-01T09:00:02-05:00", "", "https://www.news.co.uk"),
            ("2020-10-01T09:00:03-05:00", "nobody@mail.example", "https://www.news.co.uk/x"),
            ("2020-10-01 09:00:04", "s1@schools.example", "https://no.offset.example"),
            ("2020-10-01T09:00:05Z", "s1@schools.example", "ftp://files.example"),
            ("2999-10-01T09:00:05Z", "s1@schools.example", "https://future.example"),
        ],
    )
    lines = (house.landing / "first" / "usage_2020-10-01.csv").read_text().replace("10-01T", "10-02T")
    with gzip.open(house.landing / "first" / "usage_2020-10-02.csv.gz", "wt") as file:
        file.write(lines)
    with duckdb.connect() as connection:
        connection.execute(
            f"""copy (
                select timestamptz '2020-10-03 12:00:00+00' as occurred_at, 'S2' as user_id, 'https://docs.example.org' as url
            ) to '{house.landing / "first" / "usage_2020-10-03.parquet"}'"""
        )
    house.refresh()
    house.before = house.warehouse.joinpath("rollcall.duckdb").resolve().read_bytes()
    house.old_version = house.warehouse.joinpath("rollcall.duckdb").resolve()
    roster.write(house.landing / "second" / "roster_2022-01-10.zip")
    for name, change in {
        "nodistrict": lambda made: made.update({"orgs.csv": made["orgs.csv"].replace(b"district", b"local")}),
        "header": lambda made: made.update({"users.csv": made["users.csv"].replace(b"givenName", b"givenname")}),
        "bom": lambda made: made.update({"orgs.csv": b"\xef\xbb\xbf" + made["orgs.csv"]}),
        "org": lambda made: made.update({"users.csv": made["users.csv"].replace(b'"A, B"', b'"A, Q"')}),
    }.items():
        roster.write(house.landing / name / "roster_2020-10-01.zip", change=change)
    house.text = house.run("refresh", code=20).stdout
    return house


def test_memberships_are_paired_by_class_list_and_default(published):
    rows = published.query(
        """select u.user_sourced_id, o.org_sourced_id, m.grade_code, m.role, m.pairing_basis, m.is_primary
        from fct_memberships m join dim_users u using (user_key) join dim_orgs o using (org_key)
        where m.district_id = 'first' and m.is_current order by all"""
    )
    assert rows == sorted(
        [
            ("A1", "D", None, "administrator", "district_default", True),
            ("S1", "A", "09", "student", "listed", True),
            ("S2", "A", "09", "student", "listed", True),
            ("S3", "B", "KG", "student", "listed", True),
            ("T1", "A", "09", "teacher", "class_enrollment", True),
            ("T2", "A", "03", "teacher", "cross_product", True),
            ("T2", "A", "06", "teacher", "cross_product", False),
            ("T2", "B", "03", "teacher", "cross_product", False),
            ("T2", "B", "06", "teacher", "cross_product", False),
        ]
    )


def test_a_class_that_has_ended_says_nothing(published):
    assert published.query(
        """select m.grade_code, m.pairing_basis from fct_memberships m join dim_users u using (user_key)
        where m.district_id = 'second' and u.user_sourced_id = 'T1'"""
    ) == [(None, "org_only")]


def test_keys_are_the_documented_ones(published):
    assert published.query("select user_key from dim_users where district_id = 'first' and user_sourced_id = 'S1'") == [
        (key("first", "S1"),)
    ]
    assert published.query("select org_key from dim_orgs where district_id = 'first' and org_sourced_id = 'A'") == [
        (key("first", "A"),)
    ]


def test_usage_is_counted_once_attributed_and_never_dropped(published):
    rows = published.query(
        """select coalesce(u.user_sourced_id, u.email_domain), f.roster_status, p.product_name, f.page_loads
        from fct_product_usage f join dim_products p using (product_key) left join dim_users u using (user_key)
        where f.district_id = 'first' and f.usage_date = '2020-10-01' order by all"""
    )
    assert rows == sorted(
        [
            ("S1", "rostered", "example.org", 1),
            ("T1", "rostered", "example.org", 1),
            ("mail.example", "unrostered", "news.co.uk", 1),
            (None, "unidentified", "news.co.uk", 1),
        ],
        key=lambda row: (row[0] is None, row),
    )


def test_usage_comes_as_csv_gz_and_parquet(published):
    assert published.query(
        """select d.usage_date::varchar, d.page_loads, count(distinct f.user_key)
        from fct_usage_days d join fct_product_usage f using (district_id, usage_date) group by all order by 1"""
    ) == [("2020-10-01", 4, 3), ("2020-10-02", 4, 3), ("2020-10-03", 1, 1)]


def test_rows_that_are_set_aside_are_counted_and_explained(published):
    assert published.query(
        "select rows_delivered, rows_set_aside from fct_deliveries where delivery_kind = 'usage' order by file_name"
    ) == [(8, 3), (8, 3), (1, 0)]
    run = json.loads((published.lake / "runs.jsonl").read_text().splitlines()[0])
    usage = next(delivery for delivery in run["deliveries"] if delivery["file"] == "usage_2020-10-01.csv")
    assert {(f["rule"], f["row"]) for f in usage["findings"] if f["severity"] == "error"} == {
        ("usage-time-valid", 7),
        ("usage-time-valid", 9),
        ("usage-url-valid", 8),
    }


@pytest.mark.parametrize(
    ("district", "words"),
    {
        "nodistrict": ("org-district-present", "orgs.csv", "column type", "fix:"),
        "header": ("header-exact", "users.csv", "line 1", "givenname", "'givenName', not 'givenname'"),
        "bom": ("encoding-no-bom", "orgs.csv", "line 1", "EF BB BF", "without BOM"),
        "org": ("user-orgs-resolve", "users.csv", "line 6", "column orgSourcedIds", "value 'Q'", "add the org there"),
    }.items(),
)
def test_a_bad_delivery_is_refused_in_words_and_stops_nobody_else(published, district, words):
    assert f"{district}/roster_2020-10-01.zip: rejected" in published.text
    (report,) = published.quarantine.glob(f"{district}/*/report.txt")
    for word in words:
        assert word in report.read_text(), report.read_text()
        assert word in published.text
    assert (report.parent / "roster_2020-10-01.zip").exists()
    assert published.query("select district_id from dim_districts order by 1") == [("first",), ("second",)]
    assert published.old_version.read_bytes() == published.before


def test_the_same_file_and_the_same_rows_again_change_nothing(published):
    rows = sorted(published.lake.glob("oneroster/*/district_id=first/*"))
    version = published.warehouse.joinpath("rollcall.duckdb").resolve()
    (archived,) = published.archive.glob("first/*/roster_2020-10-01.zip")
    shutil.copy(archived, published.landing / "first" / "again_2020-10-01.zip")
    run = published.refresh()
    assert set(run["seconds"]) == {"intake"}, "something was built"
    assert run["repeated"] == ["first/again_2020-10-01.zip"] and run["deliveries"] == []
    assert published.warehouse.joinpath("rollcall.duckdb").resolve() == version
    roster.write(published.landing / "first" / "roster_2020-10-02.zip")
    (delivery,) = published.refresh()["deliveries"]
    assert (delivery["rows"]["added"], delivery["rows"]["changed"], delivery["rows"]["removed"]) == (0, 0, 0)
    assert sorted(published.lake.glob("oneroster/*/district_id=first/*")) == rows


def test_the_figures_that_a_refresh_ends_with_are_those_of_the_facts(published):
    runs = [json.loads(line) for line in (published.lake / "runs.jsonl").read_text("utf-8").splitlines()]
    figures = [run["figures"] for run in runs if run["figures"]][-1]
    loads, products, uncatalogued, matched = published.query(
        """select sum(page_loads)::int, count(distinct product_key), count(distinct product_key) filter (not is_catalogued),
            round(100.0 * count(distinct user_key) filter (roster_status = 'rostered') / count(distinct user_key), 1)
        from fct_product_usage inner join dim_products using (product_key)"""
    )[0]
    assert loads > 0 and products > 0
    assert figures["page_loads"] == f"{loads:,}"
    assert figures["products_in_use"] == f"{products:,}, {uncatalogued:,} of them in no catalog"
    assert figures["users_on_the_roster"] == f"{matched} %"


def test_dbt_build_alone_works_on_this_lake(published):
    # The unit tests bring their own data: they are run on an empty lake, and from the root. Here dbt goes on from what the
    # refresh has parsed.
    told = dbt(
        published, "build", "--exclude-resource-type=unit_test", f"--project-dir={PROJECT}", f"--profiles-dir={PROJECT}",
        cwd=published.root, DBT_TARGET_PATH=str(published.build / "target"),
    )  # fmt: skip
    assert "ERROR=0" in told and "Unable to do partial parsing" not in told


def test_an_older_roster_is_refused(published):
    roster.write(published.landing / "second" / "roster_2021-01-10.zip", roster.good() | {"demographics.csv": []})
    (delivery,) = published.refresh(code=20)["deliveries"]
    assert [finding["rule"] for finding in delivery["findings"] if finding["severity"] == "reject"] == [
        "delivery-order"
    ]


def test_readers_can_be_sent_back_to_an_older_version(published):
    newest = published.warehouse.joinpath("rollcall.duckdb").resolve()
    versions = sorted(newest.parent.glob("*.duckdb"))
    published.run("rollback")
    assert published.warehouse.joinpath("rollcall.duckdb").resolve() == versions[-2]
    assert published.query("select count(*) > 0 from dim_users") == [(True,)]
    assert versions[0].stem in published.run("rollback", "19990101T000000000Z", code=1).stderr
    published.run("rollback", newest.stem)
    assert published.warehouse.joinpath("rollcall.duckdb").resolve() == newest
