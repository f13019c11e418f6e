"""What is missing is said in one line, before anything is taken or changed."""

from __future__ import annotations

import zipfile

import pytest
from houses import House

import roster


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("refused"))
    roster.write(house.landing / "d" / "roster_2020-10-01.zip")
    with zipfile.ZipFile(house.root / "other.jar", "w") as archive:
        archive.writestr("org/example/Other.class", b"")
    (house.root / "text.jar").write_text("no archive")
    return house


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"spark_master": "spark://127.0.0.1:9"}, "the Spark master spark://127.0.0.1:9 cannot be reached"),
        ({"spark_jars": "/nowhere/iceberg.jar"}, "/nowhere/iceberg.jar (ROLLCALL_SPARK_JARS) is no jar"),
        ({"spark_jars": "text.jar"}, "text.jar (ROLLCALL_SPARK_JARS) is no jar"),
        ({"spark_jars": "other.jar"}, "other.jar is not the Iceberg runtime for Spark 3.5 and Scala 2.12"),
        ({"spark_warehouse": "/nowhere/tables"}, "the folder of Spark's catalog is missing: /nowhere/tables"),
        ({"java_home": "/nowhere"}, "there is no Java in JAVA_HOME (/nowhere/bin/java is missing)"),
    ],
)
def test_one_line_and_nothing_changes(house, settings, said, monkeypatch):
    if "java_home" in settings:
        monkeypatch.setenv("JAVA_HOME", settings["java_home"])
        settings = {}
    done = house.run("spark", "refresh", code=1, **settings)
    (line,) = [line for line in done.stderr.splitlines() if line.strip()]
    assert line.startswith(f"rollcall: {said}") and line.endswith("Nothing was changed"), line
    assert [path.name for path in (house.landing / "d").iterdir()] == ["roster_2020-10-01.zip"]
    assert not list((house.root / "lake").glob("deliveries/district_id=d/*"))
    assert not (house.root / "spark" / "warehouse" / "spark").exists()
