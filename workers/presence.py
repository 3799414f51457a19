"""A worker announces itself in the database, so that others know what it can serve."""

import logging
import threading
import time
from dataclasses import replace
from importlib.metadata import version
from types import TracebackType
from typing import Self

from imaging.errors import TesseraError
from jobs.announced_worker import AnnouncedWorker, WorkerState
from jobs.repository import Workers, known_revisions
from workers.breaker import Breaker
from workers.shutdown import Shutdown

log = logging.getLogger(__name__)

_LOOK_S = 0.5
"""Seconds between two looks at the worker's own state, whose change is announced at once."""
_BEAT_S = 5.0
"""Seconds between two announcements of the same state."""


class Presence:
    """A context in which the worker is announced, from a thread of its own.

    A database that is unavailable does no harm: the next announcement follows soon.
    """

    def __init__(
        self,
        workers: Workers,
        name: str,
        queues: tuple[str, ...],
        shutdown: Shutdown,
        breaker: Breaker,
        *,
        trains: bool = False,
    ) -> None:
        """`trains`: the worker runs trainings, too."""
        self._workers, self._shutdown, self._breaker = workers, shutdown, breaker
        self._worker = AnnouncedWorker(
            name,
            queues,
            version("tessera-seg"),
            WorkerState.STARTING,
            time.time(),
            revision=known_revisions()[0],
            trains=trains,
        )
        self._ready = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        try:
            self._workers.remove(self._worker.name)
        except TesseraError as error:
            log.warning("worker %s: still announced: %s", self._worker.name, error)

    def ready(self) -> None:
        """The worker takes jobs from now on."""
        self._ready = True

    def _run(self) -> None:
        announced: AnnouncedWorker | None = None
        announced_at = 0.0
        while True:
            worker, now = self._now(), time.monotonic()
            if worker != announced or now - announced_at > _BEAT_S:
                announced = worker if self._announce(worker) else None
                announced_at = now
            if self._over.wait(_LOOK_S):
                return

    def _now(self) -> AnnouncedWorker:
        return replace(self._worker, state=self._state(), waiting_for=self._breaker.waiting_for)

    def _state(self) -> WorkerState:
        if self._shutdown.requested:
            return WorkerState.DRAINING
        return WorkerState.READY if self._ready else WorkerState.STARTING

    def _announce(self, worker: AnnouncedWorker) -> bool:
        try:
            self._workers.announce(worker)
        except TesseraError as error:
            log.debug("worker %s: not announced: %s", self._worker.name, error)
            return False
        except Exception:  # the worker itself can go on
            log.exception("worker %s: an error when it announced itself", self._worker.name)
            return False
        return True
