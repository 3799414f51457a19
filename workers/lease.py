"""A worker's lease on one of its jobs: how far the job is, and when the lease has to be renewed."""

import logging
import time
from dataclasses import replace

from imaging.errors import Part
from inference.cancellation import CancelToken
from jobs.job import Job, Progress
from jobs.repository import Held
from jobs.settings import Settings

log = logging.getLogger(__name__)


class Lease:
    """What a `LeaseKeeper` renews.

    If no tile finishes within `tile_timeout_s`, the lease is no longer renewed, so that another
    worker may try.
    """

    def __init__(self, job: Job, settings: Settings, token: CancelToken) -> None:
        """Of a job that was claimed just now; `token` cancels its run."""
        self.job, self._token = job, token
        self._lease_s, self._tile_timeout_s = settings.lease_s, settings.tile_timeout_s
        self._began_at = self._tile_done_at = self._renewed_at = time.monotonic()
        self._progress = self._written = Progress()
        self._stalled = False

    @property
    def held(self) -> Held:
        """The job as the database knows its holder."""
        return Held(self.job.id, self.job.fence)

    @property
    def seconds(self) -> float:
        """Seconds since the job's own work began; before that, since it was claimed."""
        return time.monotonic() - self._began_at

    @property
    def progress(self) -> Progress:
        """As last reported."""
        return self._progress

    @property
    def is_late(self) -> bool:
        """Whether no tile has finished for `tile_timeout_s`."""
        return time.monotonic() - self._tile_done_at > self._tile_timeout_s

    @property
    def is_lost(self) -> bool:
        """Whether the run was cancelled: the job is another's, or the worker ends."""
        return self._token.cancelled

    def begin(self) -> None:
        """The job's own work begins."""
        self._began_at = self._tile_done_at = time.monotonic()

    def on_tile(self, done: int, total: int) -> None:
        """`done` of `total` tiles are finished."""
        self._report(Progress(done, total))

    def on_preparing(self, preparing: bool) -> None:
        """Whether the job waits for its network to be ready."""
        self._report(Progress(preparing=preparing))

    def on_waiting(self, part: Part) -> None:
        """The job waits for an unavailable part."""
        self._report(replace(self._progress, waiting_for=part))

    def is_due(self) -> bool:
        """Whether the lease has to be renewed; False once no tile finishes any more."""
        if self.is_late:
            if not self._stalled:
                log.error("job %s: no tile for %g s", self.job.id, self._tile_timeout_s)
            self._stalled = True
            return False
        old = time.monotonic() - self._renewed_at > self._lease_s / 3
        return old or self._progress != self._written

    def renewed(self, written: Progress) -> None:
        """The lease was renewed with this progress."""
        self._written, self._renewed_at = written, time.monotonic()

    def lose(self) -> None:
        """Cancels the run: the job is no longer this worker's."""
        log.warning("job %s: lost; its run is cancelled", self.job.id)
        self._token.cancel()

    def _report(self, progress: Progress) -> None:
        self._progress, self._tile_done_at = progress, time.monotonic()
