"""A worker's lease on its work, such as a job: how far it is, and when the lease has to be
renewed."""

import logging
import time
from collections.abc import Collection, Mapping
from typing import Any, Generic, Protocol, TypeVar

from inference.cancellation import CancelToken
from jobs.repository import Held
from jobs.settings import Settings

log = logging.getLogger(__name__)

P = TypeVar("P")
"""The progress of one kind of work."""
P_contra = TypeVar("P_contra", contravariant=True)


class LeaseStore(Protocol[P_contra]):
    """Where the leases of one kind of work are stored: `Leases` or `TrainingLeases`."""

    def uncount(self, those: Collection[Held]) -> None:
        """The worker shuts down: these are no attempts."""

    def renew(self, progress: Mapping[Held, P_contra], lease_s: float) -> None:
        """Extends these leases and stores the progress."""

    def still_held(self, those: Collection[Held]) -> set[Held]:
        """Those that the worker has not lost."""


class Lease(Generic[P]):
    """What a `LeaseKeeper` renews.

    If the work reports no progress within `tile_timeout_s`, the lease is no longer renewed, so that
    another worker may try.
    """

    def __init__(
        self,
        title: str,
        held: Held,
        store: LeaseStore[P],
        settings: Settings,
        token: CancelToken,
        progress: P,
    ) -> None:
        """Of work that was claimed just now; `title` names it in log lines, `token` cancels it."""
        self.held, self.store = held, store
        self._title, self._token = title, token
        self._lease_s, self._timeout_s = settings.lease_s, settings.tile_timeout_s
        self._began_at = self._reported_at = self._renewed_at = time.monotonic()
        self._progress = self._written = progress
        self._stalled = False

    @property
    def seconds(self) -> float:
        """Seconds since the work itself began; before that, since it was claimed."""
        return time.monotonic() - self._began_at

    @property
    def progress(self) -> P:
        """As last reported."""
        return self._progress

    @property
    def is_late(self) -> bool:
        """Whether no progress was reported for `tile_timeout_s`."""
        return time.monotonic() - self._reported_at > self._timeout_s

    @property
    def is_lost(self) -> bool:
        """Whether the run was cancelled: the work is another's, or the worker ends."""
        return self._token.cancelled

    def begin(self) -> None:
        """The work itself begins."""
        self._began_at = self._reported_at = time.monotonic()

    def report(self, progress: P) -> None:
        """The work is so far."""
        self._progress, self._reported_at = progress, time.monotonic()

    def is_due(self) -> bool:
        """Whether the lease has to be renewed; False once no progress is reported any more."""
        if self.is_late:
            if not self._stalled:
                log.error("%s: no progress for %g s", self._title, self._timeout_s)
            self._stalled = True
            return False
        old = time.monotonic() - self._renewed_at > self._lease_s / 3
        return old or self._progress != self._written

    def renewed(self, written: Any) -> None:
        """The lease was renewed with this progress."""
        self._written, self._renewed_at = written, time.monotonic()

    def lose(self) -> None:
        """Cancels the run: the work is no longer this worker's."""
        log.warning("%s: lost; its run is cancelled", self._title)
        self._token.cancel()
