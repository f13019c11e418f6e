"""What runs beside the pages, each in a process of its own: uploads being tried, one at a time, and a refresh."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rollcall import logs
from rollcall.errors import RollcallError
from rollcall.files import write
from rollcall.office import uploads
from rollcall.office.uploads import Upload
from rollcall.refresh import lock
from rollcall.settings import Settings

_AGAIN_SECONDS = 2
_HOUR = 3_600
_ROOMS = ("landing", "archive", "lake", "build", "warehouse", "quarantine", "rules", "state")


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "rollcall", *arguments]


def _environment(settings: Settings) -> dict[str, str]:
    """The process's own, with the rooms as these settings have them."""
    return os.environ | {f"ROLLCALL_{name.upper()}": str(getattr(settings, name)) for name in _ROOMS}


def is_refreshing(settings: Settings) -> bool:
    """Whether a refresh is running, or something else that holds its lock."""
    file = settings.warehouse / ".lock"
    return file.exists() and lock.is_held(file)


class Trials:
    """Tries uploads, in the order in which they came. What a server that was stopped left waiting is tried by the next."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._running: tuple[str, subprocess.Popen] | None = None
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        """Has somebody look what waits."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="rollcall-trials", daemon=True)
                self._thread.start()
        self._wake.set()

    def stop(self, upload: Upload) -> None:
        """Ends the process that tries an upload, if it is being tried."""
        with self._lock:
            if self._running and self._running[0] == upload.upload_id:
                with suppress(ProcessLookupError):
                    os.killpg(self._running[1].pid, signal.SIGKILL)

    def _work(self) -> None:
        while True:
            self._wake.clear()
            uploads.retire(self._settings)
            for upload in reversed(uploads.all_of(self._settings)):
                if upload.status in (uploads.WAITING, uploads.TRYING):
                    try:
                        self._try(upload)
                    except Exception as error:  # the next one is still tried
                        logs.failure("an upload could not be tried", upload=upload.upload_id)
                        self._end(
                            upload, uploads.FAILED, f"Rollcall could not check the file ({type(error).__name__})."
                        )
            self._wake.wait(_HOUR)

    def _end(self, upload: Upload, status: str, message: str = "") -> None:
        if upload.folder(self._settings).is_dir():  # else somebody has removed it meanwhile
            upload.status, upload.message = status, message
            upload.save(self._settings)

    def _try(self, upload: Upload) -> None:
        settings, out = self._settings, upload.out(self._settings)
        with (upload.folder(settings) / ".trying").open("w") as mine:
            try:
                fcntl.flock(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return  # another server on the same state tries it
            self._run(upload, out)

    def _run(self, upload: Upload, out: Path) -> None:
        settings = self._settings
        out.mkdir(exist_ok=True)
        self._end(upload, uploads.TRYING)
        errors = upload.folder(settings) / "errors.txt"
        command = _command(
            "what-if", str(upload.file(settings)), "--district", upload.district_id, "--out", str(out), "--json"
        )
        # Two builds at once take twice as long, and what is accepted meanwhile would count as a change.
        while is_refreshing(settings) and upload.folder(settings).is_dir():
            write(out / "progress.json", json.dumps({"doing": "waiting for the refresh that is running"}))
            time.sleep(_AGAIN_SECONDS)
        with errors.open("w") as stderr, self._lock:
            process = subprocess.Popen(
                command, env=_environment(settings), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr,
                start_new_session=True,
            )  # fmt: skip
            self._running = upload.upload_id, process
        process.wait()
        with self._lock:
            self._running = None
        if (out / "changes.json").exists():
            self._end(upload, uploads.TRIED)
        else:
            said = errors.read_text("utf-8").strip().splitlines() if errors.exists() else []
            self._end(upload, uploads.FAILED, said[-1].removeprefix("rollcall: ") if said else "The check broke off.")


@dataclass
class LastRefresh:
    """The last refresh that was started here."""

    by: str
    at: str
    process: int
    code: int | None = None
    ended_at: str = ""


_CODES = {
    0: "It published what was new; where nothing was new, readers keep the version they have.",
    20: "It published a version, and a delivery was rejected or held: see the open problems below.",
    30: "The checks of the new version failed. Nothing was published; readers keep the version they have.",
    40: "Another refresh was running.",
}
_FAILED = "It failed, or failed on a delivery. Readers keep a whole version. Ask whoever runs Rollcall to look at `rollcall status`."


class Refreshes:
    """Starts a refresh, and knows whether one is running, whoever has started it."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._file, self._log = settings.state / "refresh.json", settings.state / "refresh.log"

    @property
    def is_running(self) -> bool:
        return is_refreshing(self._settings)

    def last(self) -> LastRefresh | None:
        try:
            return LastRefresh(**json.loads(self._file.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def said(self) -> str:
        """How the last one ended; what a running one is doing."""
        last = self.last()
        if self.is_running:
            lines = self._log.read_text("utf-8", "replace").splitlines() if self._log.exists() else []
            doing = [line for line in lines if line.startswith(("building the candidate", "auditing the candidate"))]
            stage = (
                doing[-1].removesuffix(" from the whole lake")
                if last and last.code is None and doing
                else "taking what has arrived"
            )
            return f"A refresh is running: {stage}."
        if last is None or last.code is None:
            return ""
        return _CODES.get(last.code, _FAILED)

    def start(self, by: str) -> None:
        """RollcallError while one is running."""
        if self.is_running:
            raise RollcallError("a refresh is running already")
        self._settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._log.open("w") as log:
            process = subprocess.Popen(
                _command("refresh"), env=_environment(self._settings), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        last = LastRefresh(by, datetime.now(UTC).isoformat(), process.pid)
        write(self._file, json.dumps(asdict(last)))
        threading.Thread(target=self._follow, args=(process, last), name="rollcall-refresh", daemon=True).start()
        # It takes the lock after its imports: until then the page says that it is running all the same.
        deadline = time.monotonic() + 5
        while process.poll() is None and not self.is_running and time.monotonic() < deadline:
            time.sleep(0.05)

    def _follow(self, process: subprocess.Popen, last: LastRefresh) -> None:
        last.code = process.wait()
        last.ended_at = datetime.now(UTC).isoformat()
        write(self._file, json.dumps(asdict(last)))
