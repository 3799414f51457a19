"""A worker's lease on its job, renewed by a heartbeat thread during the computation."""

import logging
import math
import threading
import time
from dataclasses import replace
from types import TracebackType
from typing import Self

from imaging.errors import JobLost, Part, Unavailable
from inference.cancellation import CancelToken
from jobs.job import Job, Progress
from jobs.repository import Leases
from jobs.settings import Settings
from workers.shutdown import Shutdown

log = logging.getLogger(__name__)

_BEAT_S = 0.25
"""Seconds between two heartbeats: progress is written at most this often, and a cancelled job is
noticed at least this often."""


class Lease:
    """A context in which the lease is renewed; cancels the run once the job is lost.

    A job is lost when it was cancelled, or when this worker was silent for so long that the lease
    expired and the job went back to the queue. If no tile finishes within `tile_timeout_s` the
    lease is no longer renewed, so that another worker may try.

    Once the worker shuts down, the attempt is not counted: a supervisor may kill the worker
    before the job has ended or has gone back to the queue.
    """

    def __init__(
        self,
        leases: Leases,
        job: Job,
        settings: Settings,
        token: CancelToken,
        shutdown: Shutdown,
    ) -> None:
        self._leases = leases
        self._shutdown = shutdown
        self._job = job
        self._settings = settings
        self._token = token
        self._progress = Progress()
        self._written = Progress()
        self._tile_done_at = time.monotonic()
        self._renewed_at = -math.inf  # renewed at the first heartbeat
        self._began_at = self._tile_done_at
        self._stalled = False
        self._unavailable = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._stop_heartbeat()

    @property
    def seconds(self) -> float:
        """Seconds since the job's own work began; before that, since it was claimed."""
        return time.monotonic() - self._began_at

    @property
    def tiles(self) -> int:
        """How many tiles the job has, as far as reported."""
        return self._progress.tiles_total

    def begin(self) -> None:
        """Counts the attempt; raises JobLost if the job is no longer this worker's."""
        self._began_at = self._tile_done_at = time.monotonic()
        if not self._leases.begin(self._job.id, self._job.fence):
            raise JobLost("The job was lost before its own work began.")

    @property
    def hangs(self) -> bool:
        """Whether no tile has finished for `tile_timeout_s`, with no outage to wait for."""
        waits = self._unavailable or self._over.is_set()
        return not waits and self._is_late(time.monotonic())

    def on_tile(self, done: int, total: int) -> None:
        """Reports that `done` of `total` tiles are finished."""
        self._report(Progress(done, total))

    def on_preparing(self, preparing: bool) -> None:
        """Reports whether the job waits for its network to be ready."""
        self._report(Progress(preparing=preparing))

    def on_waiting(self, part: Part) -> None:
        """Reports that the job waits for an unavailable part."""
        self._report(replace(self._progress, waiting_for=part))

    def _report(self, progress: Progress) -> None:
        self._progress, self._tile_done_at = progress, time.monotonic()

    def end(self) -> bool:
        """Ends the heartbeat; False if it has found that the job is no longer this worker's."""
        self._stop_heartbeat()
        return not self._token.cancelled

    def _stop_heartbeat(self) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(min(_BEAT_S, self._settings.lease_s / 4)):
            try:
                held = self._keep()
            except Unavailable as error:
                if not self._unavailable:  # logged once, not four times a second
                    log.warning("job %s: %s", self._job.id, error)
                self._unavailable = True
                continue
            except Exception:  # ending the heartbeat would lose a job that runs well
                log.exception("job %s: an error in its heartbeat", self._job.id)
                continue
            if not held:
                log.warning("job %s: lost; its run is cancelled", self._job.id)
                self._token.cancel()
                return

    def _keep(self) -> bool:
        """One heartbeat: whether the job is still this worker's."""
        if self._shutdown.requested:
            self._leases.uncount(self._job.id, self._job.fence)
        held = self._renew() if self._due() else self._holds()
        self._unavailable = False
        return held

    def _due(self) -> bool:
        now = time.monotonic()
        if self._is_late(now):
            if not self._stalled:
                log.error("job %s: no tile for %g s", self._job.id, self._settings.tile_timeout_s)
            self._stalled = True
            return False
        late = now - self._renewed_at > self._settings.lease_s / 3
        return late or self._progress != self._written

    def _is_late(self, now: float) -> bool:
        return now - self._tile_done_at > self._settings.tile_timeout_s

    def _renew(self) -> bool:
        progress = self._progress
        held = self._leases.renew(self._job.id, self._job.fence, self._settings.lease_s, progress)
        self._written, self._renewed_at = progress, time.monotonic()
        return held

    def _holds(self) -> bool:
        return self._leases.holds(self._job.id, self._job.fence)
