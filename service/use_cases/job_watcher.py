"""The watcher of followed jobs."""

import asyncio
from contextlib import AbstractContextManager

from service.use_cases.job_changes import JobChanges
from service.use_cases.job_status import JobStatus
from service.use_cases.watcher import Follower, Watcher

__all__ = ["Follower", "JobWatcher"]


class JobWatcher(Watcher[JobStatus]):
    """Followers get each job with its place in the queue and its estimate."""

    def __init__(self, changes: JobChanges) -> None:
        super().__init__("jobs", changes.look)

    def following(
        self, status: JobStatus, news: asyncio.Event | None = None
    ) -> AbstractContextManager[Follower[JobStatus]]:
        """A follower of the job, which starts with this status; `news` as for `Follower`."""
        return self.follow(status.job.id, status, news)
