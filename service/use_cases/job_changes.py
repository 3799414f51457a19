"""Job changes: the statuses of several jobs that are new since the last look."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from jobs.repository import Jobs
from service.use_cases.job_status import JobStatus, JobStatuses

FORECAST_S = 1.0
"""Places and estimates of jobs that have not changed themselves are read this often,"""
FAR_FORECAST_S = 5.0
"""and this often"""
FAR = 20
"""for those with at least this place in their queue."""

News = Mapping[str, JobStatus | None]
"""Job id -> its status; None if it was deleted."""


@dataclass(frozen=True, slots=True)
class _Known:
    revision: object
    status: JobStatus


class JobChanges:
    """Looks at jobs again and again; for one thread at a time."""

    def __init__(self, jobs: Jobs, statuses: JobStatuses) -> None:
        self._jobs, self._statuses = jobs, statuses
        self._known: dict[str, _Known] = {}
        self._due_at = {False: 0.0, True: 0.0}
        """When forecasts are read again: of jobs that are soon to run, and of those far behind."""

    def look(self, job_ids: Collection[str], anew: Collection[str]) -> News:
        """The statuses of those of the jobs that may have changed.

        A few statements, however many jobs there are. `anew`: jobs that are read in any case.
        """
        revisions = self._jobs.revisions(job_ids)
        changed = [
            name
            for name, revision in revisions.items()
            if name in anew or name not in self._known or self._known[name].revision != revision
        ]
        news = self._statuses.many(changed)
        news += self._foreseen(revisions.keys() - set(changed))
        known = {name: self._known[name] for name in revisions.keys() & self._known.keys()}
        known |= {one.job.id: _Known(revisions[one.job.id], one) for one in news}
        self._known = known
        deleted = dict.fromkeys(set(job_ids) - revisions.keys())
        return {**{one.job.id: one for one in news}, **deleted}

    def _foreseen(self, job_ids: Collection[str]) -> list[JobStatus]:
        """The unchanged jobs with their present place and estimate; none if that is not due."""
        now = time.monotonic()
        due = {far for far, at in self._due_at.items() if at <= now}
        if not due:
            return []
        self._due_at |= {far: now + (FAR_FORECAST_S if far else FORECAST_S) for far in due}
        unchanged = [self._known[name].status for name in job_ids]
        waiting = [one for one in unchanged if not one.job.state.final]
        return self._statuses.again([one for one in waiting if _is_far(one) in due])


def _is_far(status: JobStatus) -> bool:
    return (status.forecast.place or 0) >= FAR
