"""Job status: a job with its place in the queue, its estimate and the name of its scan."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from jobs.job import Job
from jobs.repository import Forecast, Forecasts, Jobs, Scans


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job as a worklist shows it."""

    job: Job
    forecast: Forecast
    scan_name: str
    """File name of the first scan; empty if the scan was deleted a moment ago."""


@dataclass(frozen=True, slots=True)
class JobStatuses:
    """Reads job statuses."""

    jobs: Jobs
    forecasts: Forecasts
    scans: Scans

    def get(self, project: str, job_id: str) -> JobStatus:
        """The status of the project's job; raises NotFound."""
        return self.of(self.jobs.get(project, job_id))

    def of(self, job: Job) -> JobStatus:
        """The status of a job that was read already."""
        return self.of_all([job])[0]

    def of_all(self, jobs: Sequence[Job]) -> list[JobStatus]:
        """The statuses of several jobs, with one look at the queue."""
        forecasts = self.forecasts.of(jobs)
        names = self.scans.names({job.grid_scan for job in jobs})
        return [JobStatus(job, forecasts[job.id], names.get(job.grid_scan, "")) for job in jobs]

    def many(self, job_ids: Collection[str]) -> list[JobStatus]:
        """The statuses of those of these jobs that exist, of any project."""
        return self.of_all(self.jobs.many(job_ids)) if job_ids else []

    def again(self, statuses: Sequence[JobStatus]) -> list[JobStatus]:
        """The same jobs with their present place and estimate."""
        forecasts = self.forecasts.of([one.job for one in statuses])
        return [replace(one, forecast=forecasts[one.job.id]) for one in statuses]
