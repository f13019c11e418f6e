"""Runs the `rollcall` command without its start-up: multiprocessing's fork server has imported it, and forks for every command.

Each command has its own process, environment, working directory and exit code, as from a shell, and so has its build; what is
saved is five seconds of imports.
"""

from __future__ import annotations

import atexit
import importlib
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    [
        "as_a_program",
        "rollcall.expectations.gate",
        "dbt.cli.main",
        "rollcall.cli",
        "rollcall.expectations.audit",
        "rollcall.expectations.context",
        "rollcall.expectations.duckdb_engine",
        "rollcall.expectations.marts",
        "rollcall.intake.fetch",
        "rollcall.refresh.builder",
        "rollcall.refresh.run",
        "rollcall.watch.alerts",
        "rollcall.watch.status",
    ]
)


class _Forked:
    """As much of `subprocess.Popen` as the builder uses, for a process of its own that is forked, too."""

    def __init__(self, command: list[str], *, stderr, **_):
        (question, ask), (said, answer) = os.pipe(), os.pipe()
        self.pid, self.returncode = os.fork(), None
        if self.pid == 0:
            os.close(ask)
            for descriptor, number in ((question, 0), (answer, 1), (stderr.fileno(), 2)):
                os.dup2(descriptor, number)
            # As for a program that is started: the lock above all is not its to hold. What still writes to one writes to nothing.
            nothing = os.open(os.devnull, os.O_RDWR)
            for number in {int(file.name) for file in Path("/dev/fd").iterdir()} - {0, 1, 2, nothing}:
                with suppress(OSError):
                    os.dup2(nothing, number)
            sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
            sys.argv = command[2:]
            code = 1
            try:
                importlib.import_module(command[2]).main()
                code = 0
            except BaseException:
                traceback.print_exc()
            sys.stderr.flush()
            os._exit(code)
        os.close(question)
        os.close(answer)
        self.stdin, self.stdout = os.fdopen(ask, "w"), os.fdopen(said)

    def kill(self) -> None:
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode


def _become(
    arguments: tuple[str, ...], environment: dict[str, str], cwd: Path, before: str, out: Path, err: Path
) -> None:
    """In the forked process: becomes the command."""
    os.setsid()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    for number, name in ((0, os.devnull), (1, out), (2, err)):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT, 0o600), number)
    sys.argv = ["rollcall", *arguments]
    from rollcall.refresh import builder

    builder.subprocess = SimpleNamespace(Popen=_Forked, PIPE=subprocess.PIPE)
    code = 1
    try:
        if before:
            exec(before, {})
        from rollcall.cli import main

        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


@dataclass
class Command:
    """A command that runs, or has run."""

    _process: multiprocessing.Process
    _out: Path
    _err: Path

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """`kill -9` of the command; what it has started ends later, in `wait`."""
        self._process.kill()

    def join(self) -> None:
        """Waits for the command alone, and leaves what it has started."""
        self._process.join()

    def wait(self) -> subprocess.CompletedProcess[str]:
        self._process.join()
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # a build that a killed command has left would still import
        done = subprocess.CompletedProcess(
            "rollcall", self._process.exitcode, self._out.read_text("utf-8"), self._err.read_text("utf-8")
        )
        shutil.rmtree(self._out.parent)
        return done


def start(arguments: tuple[str, ...], environment: dict[str, str], cwd: Path, before: str = "") -> Command:
    """Starts a command; `before` is Python that its process runs first."""
    folder = Path(tempfile.mkdtemp(prefix="rollcall-command-"))
    out, err = folder / "out", folder / "err"
    process = _SERVER.Process(target=_become, args=(arguments, environment, cwd, before, out, err), daemon=True)
    process.start()
    return Command(process, out, err)
