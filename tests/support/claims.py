"""Claims of jobs beside a gateway that is at work."""

from jobs.job import Job
from jobs.repository import Repository
from tests.support.waiting import until


def claimed(repository: Repository, job_id: str, lease_s: float = 60) -> Job:
    """The queued job, claimed as a worker does.

    Claims pass over a row that another transaction holds, as when the gateway marks the job's
    message as sent; a worker gets the job by that message a moment later.
    """
    held = until(lambda: repository.leases.claim(job_id, "worker", lease_s))
    assert held is not None
    return held
