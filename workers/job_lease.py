"""A worker's lease on one of its jobs."""

from dataclasses import replace

from imaging.errors import Part
from inference.cancellation import CancelToken
from jobs.job import Job, Progress
from jobs.repository import Held
from jobs.settings import Settings
from workers.lease import Lease, LeaseStore


class JobLease(Lease[Progress]):
    """Progress is reported tile by tile."""

    def __init__(
        self, job: Job, store: LeaseStore[Progress], settings: Settings, token: CancelToken
    ) -> None:
        """Of a job that was claimed just now; `token` cancels its run."""
        held = Held(job.id, job.fence)
        super().__init__(f"job {job.id}", held, store, settings, token, Progress())

    def on_tile(self, done: int, total: int) -> None:
        """`done` of `total` tiles are finished."""
        self.report(Progress(done, total))

    def on_preparing(self, preparing: bool) -> None:
        """Whether the job waits for its network to be ready."""
        self.report(Progress(preparing=preparing))

    def on_waiting(self, part: Part) -> None:
        """The job waits for an unavailable part."""
        self.report(replace(self.progress, waiting_for=part))
