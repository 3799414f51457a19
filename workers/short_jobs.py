"""Which jobs will end so soon that the next one can be fetched meanwhile."""

from dataclasses import dataclass

from jobs.job import Job

SHORT_S = 1.0
"""A job that probably takes less than this is short. It is also about how long a job waits at most
that was claimed before the worker could run it."""


@dataclass(slots=True)
class ShortJobs:
    """Predicts from the last job of the same kind, in proportion to voxels."""

    _kind: object = None
    _seconds_per_voxel: float = 0.0

    def includes(self, job: Job, voxels: int) -> bool:
        """Whether the job is of the kind that ran last, has scans, and will be short.

        A job that was attempted before is not: it may be what ended its worker, and runs alone.
        """
        known = self._kind == _kind(job) and job.attempt == 0
        return known and 0 < voxels * self._seconds_per_voxel < SHORT_S

    def took(self, job: Job, voxels: int, seconds: float) -> None:
        """A job was computed in so many seconds."""
        self._kind, self._seconds_per_voxel = _kind(job), seconds / max(1, voxels)


def _kind(job: Job) -> tuple[object, ...]:
    return job.model_sha256, job.options
