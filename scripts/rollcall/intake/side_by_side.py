"""Deliveries of several districts, taken side by side: `python -m rollcall.intake.side_by_side` is one worker.

Districts know nothing of each other, so each delivery is taken by whoever is free, this process or a worker, and those of one
district one after the other. A worker that starts pays for the import of Great Expectations, so a few deliveries are taken here alone.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from threading import Lock

import duckdb

from rollcall import logs
from rollcall.errors import RollcallError, is_of_the_disk
from rollcall.intake import lake, take
from rollcall.intake.landing import Delivery
from rollcall.intake.take import Decision, Outcome
from rollcall.settings import Settings

_FEW = 12  # deliveries for which no worker is worth its start
# Bytes of a delivery that one thread of DuckDB is enough for, where as many processes as cores are at work.
_SMALL = 4 * 2**20


@dataclass
class Taken:
    """What became of a delivery: its outcome; or why it was left, be it by a mistake of Rollcall's; or what stops all the others."""

    delivery: Delivery
    outcome: Outcome | None = None
    left: str = ""
    is_own_mistake: bool = False
    stops_all: BaseException | None = None


def _nothing(_: Delivery) -> None:
    pass


@dataclass(frozen=True)
class Intake:
    """How deliveries are taken.

    `held_open` is the lock of the refresh, which a worker keeps until it has ended. `begins` is called before each. `threads` are
    DuckDB's for a small delivery: all cores, if not given, as for a large one.
    """

    settings: Settings
    is_backfill: bool
    released: Mapping[Path, Decision]
    held_open: int | None = None
    begins: Callable[[Delivery], None] = field(default=_nothing)
    threads: int | None = None

    def one(self, delivery: Delivery) -> Taken:
        """Takes a delivery. What only concerns it is noted, so that the next one follows."""
        try:
            settings = self.settings
            if self.threads and delivery.path.stat().st_size < _SMALL:
                settings = settings.model_copy(update={"threads": self.threads})
            return Taken(
                delivery, take.take(delivery, settings, self.is_backfill, released=self.released.get(delivery.path))
            )
        except take.Changed as changed:
            return Taken(delivery, left=str(changed))
        except RollcallError as error:
            return Taken(delivery, stops_all=error)
        except Exception as error:
            if is_of_everyone(error, self.settings):
                return Taken(delivery, stops_all=error)
            logs.failure_of_data("a delivery could not be put away", error, file=delivery.name)
            why = f"{delivery.name}: it could not be put away ({type(error).__name__}); it stays where it is"
            return Taken(delivery, left=why, is_own_mistake=not isinstance(error, OSError))

    def workers(self, deliveries: list[Delivery]) -> int:
        """How many processes take these deliveries: one for each core and district; 1, this process, for a few or those of one district."""
        districts = {delivery.district.district_id for delivery in deliveries}
        workers = min(self.settings.intake_processes or os.cpu_count() or 1, len(districts))
        return workers if workers > 1 and len(deliveries) >= _FEW else 1

    def all(self, deliveries: list[Delivery]) -> Generator[Taken]:
        """Takes deliveries, those of one district in their order; each is handed on when it is done."""
        workers = self.workers(deliveries)
        if workers == 1:
            for delivery in deliveries:
                self.begins(delivery)
                yield self.one(delivery)
            return
        of_district: dict[str, list[Delivery]] = {}
        for delivery in deliveries:
            of_district.setdefault(delivery.district.district_id, []).append(delivery)
        yield from self._side_by_side(list(of_district.values()), workers)

    def _share(self, workers: int) -> Intake:
        """The intake of one among several, with its share of the memory and of the cores."""
        settings = self.settings.model_copy(
            update={"memory_limit": _part(self.settings.memory_limit, workers), "intake_processes": 1}
        )
        threads = settings.threads or max(1, (os.cpu_count() or 1) // workers)
        return replace(self, settings=settings, begins=_nothing, threads=threads)

    def _side_by_side(self, districts: list[list[Delivery]], workers: int) -> Generator[Taken]:
        with ExitStack() as started:
            idle: SimpleQueue[_Here | _Worker] = SimpleQueue()
            share = self._share(workers)
            for _ in range(workers - 1):
                idle.put(started.enter_context(_Worker(share)))
            # This process last: should the largest delivery end the process that takes it, this one is there to say so.
            idle.put(started.enter_context(_Here(share)))
            threads = started.enter_context(ThreadPoolExecutor(workers))
            # The largest district first, so that none is left to wait for at the end.
            waiting = sorted(districts, key=lambda ones: sum(each.path.stat().st_size for each in ones))
            running: dict[Future[Taken], tuple[_Here | _Worker, list[Delivery]]] = {}
            stops_all: Taken | None = None
            while waiting or running:
                while waiting and not idle.empty():
                    worker, queue = idle.get(), waiting.pop()
                    self.begins(queue[0])
                    running[threads.submit(worker.take, queue[0])] = worker, queue[1:]
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    worker, queue = running.pop(done)
                    idle.put(worker)
                    taken = done.result()
                    if taken.stops_all:
                        stops_all, waiting = taken, []  # what the others are at is still handed on
                        continue
                    if queue and not stops_all:
                        waiting.append(queue)
                    yield taken
            if stops_all:
                yield stops_all


def is_of_everyone(error: Exception, settings: Settings) -> bool:
    """Whether what one file raised would stop the others as well: the disk, the memory, a lake that is damaged."""
    if isinstance(error, duckdb.Error):
        try:
            lake.must_be_whole(settings)
        except lake.Damaged:
            return True
    return is_of_the_disk(error) or isinstance(error, MemoryError)


class _Here:
    """The process that this runs in, the command's or a worker's, taking one delivery after the other."""

    def __init__(self, intake: Intake):
        self._intake = intake
        self._busy = Lock()

    def __enter__(self) -> _Here:
        return self

    def __exit__(self, *_) -> None:
        self._busy.acquire()  # whoever interrupts twice waits for the delivery at hand, as for that of a worker

    def take(self, delivery: Delivery) -> Taken:
        with self._busy:
            taken = self._intake.one(delivery)
        if taken.outcome:
            taken.outcome.report.judgement = None  # it is written already, and nobody asks for it any more
        return taken


class _Worker:
    """A process of its own that does the same, as the command sees it."""

    def __init__(self, intake: Intake):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "rollcall.intake.side_by_side"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            # Were this process killed, no other refresh may begin before the worker has ended, too.
            pass_fds=[intake.held_open] if intake.held_open is not None else [],
        )  # fmt: skip
        self._send(intake)

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *_) -> None:
        with suppress(BrokenPipeError):  # it has ended already
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _send(self, what: object) -> None:
        pickle.dump(what, self._process.stdin)
        self._process.stdin.flush()

    def take(self, delivery: Delivery) -> Taken:
        try:
            self._send(delivery)
            return pickle.load(self._process.stdout)
        except (BrokenPipeError, EOFError):
            what = f"the process that was taking {delivery.name} ended (exit code {self._process.wait()})"
            fix = "If it happens again, the machine may be short of memory: set ROLLCALL_INTAKE_PROCESSES to 1, or ROLLCALL_MEMORY_LIMIT lower"
            return Taken(
                delivery, stops_all=RollcallError(f"{what}. Nothing was published, and nothing is lost. {fix}")
            )


def _part(limit: str, workers: int) -> str:
    """A part of a limit such as 3GB."""
    number = limit.rstrip("BKMGTibkmgt %")
    return f"{float(number) / workers:.3f}{limit[len(number) :]}"


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command hears it, and lets this end after the delivery at hand
    answers, sys.stdout = sys.stdout.buffer, sys.stderr  # a library that prints must not garble the answers
    intake: Intake = pickle.load(sys.stdin.buffer)
    here = _Here(intake)
    logs.to_file(intake.settings, is_turned_over=False)
    while True:
        try:
            delivery = pickle.load(sys.stdin.buffer)
        except EOFError:
            os._exit(0)  # DuckDB would say on the way out what it has not tidied up
        pickle.dump(here.take(delivery), answers)
        answers.flush()


if __name__ == "__main__":
    main()
