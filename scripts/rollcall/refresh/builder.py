"""The build of a refresh, in a process of its own: `python -m rollcall.refresh.builder`.

Started as soon as something waits in the landing, it imports dbt and parses the project on another core while the deliveries are
checked. It then waits for one line of JSON, the version that the build goes on from, answers with a line for each node that is done
and a last one that says what became of them, and ends: so the build files are closed. It ends at once when the command does.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from queue import SimpleQueue
from typing import Any

from rollcall import logs
from rollcall.errors import RollcallError, is_of_the_disk, of_the_disk
from rollcall.refresh import build
from rollcall.refresh.build import Built, Node
from rollcall.settings import Settings


class Broken(Exception):
    """What broke the build off, as its process has said it."""


class Builder:
    """The build process, started early and asked once. On Spark it is this process, which has the session."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._process = None
        if settings.engine == "spark":
            threading.Thread(target=build.import_dbt, daemon=True).start()
            return
        settings.build.mkdir(parents=True, exist_ok=True)
        build.export(settings)
        self._log = (settings.build / "build.log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def build(self, say: Callable[[str, int, int | None], None], base: str | None, has_rosters: bool) -> Built:
        """Builds and tests the candidate, which is there already where it goes on from `base`. Raises what broke it off."""
        if self._process is None:
            return build.dbt_build(self._settings, say, base, has_rosters=has_rosters)
        with suppress(BrokenPipeError):  # it has ended already, and gives no answer
            print(json.dumps([base, has_rosters]), file=self._process.stdin, flush=True)
        for line in self._process.stdout:
            answer = json.loads(line)
            if "done" in answer:
                say("building", answer["done"], answer["total"])
                continue
            self._process.wait()  # the build files are closed
            if "error" in answer:
                logs.event("the build broke off", traceback=answer["traceback"])
                raise (RollcallError if answer["is_for_a_person"] else Broken)(answer["error"])
            return Built(**answer | {"nodes": [Node(**node) for node in answer["nodes"]]})
        raise RollcallError(
            f"the build ended before it was done (exit code {self._process.wait()}): was it killed, or out of memory? "
            f"Its log is {self._log.name}. Nothing was published; run `rollcall refresh` again"
        )

    def stop(self) -> None:
        """Ends a process that was not asked, or has not ended."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._log.close()


def _questions() -> SimpleQueue[Any]:
    """What the command asks. Without the command, which may have been killed, nobody would want the answer."""
    asked: SimpleQueue[Any] = SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            asked.put(json.loads(line))
        os._exit(1)

    threading.Thread(target=listen, daemon=True).start()
    return asked


def main() -> None:
    gc.disable()  # dbt's graph of objects is large and stays
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command has it too, and ends this process
    answers, sys.stdout = sys.stdout, sys.stderr  # a library that prints must not garble the answer
    settings, asked, one_at_a_time = Settings(), _questions(), threading.Lock()

    def answer(said: dict[str, object]) -> None:
        with one_at_a_time:  # dbt's threads speak when they like
            print(json.dumps(said), file=answers, flush=True)

    try:
        manifest = build.parse(settings)
        base, has_rosters = asked.get()
        built = build.dbt_build(
            settings, lambda _, done=0, total=None: answer({"done": done, "total": total}), base, manifest, has_rosters
        )
        answer(asdict(built))
    except BaseException as error:
        if is_of_the_disk(error):
            error = of_the_disk(error, settings)
        is_for_a_person = isinstance(error, RollcallError)
        message = str(error) if is_for_a_person else f"{type(error).__name__}: {logs.message_of(error)}"
        answer({"error": message, "is_for_a_person": is_for_a_person, "traceback": logs.traceback_of(error)})
    atexit._run_exitfuncs()
    sys.stderr.flush()
    os._exit(0)  # without taking dbt's objects apart, for which the command would wait


if __name__ == "__main__":
    main()
