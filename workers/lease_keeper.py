"""Renews the leases of all jobs and trainings of a worker from one thread."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from imaging.errors import Unavailable
from jobs.settings import Settings
from workers.lease import Lease, LeaseStore
from workers.shutdown import Shutdown

log = logging.getLogger(__name__)

_BEAT_S = 0.25
"""Seconds between two heartbeats: progress is written at most this often, and a cancelled job is
noticed at least this often."""


class LeaseKeeper:
    """Renews leases, stores progress, and cancels the runs of lost jobs and trainings.

    A job is lost when it was cancelled, or when this worker was silent for so long that the lease
    expired and the job went back to the queue; so is a training.

    Once the worker shuts down, no attempt is counted: a supervisor may kill the worker before its
    jobs have ended or have gone back to the queue.

    The thread starts with the first lease.
    """

    def __init__(self, settings: Settings, shutdown: Shutdown) -> None:
        self._lease_s, self._shutdown = settings.lease_s, shutdown
        self._beat_s = min(_BEAT_S, settings.lease_s / 4)
        self._changed = threading.Condition()
        self._kept: list[Lease[Any]] = []
        self._unavailable = False
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def hangs(self) -> bool:
        """Whether a job or training makes no progress, with no outage to wait for."""
        return not self._unavailable and any(lease.is_late for lease in self._leased())

    @contextmanager
    def keeping(self, lease: Lease[Any]) -> Iterator[None]:
        """A context in which the lease is renewed, until its job is lost or `leave` is called."""
        with self._changed:
            self._kept.append(lease)
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            self.leave(lease)

    def leave(self, lease: Lease[Any]) -> None:
        """The lease is not renewed any more, and its run not cancelled."""
        with self._changed:
            if lease in self._kept:
                self._kept.remove(lease)

    def close(self) -> None:
        """Ends the thread."""
        with self._changed:
            self._over.set()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _leased(self) -> Sequence[Lease[Any]]:
        with self._changed:
            return tuple(self._kept)

    def _run(self) -> None:
        while not self._over.wait(self._beat_s):
            with self._changed:
                self._changed.wait_for(lambda: self._kept or self._over.is_set())
            if leased := self._leased():  # all may have ended meanwhile
                self._beat(leased)

    def _beat(self, leased: Sequence[Lease[Any]]) -> None:
        try:
            self._renew(leased)
        except Unavailable as error:
            if not self._unavailable:  # logged once, not four times a second
                log.warning("leases cannot be renewed: %s", error)
            self._unavailable = True
        except Exception:  # ending the thread would lose jobs that run well
            log.exception("an error in the heartbeat of the jobs")
        else:
            self._unavailable = False

    def _renew(self, leased: Sequence[Lease[Any]]) -> None:
        """Jobs in one transaction, then trainings in one."""
        for store in dict.fromkeys(lease.store for lease in leased):
            self._renew_in(store, [lease for lease in leased if lease.store is store])

    def _renew_in(self, store: LeaseStore[Any], leased: Sequence[Lease[Any]]) -> None:
        if self._shutdown.requested:
            store.uncount([lease.held for lease in leased])
        due = {lease: lease.progress for lease in leased if lease.is_due()}
        if due:
            store.renew({lease.held: its for lease, its in due.items()}, self._lease_s)
        for lease, written in due.items():
            lease.renewed(written)
        held = store.still_held([lease.held for lease in leased])
        self._lose([lease for lease in leased if lease.held not in held])

    def _lose(self, lost: Sequence[Lease[Any]]) -> None:
        """Those that have not ended meanwhile."""
        with self._changed:
            for lease in lost:
                if lease in self._kept:
                    self._kept.remove(lease)
                    lease.lose()
