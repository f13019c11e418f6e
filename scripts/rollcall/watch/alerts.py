"""Alerts, once per change of state: a webhook (JSON) and email, each if it is set up."""

from __future__ import annotations

import logging
import smtplib
import socket
import ssl
from dataclasses import asdict
from datetime import UTC, datetime
from email.message import EmailMessage

import requests
from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from rollcall import logs
from rollcall.refresh import alerted
from rollcall.settings import Settings
from rollcall.text import printable
from rollcall.watch.state import Problem, problems

_log = logging.getLogger("rollcall")
_SECONDS = 10


def send_due(settings: Settings, now: datetime | None = None) -> list[str]:
    """Sends what is new or resolved since the last alert. Returns what could not be sent, which the next call tries again.

    A channel that fails does not hold back the other: each remembers what it has sent.
    """
    now = now or datetime.now(UTC)
    current = problems(settings, now)
    said, failures = alerted.read(settings), []
    for channel, is_on, send in (
        ("webhook", settings.webhook_url, _post),
        ("smtp", settings.smtp_host, _mail),
    ):
        if not is_on:
            continue
        known = said.get(channel, {})
        new = [problem for problem in current if known.get(problem.key) != problem.identity]
        over = sorted(set(known) - {problem.key for problem in current})
        if not (new or over):
            continue
        try:
            for attempt in Retrying(
                retry=retry_if_exception_type((OSError, smtplib.SMTPException)),
                stop=stop_after_attempt(3),
                wait=wait_exponential(multiplier=0.5),
            ):
                with attempt:
                    send(settings, new, over, now)
        except RetryError as error:
            failure = error.last_attempt.exception()
        except Exception as error:
            # Whatever one channel, or one message, breaks on: the other channel still sends.
            logs.failure(f"the {channel} alert broke off")
            failure = error
        else:
            failure = None
        if failure:
            unsent = printable(f"the {channel} alert could not be sent: {failure}")
            _log.warning(unsent)
            failures.append(unsent)
            continue
        said[channel] = {problem.key: problem.identity for problem in current}
    if said != alerted.read(settings):
        alerted.write(settings, said)
    return failures


def _subject(new: list[Problem], over: list[str]) -> str:
    if not new:
        return "Rollcall: resolved"
    return printable(f"Rollcall: {new[0].what}"[:150]) + (f" (and {len(new) - 1} more)" if len(new) > 1 else "")


def _text(new: list[Problem], over: list[str]) -> str:
    lines = []
    for problem in new:
        lines += [printable(problem.what), f"  {printable(problem.fix)}.", ""]
    lines += [f"resolved: {printable(key)}" for key in over]
    return "\n".join(lines).rstrip() + "\n"


def _post(settings: Settings, new: list[Problem], over: list[str], now: datetime) -> None:
    body = {
        "source": "rollcall",
        "host": socket.gethostname(),
        "at": now.isoformat(timespec="seconds"),
        "state": "problem" if new else "resolved",
        # What chat services show of a webhook.
        "text": f"{_subject(new, over)}\n{_text(new, over)}",
        "problems": [asdict(problem) for problem in new],
        "resolved": over,
    }
    try:
        response = requests.post(settings.webhook_url.get_secret_value(), json=body, timeout=_SECONDS)
    except requests.RequestException as error:
        # The address is a secret, and requests' own words would quote it.
        raise OSError(f"it could not be reached ({type(error).__name__})") from None
    if not response.ok:
        raise OSError(f"it answered {response.status_code} {response.reason}")


def _message(settings: Settings, new: list[Problem], over: list[str], now: datetime) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = _subject(new, over)
    message["From"] = settings.smtp_from
    message["To"] = ", ".join(settings.smtp_to)
    message["Date"] = now
    message.set_content(_text(new, over))
    return message


def _mail(settings: Settings, new: list[Problem], over: list[str], now: datetime) -> None:
    message = _message(settings, new, over, now)
    where = {"host": settings.smtp_host, "port": settings.smtp_port, "timeout": _SECONDS}
    is_tls = settings.smtp_security == "tls"
    with smtplib.SMTP_SSL(**where, context=ssl.create_default_context()) if is_tls else smtplib.SMTP(**where) as server:
        if settings.smtp_security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        server.send_message(message)
