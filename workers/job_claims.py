"""Claims jobs: the most urgent one, and small images like it that run at the same time."""

import logging
from math import prod

from imaging.errors import NotFound
from jobs.job import Job
from jobs.repository import Leases, Scans
from jobs.settings import Settings

log = logging.getLogger(__name__)

SMALL_PIXELS = 1 << 20
"""A larger image keeps the processor busy alone."""


class JobClaims:
    """Claims jobs in the name of one worker."""

    def __init__(self, leases: Leases, scans: Scans, worker: str, settings: Settings) -> None:
        self._leases, self._scans, self._worker = leases, scans, worker
        self._lease_s, self._group_size = settings.lease_s, settings.group_size

    def next_group(self, job_id: str) -> list[Job]:
        """The most urgent job of the queue of `job_id`, and the jobs that run with it.

        Empty where the job is claimed, finished or cancelled, and no other waits.
        """
        job = self._leases.claim_next(job_id, self._worker, self._lease_s)
        return [] if job is None else [job, *self.similar(job)]

    def similar(self, job: Job) -> list[Job]:
        """Claims the jobs that follow in the queue and are like `job`, if all are small images.

        Each is claimed by compare-and-set; one that another worker claims first is left out. A job
        that was attempted before runs alone: it may have killed its worker, and would take others
        with it.
        """
        claimed: list[Job] = []
        try:
            if self._group_size == 1 or job.attempt > 0 or not self._is_small(job):
                return []
            for other in self._leases.next_like(job, self._lease_s, self._group_size - 1):
                if other.attempt > 0 or not self._is_small(other):
                    break
                own = self._leases.claim(other.id, self._worker, self._lease_s)
                if own is not None:
                    claimed.append(own)
        except Exception:  # the jobs claimed so far run; others can wait
            log.warning("job %s: no more jobs are claimed with it", job.id, exc_info=True)
        return claimed

    def _is_small(self, job: Job) -> bool:
        """Whether all scans are images (components and two axes) of few pixels."""
        try:
            shapes = [self._scans.get(job.project, scan).shape for scan in job.scans.values()]
        except NotFound:  # the job's own run reports this
            return False
        return all(len(shape) == 3 and prod(shape[1:]) <= SMALL_PIXELS for shape in shapes)
