"""Small pictures that are taken at once, so that they go through the network together."""

import logging
from math import prod

from imaging.errors import NotFound
from jobs.job import Job
from workers.bench import Bench

log = logging.getLogger(__name__)

SMALL_PIXELS = 1 << 20
"""Above this a picture keeps the processor busy by itself."""


def taken_along(bench: Bench, job: Job) -> list[Job]:
    """Claims the jobs next in the queue that are like `job`, where all of them are small pictures.

    Each by the same compare-and-set as any job; one that another worker claims first is left out.
    A job that was tried before goes alone: it may be what killed its worker, and the others' too.
    """
    settings, claimed = bench.settings, []
    try:
        if settings.group_size == 1 or job.attempt > 1 or not _small(bench, job):
            return []
        for other in bench.repository.leases.next_like(
            job, settings.lease_s, settings.group_size - 1
        ):
            if other.attempt > 0 or not _small(bench, other):
                break
            taken = bench.repository.leases.claim(other.id, bench.name, settings.lease_s)
            if taken is not None:
                claimed.append(taken)
    except Exception:  # what was claimed is run; more can wait
        log.warning("job %s: no more is taken along", job.id, exc_info=True)
    return claimed


def _small(bench: Bench, job: Job) -> bool:
    """Pictures, which have two axes beside their components, of few pixels."""
    try:
        shapes = [
            bench.repository.scans.get(job.project, scan).shape for scan in job.scans.values()
        ]
    except NotFound:  # its own run will say so
        return False
    return all(len(shape) == 3 and prod(shape[1:]) <= SMALL_PIXELS for shape in shapes)
