"""The audit writer: appends the events of one gateway to the trail, many in one transaction.

    requests, associations, tasks ──> queue ──> one thread ──> Audit.append

Events that somebody waits for are written at once, and those before them with them; the others
within half a second.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from imaging.errors import TesseraError
from jobs import problem
from jobs.audit.event import AuditAction, AuditEvent, AuditObject, AuditOutcome
from jobs.audit.signing import Checkpoint, Signer

logger = logging.getLogger("tessera.audit")

FLUSH_S = 0.5
"""How long an event waits for others."""
RETRY_S = 1.0
"""Pause after the database could not store events."""
IDLE_S = 3600.0
"""A trail without new events gets its checkpoint after this time."""
MOST_WAITING = 50_000
"""Events that wait while the database is unavailable; further ones are counted, and lost."""
_AT_ONCE = 1000


class Trail(Protocol):
    """Where events are appended; `jobs.repository.Audit`."""

    def append(self, events: Sequence[AuditEvent], signer: Signer) -> Checkpoint | None:
        """Stores events; returns the checkpoint that was due."""

    def checkpoint(self, signer: Signer) -> Checkpoint | None:
        """Stores a checkpoint, if there are events after the last one."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    event: AuditEvent
    written: "Future[bool] | None"
    """Set to whether the event is stored; None: nobody waits for it."""


class AuditWriter:
    """A thread that appends events; `add` may be called from any thread."""

    def __init__(self, trail: Trail, signer: Signer) -> None:
        self._trail, self._signer = trail, signer
        self._changed = threading.Condition()
        self._queue: list[_Waiting] = []
        self._urgent = self._stopping = False
        self._lost = 0
        self._fails = False
        self._thread = threading.Thread(target=self._run, name="audit-writer", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Writes what waits, and a checkpoint, then ends the thread.

        If the database is unavailable, it tries once more and gives up.
        """
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def add(self, events: Sequence[AuditEvent]) -> None:
        """Appends events within half a second."""
        with self._changed:
            was_empty = not self._queue
            self._put(_Waiting(event, None) for event in events)
            if was_empty:
                self._changed.notify()

    def write(self, events: Sequence[AuditEvent]) -> "Future[bool]":
        """Appends events at once. The result is True when they are stored; False if the database is
        unavailable now, and they are tried again later."""
        written: Future[bool] = Future()
        *others, last = events
        with self._changed:
            self._put([*(_Waiting(event, None) for event in others), _Waiting(last, written)])
            self._urgent = True
            self._changed.notify()
        return written

    def _put(self, entries: Iterable[_Waiting]) -> None:
        for entry in entries:
            if len(self._queue) < MOST_WAITING:
                self._queue.append(entry)
                continue
            self._lost += 1
            _resolve([entry], stored=False)

    def _run(self) -> None:
        while True:
            entries, lost, stops = self._take()
            stored = self._append(entries, lost)
            if stops:
                if stored:
                    self._checkpoint()
                return
            if not stored:
                time.sleep(RETRY_S)
            elif not entries:
                self._checkpoint()

    def _take(self) -> tuple[list[_Waiting], int, bool]:
        """Waits for events, and a moment for more of them."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._stopping, IDLE_S)
            self._changed.wait_for(lambda: self._urgent or self._stopping, FLUSH_S)
            size = len(self._queue) if self._stopping else _AT_ONCE
            entries, self._queue = self._queue[:size], self._queue[size:]
            self._urgent = any(entry.written for entry in self._queue)
            lost, self._lost = self._lost, 0
            return entries, lost, self._stopping

    def _append(self, entries: list[_Waiting], lost: int) -> bool:
        """Whether all is stored. If not, it goes back to the front of the queue."""
        events = [*([_gap(lost)] if lost else []), *(entry.event for entry in entries)]
        if not events or self._writes(lambda: self._trail.append(events, self._signer)):
            _resolve(entries, stored=True)
            return True
        _resolve(entries, stored=False)
        with self._changed:
            self._lost += lost
            self._queue = [_Waiting(entry.event, None) for entry in entries] + self._queue
        return False

    def _checkpoint(self) -> None:
        self._writes(lambda: self._trail.checkpoint(self._signer))

    def _writes(self, step: Callable[[], Checkpoint | None]) -> bool:
        """Whether the step succeeded. A checkpoint is logged: a log that is kept on another host
        is proof that these events existed."""
        try:
            checkpoint = step()
        except TesseraError as error:
            self._report(f"The audit trail cannot be written: {error.detail}")
            return False
        except Exception as error:  # noqa: BLE001 - the thread must go on
            error_id = problem.logged(error, logger)
            self._report(f"The audit trail cannot be written; see error {error_id}.")
            return False
        self._report("")
        if checkpoint is not None:
            logger.info("Checkpoint of the audit trail: %s", checkpoint)
        return True

    def _report(self, fault: str) -> None:
        """Logs a fault when it begins, and when it is over."""
        if fault and not self._fails:
            logger.error("%s", fault)
        elif self._fails and not fault:
            logger.warning("The audit trail is written again.")
        self._fails = bool(fault)


def _resolve(entries: Sequence[_Waiting], *, stored: bool) -> None:
    for entry in entries:
        if entry.written is not None:
            with suppress(InvalidStateError):  # the request that waited has ended
                entry.written.set_result(stored)


def _gap(lost: int) -> AuditEvent:
    return AuditEvent(
        time_ms=int(time.time() * 1000),
        action=AuditAction.GAP,
        principal="audit writer",
        project="",
        outcome=AuditOutcome.FAILED,
        object_kind=AuditObject.LOST_EVENTS,
        object_id=str(lost),
    )
