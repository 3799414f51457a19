"""Orders: jobs and batches are checked, stored and sent to the broker."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import uuid4

from imaging.errors import TesseraError, Unavailable
from jobs import tracing
from jobs.batch import Batch
from jobs.delivery import Delivery
from jobs.job import Job, JobState
from jobs.job_trace import attributes_of, in_current_trace, in_own_trace
from jobs.repository import Batches, Jobs, Scans
from service.resources.usable_models import UsableModels
from service.use_cases.job_orders import JobOrder, OrderCheck

__all__ = ["Destination", "JobOrder", "Orders", "PlacedBatch", "PlacedJob"]

logger = logging.getLogger("tessera.service")


@dataclass(frozen=True, slots=True)
class Destination:
    """One object of a job's results, to be sent to one peer."""

    peer: str
    format: str


@dataclass(frozen=True, slots=True)
class PlacedJob:
    """A stored job."""

    job: Job
    created: bool
    """False: the same order was placed earlier, under the same idempotency key."""


@dataclass(frozen=True, slots=True)
class PlacedBatch:
    """A stored batch and those of its jobs that are new."""

    batch: Batch
    new_jobs: Sequence[Job]


@dataclass(frozen=True, slots=True)
class Orders:
    """Places and repeats orders; `dispatch` sends what they stored."""

    jobs: Jobs
    batches: Batches
    scans: Scans
    models: UsableModels
    send: Callable[[Sequence[Job]], int]
    """Sends the messages of jobs that have none yet; raises Unavailable."""

    def place(
        self,
        project: str,
        order: JobOrder,
        idempotency_key: str | None = None,
        destinations: Sequence[Destination] = (),
    ) -> PlacedJob:
        """Stores a job, and with it the deliveries of its results.

        Raises what `OrderCheck.job` raises, Conflict for a known key with another order.
        """
        check = OrderCheck(self.models, self.scans, project)
        job = check.job(order)
        job = in_current_trace(job, check.uploads(job))
        deliveries = [
            Delivery(uuid4().hex, job.id, to.peer, to.format, job.created_at) for to in destinations
        ]
        placed = PlacedJob(*self.jobs.add(job, idempotency_key, deliveries))
        tracing.annotate(attributes_of(placed.job))
        if not placed.created:
            tracing.link([placed.job.traceparent])
        return placed

    def place_batch(
        self,
        project: str,
        name: str,
        orders: Sequence[JobOrder],
        idempotency_key: str | None = None,
    ) -> PlacedBatch:
        """Stores all the jobs or none; an error names the order that is wrong by its number."""
        check, batch_id = OrderCheck(self.models, self.scans, project), uuid4().hex
        jobs = [_numbered(check, number, order, batch_id) for number, order in enumerate(orders)]
        batch = Batch(
            id=batch_id,
            project=project,
            name=name,
            created_at=time.time(),
            jobs=tuple(job.id for job in jobs),
            states={JobState.QUEUED: len(jobs)},
        )
        stored, created = self.batches.add(batch, jobs, idempotency_key)
        return PlacedBatch(stored, jobs if created else ())

    def retry(self, project: str, job_id: str) -> Job:
        """Queues a failed or cancelled job again.

        Raises NotFound also where the project may no longer use the job's model, and Conflict.
        """
        self.models.get(project, self.jobs.get(project, job_id).model)
        return self.jobs.retry(project, job_id)

    def dispatch(self, jobs: Sequence[Job]) -> None:
        """Sends the message of each job that has none yet; if that fails, the sweeper does it.

        HTTP routes call this after the response: the jobs are stored, and nothing can fail.
        """
        try:
            with tracing.step("send message"):
                self.send(jobs)
        except Unavailable:
            logger.warning("The broker or the database is unavailable; the sweeper sends the jobs.")


def _numbered(check: OrderCheck, number: int, order: JobOrder, batch: str) -> Job:
    try:
        job = check.job(order, batch)
    except TesseraError as error:
        detail = f"jobs.{number}: {error.detail}"
        raise type(error)(detail, expected=error.expected, hint=error.hint) from error
    return in_own_trace(job, check.uploads(job))
