"""Claims jobs: the most urgent one, and small images like it that run at the same time."""

import logging
from collections.abc import Iterable, Sequence
from itertools import takewhile
from math import prod

from inference.device import choose, cores
from inference.runtime_registry import AUTO
from jobs.job import Job
from jobs.repository import Leases, Scans
from jobs.settings import Settings

log = logging.getLogger(__name__)

SMALL_PIXELS = 1 << 20
"""A larger image keeps the processor busy alone."""


def are_small(shapes: Iterable[tuple[int, ...]]) -> bool:
    """Whether scans of these shapes are images (components and two axes) of few pixels."""
    return all(len(shape) == 3 and prod(shape[1:]) <= SMALL_PIXELS for shape in shapes)


def computed_together(settings: Settings) -> int:
    """How many small images a worker computes at the same time.

    On a processor at most one for each of its threads: more of them only compete.
    """
    hardware = choose(settings.device, AUTO).runtime.hardware
    slots = settings.threads or cores()
    return settings.group_size if hardware == "gpu" else min(settings.group_size, slots)


class JobClaims:
    """Claims jobs in the name of one worker."""

    def __init__(
        self, leases: Leases, scans: Scans, worker: str, lease_s: float, together: int
    ) -> None:
        """`together`: how many small images the worker computes at the same time."""
        self._leases, self._scans, self._worker = leases, scans, worker
        self._lease_s, self._together = lease_s, together

    def next_group(self, job_id: str) -> list[Job]:
        """The most urgent job of the queue of `job_id`, and the jobs that run with it.

        Empty where the job is claimed, finished or cancelled, and no other waits.
        """
        job = self._leases.claim_next(job_id, self._worker, self._lease_s)
        return [] if job is None else [job, *self.similar(job)]

    def similar(self, job: Job) -> list[Job]:
        """Claims the jobs that follow in the queue and are like `job`, if all are small images.

        One that another worker claims first is left out. A job that was attempted before runs
        alone: it may have killed its worker, and would take others with it.
        """
        try:
            if self._together == 1 or job.attempt > 0 or not self._small([job]):
                return []
            following = self._leases.next_like(job, self._lease_s, self._together - 1)
            fresh = takewhile(lambda other: other.attempt == 0, following)
            ids = [other.id for other in self._small(list(fresh))]
            return self._leases.claim_all(ids, self._worker, self._lease_s) if ids else []
        except Exception:  # the job runs; others can wait
            log.warning("job %s: no more jobs are claimed with it", job.id, exc_info=True)
            return []

    def _small(self, those: Sequence[Job]) -> list[Job]:
        """The jobs up to the first whose scans are not small, or are missing: its own run reports
        that."""
        shapes = self._scans.shapes({scan for job in those for scan in job.scans.values()})

        def is_small(job: Job) -> bool:
            return all(scan in shapes and are_small([shapes[scan]]) for scan in job.scans.values())

        return list(takewhile(is_small, those))
