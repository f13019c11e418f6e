"""What `rollcall status` says, and the alerts, sent to servers that the tests run."""

from __future__ import annotations

import json
import os
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller

import roster
from conftest import free_port
from rollcall.intake import lake
from rollcall.refresh import ledger, publish
from rollcall.watch import alerts, state, status

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)


class Receiver:
    """A webhook that keeps what it was sent, and answers `code`."""

    def __init__(self):
        self.got, self.code = [], 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                outer.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(outer.code)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/secret-token"


@pytest.fixture
def webhook():
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()


class Mailbox:
    def __init__(self):
        self.got = []

    async def handle_DATA(self, server, session, envelope):
        self.got.append((envelope.rcpt_tos, envelope.content.decode()))
        return "250 kept"


@pytest.fixture
def mailbox():
    box = Mailbox()
    box.port = free_port()
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    yield box
    controller.stop()


def refuse(house, district="oakdale", name="users.csv", text="x"):
    """A refresh that rejects a loose CSV, and so builds nothing."""
    (house.landing / district).mkdir(parents=True, exist_ok=True)
    (house.landing / district / name).write_text(text)


def test_alerts_are_sent_once_per_change_of_state_by_the_refresh_itself(house, webhook, mailbox, monkeypatch):
    for name, value in {
        "WEBHOOK_URL": webhook.url, "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(mailbox.port), "SMTP_SECURITY": "none",
        "SMTP_TO": '["ada@oakdale.example", "data@oakdale.example"]',
    }.items():  # fmt: skip
        monkeypatch.setenv(f"ROLLCALL_{name}", value)
    refuse(house)
    house.refresh(code=20)
    ((to, mail),) = mailbox.got
    (sent,) = webhook.got
    assert to == ["ada@oakdale.example", "data@oakdale.example"]
    assert "oakdale/users.csv was rejected" in mail and "report.html" in mail
    (key,) = [p["key"] for p in sent["problems"]]
    assert sent["state"] == "problem" and key.startswith("delivery/oakdale/") and "-unknown-" in key
    assert "users.csv is a OneRoster file outside a zip" in sent["text"]

    house.refresh()
    house.run("watch")
    assert len(webhook.got) == len(mailbox.got) == 1, "what is known is not told again"

    refuse(house, name="users2.csv", text="y")
    house.refresh(code=20)
    assert len(webhook.got) == 2, "another file that is refused is news"
    # Someone has closed them by name.
    for folder in house.quarantine.glob("oakdale/*"):
        house.run("discard", folder.name, "--by", "Ada", "--why", "test files")
    house.run("watch")
    assert webhook.got[-1]["state"] == "resolved" and key in webhook.got[-1]["resolved"]
    assert len(webhook.got[-1]["resolved"]) == 2
    assert len(webhook.got) == len(mailbox.got) == 3


def test_an_alert_that_fails_is_tried_again_and_holds_nothing_up(house, webhook, mailbox, monkeypatch):
    for name, value in {
        "WEBHOOK_URL": webhook.url, "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(mailbox.port), "SMTP_SECURITY": "none",
        "SMTP_TO": '["ada@oakdale.example"]',
    }.items():  # fmt: skip
        monkeypatch.setenv(f"ROLLCALL_{name}", value)
    webhook.code = 500
    refuse(house)
    done = house.run("refresh", code=20)
    assert "the webhook alert could not be sent: it answered 500" in done.stderr and "secret" not in done.stderr
    assert len(webhook.got) == 3 and len(mailbox.got) == 1
    webhook.code = 200
    house.run("watch")
    house.run("watch")
    assert len(webhook.got) == 4 and len(mailbox.got) == 1
    monkeypatch.setenv("ROLLCALL_WEBHOOK_URL", "http://127.0.0.1:1/secret-token")
    refuse(house, name="users2.csv", text="y")
    done = house.run("refresh", code=20)
    assert "could not be reached (ConnectionError)" in done.stderr and "secret" not in done.stderr
    assert "secret" not in (house.build / "rollcall.log").read_text()


def test_a_refresh_that_fails_is_reported_by_that_refresh(house, webhook, monkeypatch):
    monkeypatch.setenv("ROLLCALL_WEBHOOK_URL", webhook.url)
    monkeypatch.setenv("ROLLCALL_PII_KEY", "no hexadecimal")
    refuse(house)
    house.run("refresh", code=1)
    (sent,) = webhook.got
    assert [problem["key"] for problem in sent["problems"]] == ["refresh"]
    assert "ROLLCALL_PII_KEY" in sent["text"]


def test_a_killed_refresh_is_reported_whatever_program_has_its_process_id_now(house, webhook, monkeypatch):
    monkeypatch.setenv("ROLLCALL_WEBHOOK_URL", webhook.url)
    stalls = "import time; from rollcall.intake import lake; lake.prepare = lambda settings: time.sleep(60)"
    command = house.start("refresh", before=stalls)
    mark = house.warehouse / ".running.json"
    while not mark.exists():
        time.sleep(0.02)
    assert "A refresh is running: it began just now" in house.run("status").stdout
    assert "cut off" not in problems(house)
    command.kill()
    assert command.wait().returncode == -9
    # After a restart of the machine the numbers begin anew: this test's process has the number now.
    mark.write_text(mark.read_text().replace(f'"process": {command.pid}', f'"process": {os.getpid()}'))
    assert "A refresh is running" not in house.run("status").stdout
    house.run("watch")
    (sent,) = webhook.got
    assert [problem["key"] for problem in sent["problems"]] == ["cut off"]


def test_wrong_settings_of_alerts_are_said(house, monkeypatch):
    assert "no alert is set up" in house.run("watch", code=1).stderr
    monkeypatch.setenv("ROLLCALL_SMTP_HOST", "mail.example")
    assert "ROLLCALL_SMTP_HOST needs ROLLCALL_SMTP_TO" in house.run("watch", code=2).stderr
    monkeypatch.setenv("ROLLCALL_SMTP_TO", "ada@oakdale.example")
    assert "smtp_to" in house.run("watch", code=2).stderr


def published(house, at: datetime) -> None:
    """A version with the least that `status` reads."""
    import duckdb

    settings = house.settings
    settings.build.mkdir(exist_ok=True)
    settings.warehouse.mkdir(exist_ok=True)
    with duckdb.connect(str(settings.candidate)) as connection:
        connection.execute("create schema marts; create table marts.dim_districts (district_id varchar)")
    publish.publish(settings, publish.Version(f"{at:%Y%m%dT%H%M%S}000Z", "lake", "code", at.isoformat()))


def problems(house, now=NOW, **changes) -> dict[str, state.Problem]:
    return {p.key: p for p in state.problems(house.settings.model_copy(update=changes), now)}


def test_silence_is_told_once_and_over_when_something_is_published(house, webhook):
    from pydantic import SecretStr

    settings = house.settings.model_copy(update={"alert_hours": 24, "webhook_url": SecretStr(webhook.url)})
    published(house, NOW - timedelta(hours=23))
    assert alerts.send_due(settings, NOW) == [] and not webhook.got
    for hours in (2, 3, 30):
        alerts.send_due(settings, NOW + timedelta(hours=hours))
    (sent,) = webhook.got
    assert sent["problems"][0]["what"].startswith("nothing was published for 25 hours")
    published(house, NOW + timedelta(hours=31))
    alerts.send_due(settings, NOW + timedelta(hours=32))
    assert webhook.got[-1]["resolved"] == ["silence"] and len(webhook.got) == 2
    assert "silence" not in problems(house, NOW + timedelta(days=900), alert_hours=0)


def test_a_broken_memory_of_alerts_tells_again_and_breaks_nothing(house, webhook):
    from pydantic import SecretStr

    settings = house.settings.model_copy(update={"alert_hours": 1, "webhook_url": SecretStr(webhook.url)})
    published(house, NOW - timedelta(hours=2))
    for broken in ("", "{", "[]", '{"webhook": 3}'):
        (house.warehouse / "alerts.json").write_text(broken)
        assert alerts.send_due(settings, NOW) == []
    assert len(webhook.got) == 4


def test_late_kinds_of_delivery_are_told_by_their_own_thresholds(house):
    roster.write(house.landing / "oakdale" / "roster_2020-10-01.zip")
    roster.usage(
        house.landing / "oakdale" / "usage_2020-10-01.csv",
        [("2020-10-01T10:00:00Z", "a@b.example", "https://x.example/")],
    )
    house.take()
    house.warehouse.mkdir()
    # By the date of the data, whenever it arrived.
    day = datetime(2020, 10, 1, 12, tzinfo=UTC)
    assert not problems(house, day)
    late = problems(house, day + timedelta(days=5))
    assert set(late) == {"fresh/oakdale/usage"}
    assert "of 2020-10-01, 5 days ago (expected within 3)" in late["fresh/oakdale/usage"].what
    assert set(problems(house, day + timedelta(days=8))) == {"fresh/oakdale/usage", "fresh/oakdale/oneroster"}
    assert not problems(house, day + timedelta(days=8), freshness_days={"usage": 0})
    # A district's own days go before all others, from its next delivery on.
    (house.landing / "oakdale" / "district.toml").write_text("freshness_days = {usage = 30, oneroster = 4}\n")
    roster.usage(
        house.landing / "oakdale" / "usage_2020-10-02.csv",
        [("2020-10-02T10:00:00Z", "a@b.example", "https://x.example/")],
    )
    house.take()
    late = problems(house, day + timedelta(days=5), freshness_days={"oneroster": 9})
    assert set(late) == {"fresh/oakdale/oneroster"}
    assert "(expected within 4)" in late["fresh/oakdale/oneroster"].what


def test_a_day_ends_when_it_ends_in_the_district(house):
    (house.landing / "oakdale").mkdir(parents=True)
    (house.landing / "oakdale" / "district.toml").write_text('time_zone = "America/Los_Angeles"\n')
    roster.usage(
        house.landing / "oakdale" / "usage_2020-10-01.csv",
        [("2020-10-01T18:00:00Z", "a@b.example", "https://x.example/")],
    )
    house.take()
    house.warehouse.mkdir()
    assert not problems(house, datetime(2020, 10, 5, 6, tzinfo=UTC)), "the evening of the third day after"
    assert set(problems(house, datetime(2020, 10, 5, 8, tzinfo=UTC))) == {"fresh/oakdale/usage"}


def test_status_tells_a_stranger_what_happened_and_what_to_do(house):
    assert "Put files into the landing folder" in house.run("status").stdout
    refuse(house)
    house.refresh(code=20)
    said = house.run("status").stdout
    assert "not all deliveries were accepted: 1 rejected, published nothing" in said
    assert "1. oakdale/users.csv was rejected just now: users.csv is a OneRoster file outside a zip" in said
    assert f"Send {house.quarantine}/oakdale/" in said
    house.refresh()
    assert "just now; nothing was new, so nothing was done." in house.run("status").stdout
    told = json.loads(house.run("status", "--json").stdout)
    assert told["last_refresh"]["exit_code"] == 0 and "-unknown-" in told["problems"][0]["key"]


def test_a_failed_run_is_a_problem_until_one_succeeds(house):
    settings = house.settings
    lake.prepare(settings)
    settings.warehouse.mkdir()
    entry = {
        "run_id": "1",
        "exit_code": 30,
        "failures": ["dim_users: two rows"],
        "deliveries": [],
        "published": None,
        "seconds": {},
    }
    ledger.append(settings, entry)
    ledger.beat(settings, {"run_id": "1", "ended_at": NOW.isoformat(), "exit_code": 30})
    assert problems(house)["refresh"].what == "the audit failed: dim_users: two rows"
    assert any("the audit failed" in line for line in status.lines(settings, NOW))
    ledger.beat(settings, {"run_id": "2", "ended_at": NOW.isoformat(), "exit_code": 0})
    assert not problems(house)


def test_every_line_of_the_log_is_json(house):
    refuse(house)
    house.refresh(code=20)
    lines = [json.loads(line) for line in (house.build / "rollcall.log").read_text().splitlines()]
    assert [line["event"] for line in lines] == [
        "run begins", "stage begins", "delivery taken", "stage ends", "run ends",
    ]  # fmt: skip
    assert lines[2]["verdict"] == "rejected" and lines[-1]["exit_code"] == 20
    assert len({line["run"] for line in lines}) == 1
