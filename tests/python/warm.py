"""Runs the `rollcall` command without its start-up: a process that has imported it forks for every command.

Each command has its own process, environment, working directory and exit code, as from a shell, and so has its audit; what is
saved is five seconds of imports. `python warm.py SOCKET` serves; `Warm` is the client.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from rollcall.expectations import audit, start


class _ForkedAudit:
    """As much of `subprocess.Popen` as the auditor uses, for an audit process that is forked, too."""

    def __init__(self, command: list[str], *, stderr, **_):
        question, self._ask = os.pipe()
        self._answer, answer = os.pipe()
        self.pid, self.returncode = os.fork(), None
        if self.pid == 0:
            os.close(self._ask)
            for descriptor, number in ((question, 0), (answer, 1), (stderr.fileno(), 2)):
                os.dup2(descriptor, number)
            os.closerange(3, 1024)  # as for a program that is started: the lock above all is not its to hold
            sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
            sys.argv = command[2:]
            try:
                audit.main()
                self.returncode = 0
            except BaseException:
                traceback.print_exc()
            sys.stderr.flush()
            os._exit(1 if self.returncode is None else 0)
        os.close(question)
        os.close(answer)

    def communicate(self, question: str) -> tuple[str, None]:
        with suppress(BrokenPipeError):
            os.write(self._ask, question.encode())
        os.close(self._ask)
        with os.fdopen(self._answer) as answer:
            told = answer.read()
        self.wait()
        return told, None

    def poll(self) -> int | None:
        return self.returncode

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> None:
        self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def _command(request: dict) -> None:
    """In the forked process: becomes the command."""
    os.setsid()
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    for number, name in ((0, os.devnull), (1, request["out"]), (2, request["err"])):
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(descriptor, number)
    sys.argv = ["rollcall", *request["arguments"]]
    audit.subprocess = SimpleNamespace(Popen=_ForkedAudit, PIPE=subprocess.PIPE)
    code = 1
    try:
        if request["before"]:
            exec(request["before"], {})
        from rollcall.cli import main

        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _keep(connection: socket.socket) -> None:
    """In a process of its own for each command: starts it, tells its process id, and in the end how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request = json.loads(connection.makefile().readline())
    pid = os.fork()
    if pid == 0:
        connection.close()
        _command(request)
    connection.sendall(f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def serve(path: str) -> None:
    start.gate()
    import dbt.cli.main  # noqa: F401

    import rollcall.cli
    import rollcall.expectations.duckdb_engine
    import rollcall.expectations.marts
    import rollcall.intake.fetch
    import rollcall.refresh.build
    import rollcall.refresh.run
    import rollcall.watch.alerts
    import rollcall.watch.status  # noqa: F401

    parent = os.getppid()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen()
    listening.settimeout(1)
    while os.getppid() == parent:
        try:
            connection, _ = listening.accept()
        except TimeoutError:
            continue
        connection.settimeout(None)
        if os.fork() == 0:
            listening.close()
            _keep(connection)
        connection.close()


@dataclass
class Command:
    """A command that runs, or has run."""

    pid: int
    _answers: object
    _out: Path
    _err: Path

    def kill(self) -> None:
        """`kill -9` of the command; what it has started ends later, in `wait`."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> subprocess.CompletedProcess[str]:
        code = int(self._answers.readline())
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # an audit process that a killed command has left would still import
        done = subprocess.CompletedProcess("rollcall", code, self._out.read_text("utf-8"), self._err.read_text("utf-8"))
        self._out.unlink()
        self._err.unlink()
        return done


class Warm:
    """The client, one for each test process."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="rollcall-warm-"))
        self.socket = self.folder / "socket"
        self.process = subprocess.Popen([sys.executable, __file__, str(self.socket)])
        self.count = 0

    def start(self, arguments: tuple[str, ...], environment: dict[str, str], cwd: Path, before: str = "") -> Command:
        """Starts a command; `before` is Python that its process runs first."""
        self.count += 1
        out, err = (self.folder / f"{self.count}.{name}" for name in ("out", "err"))
        connection = socket.socket(socket.AF_UNIX)
        for _ in range(600):
            try:
                connection.connect(str(self.socket))
                break
            except (FileNotFoundError, ConnectionRefusedError):
                assert self.process.poll() is None, "the warm process has ended"
                time.sleep(0.1)
        request = {
            "arguments": arguments, "environment": environment, "cwd": str(cwd), "out": str(out), "err": str(err),
            "before": before,
        }  # fmt: skip
        connection.sendall(json.dumps(request).encode() + b"\n")
        answers = connection.makefile()
        return Command(int(answers.readline()), answers, out, err)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


if __name__ == "__main__":
    serve(sys.argv[1])
