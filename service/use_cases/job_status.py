"""Job status: a job with its place in the queue, its estimate, and what lists show beside."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from jobs.job import Job
from jobs.job_filter import ListedJob
from jobs.repository import Forecast, Forecasts, Jobs, Worklist


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job as a worklist shows it."""

    job: Job
    forecast: Forecast
    listed: ListedJob


@dataclass(frozen=True, slots=True)
class JobStatuses:
    """Reads job statuses."""

    jobs: Jobs
    forecasts: Forecasts
    worklist: Worklist

    def get(self, project: str, job_id: str) -> JobStatus:
        """The status of the project's job; raises NotFound."""
        return self.of(self.jobs.get(project, job_id))

    def of(self, job: Job) -> JobStatus:
        """The status of a job that was read already."""
        return self.of_all([job])[0]

    def of_all(self, jobs: Sequence[Job]) -> list[JobStatus]:
        """The statuses of several jobs, with one look at the queue."""
        forecasts = self.forecasts.of(jobs)
        listed = self.worklist.listed([job.id for job in jobs])
        return [JobStatus(job, forecasts[job.id], listed.get(job.id, ListedJob())) for job in jobs]

    def many(self, job_ids: Collection[str], project: str | None = None) -> list[JobStatus]:
        """The statuses of those of these jobs that exist in the project; None: in any."""
        return self.of_all(self.jobs.many(job_ids, project)) if job_ids else []

    def again(self, statuses: Sequence[JobStatus]) -> list[JobStatus]:
        """The same jobs with their present place and estimate."""
        forecasts = self.forecasts.of([one.job for one in statuses])
        return [replace(one, forecast=forecasts[one.job.id]) for one in statuses]
