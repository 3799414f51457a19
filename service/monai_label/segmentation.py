"""The mask of a model on a scan: the existing one, or that of a new job, waited for."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from anyio.to_thread import run_sync

from imaging.errors import Conflict, Unavailable
from jobs.job import Job, JobState, Options
from jobs.repository import Jobs
from jobs.stored_scan import StoredScan
from models.any_card import AnyCard
from service.use_cases.job_status import JobStatuses
from service.use_cases.job_watcher import JobWatcher
from service.use_cases.orders import JobOrder, Orders

PRIORITY = 9
"""The highest: somebody waits in front of a viewer."""
_POLL_S = 0.2
"""Seconds between two looks whether the client is still there."""


@dataclass(frozen=True, slots=True)
class Segmentations:
    """Finds or orders jobs and waits for them."""

    jobs: Jobs
    orders: Orders
    statuses: JobStatuses
    watcher: JobWatcher
    wait_s: float

    async def finished(
        self, scan: StoredScan, card: AnyCard, disconnected: Callable[[], Awaitable[bool]]
    ) -> Job:
        """The job once it is final.

        If the client disconnects the job goes on, and the next request finds its mask. Raises
        Unavailable after `wait_s`, and what `Orders.place` raises.
        """
        job = await run_sync(self._job, scan, card)
        if job.state.final:
            return job
        until = monotonic() + self.wait_s
        with self.watcher.following(await run_sync(self.statuses.of, job)) as follower:
            while not follower.status.job.state.final:
                if follower.ended or monotonic() > until or await disconnected():
                    raise Unavailable(
                        f"The mask is not ready yet: the job is {follower.status.job.state}.",
                        expected=f"A job that finishes within {self.wait_s:g} s.",
                        hint="Send the request again later: the job goes on, and its mask is kept.",
                    )
                with suppress(TimeoutError):
                    await asyncio.wait_for(follower.wait(), _POLL_S)
            return follower.status.job

    def _job(self, scan: StoredScan, card: AnyCard) -> Job:
        """A job of exactly this network on this scan: finished, under way, or new."""
        for job in self.jobs.succeeded_on(scan.project, scan.id):
            if (job.model, job.model_sha256, job.options) == (
                card.full_name,
                card.checksum,
                Options(),
            ):
                return job
        order = JobOrder(card.full_name, scan.id, priority=PRIORITY)
        placed = self.orders.place(scan.project, order, f"monai-label {scan.id} {card.checksum}")
        job = placed.job
        if not placed.created and job.state in (JobState.FAILED, JobState.CANCELLED):
            job = self._retried(job)
        if job.state is JobState.QUEUED:
            self.orders.dispatch([job])
        return job

    def _retried(self, job: Job) -> Job:
        try:
            return self.jobs.retry(job.project, job.id)
        except Conflict:  # another client retried it a moment ago
            return self.jobs.get(job.project, job.id)
