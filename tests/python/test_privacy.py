"""What of people is never written down, and the key that it is hashed with."""

from __future__ import annotations

import csv
import fcntl
import json
import logging
import os
from email import message_from_bytes, policy

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import roster
from rollcall import logs
from rollcall.districts import District
from rollcall.errors import RollcallError
from rollcall.intake import echo, lake, landing, privacy, take, usage
from rollcall.settings import Settings
from rollcall.text import printable, safe_cell
from rollcall.watch import alerts, state, status
from test_watch import NOW

NAME = "Quillfeather"


def _settings(root) -> Settings:
    return Settings(
        **{room: root / room for room in ("landing", "archive", "lake", "build", "warehouse", "quarantine")}
    )


def _written(root) -> str:
    """All that is written but the delivery itself, Parquet decoded."""
    texts = []
    for file in root.rglob("*"):
        if file.suffix == ".parquet":
            sql = f"from read_parquet('{file}', hive_partitioning = false)"
            texts.append(str(duckdb.connect().execute(sql).fetchall()))
        elif file.is_file() and file.suffix != ".zip":
            texts.append(file.read_bytes().decode("utf-8", "replace"))
    return "\n".join(texts)


@pytest.mark.parametrize("column", [c for c in roster.HEADERS["1.1"]["users.csv"] if c not in ("sourcedId",)])
def test_a_name_in_any_column_of_users_is_in_no_report_and_no_rule_result(column, tmp_path):
    files = roster.good()
    files["users.csv"][0][column] = NAME
    path = roster.write(tmp_path / "landing" / "d" / "roster_2020-10-01.zip", files)
    outcome = take.take(landing.describe(path, District(district_id="d")), _settings(tmp_path))
    outcome.report.write(tmp_path / "report")
    assert NAME.lower() not in _written(tmp_path / "report").lower(), outcome.report.as_text()
    assert NAME.lower() not in _written(tmp_path / "lake" / "rule_results").lower()


@pytest.mark.parametrize(
    "secret", [NAME, "jane@oak.org", "555-123-4567", "5551234567", "Passw0rd1", "2012-03-04", "jdoe12"]
)
def test_a_personal_value_is_shown_as_its_form(secret):
    for kind, file in (("oneroster", "users.csv"), ("students", "s.csv"), ("educators", "e.csv"), ("usage", "u.csv")):
        sql = echo.shown(kind, file)
        (shown,) = (
            duckdb.connect()
            .execute(f"select {sql} from (select $1 as value, 'grades' as column_name)", [secret])
            .fetchone()
        )
        assert shown.startswith(f"[{len(secret)} characters: ") and secret not in shown


@pytest.mark.parametrize(
    "good", ["13th?", "Grade 13", "teacher", "true", "KG", "550e8400-e29b-41d4-a716-446655440000", "school-17"]
)
def test_a_value_that_is_nobody_is_repeated(good):
    sql = echo.shown("oneroster", "users.csv")
    assert duckdb.connect().execute(
        f"select {sql} from (select $1 as value, 'grades' as column_name)", [good]
    ).fetchone() == (good,)


@settings(max_examples=300, deadline=None)
@given(st.text(min_size=1, max_size=60))
def test_a_form_says_the_length_and_never_a_letter_of_its_own(value):
    try:
        value.encode()
    except UnicodeEncodeError:
        return
    (shown,) = duckdb.connect().execute(f"select {echo.form('v')} from (select $1::varchar as v)", [value]).fetchone()
    assert shown.startswith(f"[{len(value)} character")
    made = shown.partition(": ")[2]
    assert not {c for c in made if c.isalnum()} - {"a", "9"} and printable(made) == made


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://jane%40oak.org/", ""), ("https://jane:doe/", ""), ("https://jane doe.org/", ""), ("https://-jane.org", ""),
        ("https://a@jane@oak.org:443/x", "oak.org"), ("https://jane:pw@OAK.org./", "oak.org"), ("https://oak.org\\jane", "oak.org"),
        ("https://oak.org?jane@x.org", "oak.org"), ("http://intranet:8080/", "intranet"), ("https://a..org", ""), ("https://[::1]/", ""),
    ],
)  # fmt: skip
def test_only_a_host_is_kept_of_an_address(url, host):
    rows = usage.addressed("(select $1::varchar as url)", [])
    assert duckdb.connect().execute(f"select host from {rows}", [url]).fetchone() == (host,)


def test_a_time_that_is_none_and_an_address_that_is_none_name_nobody(tmp_path):
    rows = [
        ("jane@oak.org", "x@d.example", "https://a.example"),
        ("2020-10-01 09:00", "x@d.example", "https://a.example"),
        ("2020-10-01T09:00:00Z", "x@Jane Doe", "https://jane%40oak.org/"),
        ("2020-10-01T09:00:00Z", "y@Jane Doe", "https://a.example"),
    ]
    path = roster.usage(tmp_path / "landing" / "d" / "usage.csv", rows)
    outcome = take.take(landing.describe(path, District(district_id="d")), _settings(tmp_path))
    outcome.report.write(tmp_path / "report")
    assert {f.value for f in outcome.report.findings if f.column == "occurred_at"} == {
        "[12 characters: aaaa@aaa.aaa]", "2020-10-01 09:00",
    }  # fmt: skip
    assert "jane" not in (_written(tmp_path / "lake") + _written(tmp_path / "report")).lower()


@pytest.mark.parametrize("content", ["", " ", "ab", "00" * 20, "00" * 31 + "0", "zz" * 32])
@pytest.mark.parametrize("name", [".pii_key", ".pii_key_fingerprint"])
def test_a_key_that_is_cut_off_is_never_used(name, content, tmp_path):
    private = _settings(tmp_path)
    if name == ".pii_key_fingerprint":
        privacy.pii_key(private)
    private.lake.mkdir(exist_ok=True)
    (private.lake / name).write_text(content)
    with pytest.raises(RollcallError, match="pii_key"):
        privacy.pii_key(private)
    assert (private.lake / name).read_text() == content


def test_a_key_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    private = _settings(tmp_path)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        privacy.pii_key(private)
    assert not list(private.lake.iterdir())
    monkeypatch.undo()
    key = privacy.pii_key(private)
    assert len(key) == 32 and privacy.pii_key(private) == key
    assert (private.lake / ".pii_key").stat().st_mode & 0o777 == 0o600


def test_status_names_what_a_killed_run_left_readable_and_the_next_deletes_it(tmp_path):
    private = _settings(tmp_path)
    private.warehouse.mkdir()
    for name in (".intake-dead", ".intake-busy"):
        (private.build / name).mkdir(parents=True)
    busy = os.open(private.build / ".intake-busy", os.O_RDONLY)
    fcntl.flock(busy, fcntl.LOCK_EX)
    (problem,) = [p for p in state.problems(private, NOW) if p.key == "scratch"]
    assert ".intake-dead" in problem.what and ".intake-busy" not in problem.what
    take.clear_scratch(private)
    assert [folder.name for folder in private.build.iterdir()] == [".intake-busy"]
    os.close(busy)


def test_an_error_in_the_log_quotes_no_row_and_no_statement(tmp_path):
    logs.to_file(_settings(tmp_path))
    try:
        duckdb.connect().execute(
            "select cast(name as integer) from (select reverse('rehtaeflliuQ') as name)"
        ).fetchall()
    except duckdb.Error:
        logs.failure("it broke off")
    (line,) = (tmp_path / "build" / logs.FILE).read_text().splitlines()
    assert NAME not in line and "ConversionException" in json.loads(line)["traceback"]
    logging.getLogger("rollcall").handlers.clear()


@settings(max_examples=300, deadline=None)
@given(
    st.text(st.characters(), max_size=80),
    st.sampled_from(["\u2028", "\n", "\r\n", "\x00", "\x1b[2J", "\ud800", "\u202e", ""]),
)
def test_mail_and_terminal_survive_any_character(text, more):
    problem = state.Problem(f"k/{text}", text, text + more + text, more)
    message = alerts._message(Settings(smtp_host="h", smtp_to=["a@b.example"]), [problem], [text + more], NOW)
    sent = message_from_bytes(message.as_bytes(policy=policy.SMTP), policy=policy.default)
    assert sent["To"] == "a@b.example" and sent["Subject"].strip().startswith("Rollcall:")
    shown = printable(text + more)
    assert len(shown.splitlines()) <= 1 and printable(shown) == shown
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in shown)
    assert str(safe_cell(text + more)).lstrip()[:1] not in ("=", "+", "-", "@")


def test_no_cell_of_the_rows_is_a_formula(tmp_path):
    path = roster.template(
        tmp_path / "d" / "=cmd()\x1b_students.csv", "students",
        [{"sis_id": "S1", "first_name": "Cy", "last_name": "Dee", "school_id": "A", "grade_level": "zz"}],
    )  # fmt: skip
    report = take.check(landing.describe(path, District(district_id="d")), _settings(tmp_path))
    report.write(tmp_path / "report")
    with (tmp_path / "report" / "report-rows.csv").open(newline="") as stream:
        files = [row["file"] for row in csv.DictReader(stream)]
    assert files and set(files) == {"'=cmd()\\x1b_students.csv"}
    assert not any("\x1b" in line for line in status.lines(_settings(tmp_path), NOW))
    assert lake.records(_settings(tmp_path)) == []


def test_no_part_of_a_value_is_in_what_is_said_of_an_error():
    error = duckdb.ConversionException("Conversion Error: Could not convert string 'Pat O'Brien' to INT32")
    assert (
        logs.message_of(error)
        == logs.without_values(str(error))
        == "Conversion Error: Could not convert string '…' to INT32"
    )
    assert logs.message_of(duckdb.IOException("No file \"/a/b\" of 'Pat O'Brien'")) == "No file \"/a/b\" of '…'"
    assert (
        logs.without_values("Conversion Error: of 'Pat' O'Neil'\nLINE 1: select 'Pat'")
        == "Conversion Error: of '…'\nLINE 1: select '…'"
    )
    assert logs.without_values("Binder Error: no column 'a'") == "Binder Error: no column 'a'"
