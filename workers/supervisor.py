"""The parent of a worker's process: it starts the process, watches it, and returns its jobs.

tessera worker ── fork ──> worker: claims and runs jobs
      │                       │ ends: told to, crashed, killed, out of memory
      │<──────────────────────┘
      ├── fork ──> returns the jobs of that worker in the database, ends
      └── fork ──> worker, after a pause

A lost lease says only that a worker is silent. The parent knows how it ended, so that a job is
charged for a crash, and not for a kill. It forks before anything large is imported.
"""

import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING
from uuid import uuid4

from imaging.errors import Unavailable
from jobs.parent_death import signal_on_parent_death
from jobs.restart_schedule import RestartSchedule
from jobs.settings import Settings
from jobs.signal_handlers import handling_signals
from workers.memory_kills import memory_kills
from workers.worker_end import WorkerEnd

if TYPE_CHECKING:  # what it imports is large
    from jobs.repository import Repository, Work

log = logging.getLogger(__name__)

_POLL_S = 0.1
_RETRY_S = 1.0
_STOPS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """A started worker, as its parent and it itself know it."""

    name: str
    """Stands in the rows of its jobs."""
    pipe: int
    """File descriptor by which it reports that it is ready."""

    def report_ready(self) -> None:
        """Called by the worker when it first waits for jobs."""
        os.write(self.pipe, b"1")

    def was_ready(self) -> bool:
        """Called by the parent when the worker has ended."""
        return os.read(self.pipe, 1) != b""


class Supervisor:
    """Keeps one worker running until SIGTERM or SIGINT."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._restarts = RestartSchedule("worker")
        self._child: int | None = None
        self._signals = 0

    def start(self) -> WorkerProcess:
        """Forks the worker and returns in it; the parent exits when it was told to stop.

        The parent exits with the worker's status, too, if that ends with an error before it was
        ready: its settings or its installation are wrong.
        """
        log.info("supervisor: process %d", os.getpid())
        with handling_signals(self._forward, *_STOPS):
            while True:
                kills = memory_kills()
                worker = self._fork_worker()
                if self._child is None:
                    break  # this is the worker; leaving the context resets the signals
                status, told = self._wait(), self._signals > 0
                end = WorkerEnd(status, memory_kills() > kills)
                ready = worker.was_ready()
                os.close(worker.pipe)
                self._settle(worker.name, end)
                if (told and not end.on_purpose) or (end.status > 0 and not ready):
                    sys.exit(end.status if end.status >= 0 else 128 - end.status)
                if not self._restart_due(end):
                    sys.exit(0)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
        return worker

    def _fork_worker(self) -> WorkerProcess:
        """The new worker: `self._child` is None in it."""
        token = uuid4().hex[:8]
        reader, writer = os.pipe()
        self._fork(signal.SIGTERM)  # it gives its job back if the parent dies
        here = self._child is None
        os.close(reader if here else writer)
        pid = os.getpid() if here else self._child
        name = f"{socket.gethostname()}:{pid}:{token}"
        return WorkerProcess(name, writer if here else reader)

    def _fork(self, on_parent_death: signal.Signals) -> None:
        """Sets `self._child`, with the signals blocked, which stay so in the child."""
        request_signal = signal_on_parent_death(on_parent_death)
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
        self._child = os.fork() or None
        if self._child is None:
            request_signal()
        else:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)

    def _wait(self) -> int:
        _, status = os.waitpid(self._child or -1, 0)
        self._child = None
        return os.waitstatus_to_exitcode(status)

    def _forward(self, _number: int, _frame: FrameType | None) -> None:
        """The first signal lets the worker end its job, the second does not."""
        self._signals += 1
        if self._child is not None:
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(self._child, signal.SIGTERM if self._signals == 1 else signal.SIGQUIT)

    def _settle(self, worker: str, end: WorkerEnd) -> None:
        """Returns the jobs of a worker that has ended, in a process that ends, too: what it
        imports is large."""
        if end.status == 0:  # it has returned them itself
            return
        log.warning("worker %s: ended with %s", worker, end.name)
        self._fork(signal.SIGKILL)
        if self._child is None:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
            _in_child(lambda: _return_jobs(self._settings, worker, end, lambda: self._signals > 0))
        self._wait()

    def _restart_due(self, end: WorkerEnd) -> bool:
        """Waits until the worker is to be started again; False where it is not."""
        while not self._signals:
            if self._restarts.due(end.status):
                return True
            time.sleep(_POLL_S)
        return False


def _in_child(work: Callable[[], None]) -> None:
    """Does the work and ends the process, without what the parent does at its end."""
    try:
        work()
    except Exception:
        log.exception("the jobs of a worker that has ended were not returned")
    os._exit(0)


def _return_jobs(
    settings: Settings, worker: str, end: WorkerEnd, gives_up: Callable[[], bool]
) -> None:
    """Waits for a database that is unavailable until `gives_up` says so."""
    from jobs.repository import Repository

    repository = Repository(settings.database, settings.database_timeout_s)
    while True:
        try:
            returned = _returned(repository, worker, end, settings.max_attempts)
            repository.workers.remove(worker)
            break
        except Unavailable as error:
            log.warning("waiting for the database: %s", error)
            if gives_up():
                return
            time.sleep(_RETRY_S)
    for kind, work in returned:
        log.warning(
            "%s %s: its worker ended with %s; it is %s", kind, work.id, end.name, work.state
        )


def _returned(
    repository: "Repository", worker: str, end: WorkerEnd, attempts: int
) -> "list[tuple[str, Work]]":
    """The jobs and trainings of the worker, each with its kind.

    A training runs in a process of its own: it is no reason for its worker to crash, except by the
    memory that it uses.
    """
    returned: list[tuple[str, Work]] = []
    for lost in (repository.lost_jobs, repository.lost_trainings):
        innocent = lost is repository.lost_trainings and not end.out_of_memory
        if end.on_purpose or innocent:
            works = lost.released_by(worker)
        else:
            works = lost.lost_with(worker, end.problem, attempts)
        returned += [(lost.kind, work) for work in works]
    return returned
