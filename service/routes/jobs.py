"""Jobs: created, followed, cancelled, retried."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Query, Response

from jobs import tracing
from jobs.job import JobState
from service.auth import Permission, Principal
from service.http.dependencies import (
    DispatchThreadsDep,
    JobsDep,
    JobStatusesDep,
    OrdersDep,
)
from service.http.permissions import Allowed
from service.routes.job_orders import order_of
from service.routes.serializers import job_out
from service.schemas import (
    BatchId,
    Cursor,
    IdempotencyKey,
    JobId,
    JobIn,
    JobOut,
    JobPage,
    ModelName,
    PageLimit,
)

router = APIRouter(tags=["jobs"])


@router.post("/v1/jobs", status_code=202)
def create_job(
    body: JobIn,
    response: Response,
    background: BackgroundTasks,
    threads: DispatchThreadsDep,
    orders: OrdersDep,
    statuses: JobStatusesDep,
    principal: Annotated[Principal, Allowed(Permission.JOBS_CREATE)],
    idempotency_key: IdempotencyKey = None,
) -> JobOut:
    """Segments a scan. An unknown model or scan is a 404, a scan that does not fit the model a 422.

    The same Idempotency-Key with the same request returns the same job again.
    """
    placed = orders.place(principal.project, order_of(body), idempotency_key)
    if placed.created:
        background.add_task(threads.run, orders.dispatch, [placed.job])
    response.headers["Location"] = f"/v1/jobs/{placed.job.id}"
    return job_out(statuses.of(placed.job))


@router.get("/v1/jobs")
def list_jobs(
    jobs: JobsDep,
    statuses: JobStatusesDep,
    principal: Annotated[Principal, Allowed(Permission.JOBS_READ)],
    state: Annotated[JobState | None, Query(description="Only jobs in this state.")] = None,
    model: Annotated[ModelName | None, Query(description="Only jobs of this model.")] = None,
    batch: Annotated[BatchId | None, Query(description="Only jobs of this batch.")] = None,
    cursor: Cursor = None,
    limit: PageLimit = 50,
) -> JobPage:
    """The worklist, newest job first; `next_cursor` leads to the next page."""
    page, next_cursor = jobs.page(
        principal.project, state=state, model=model, batch=batch, cursor=cursor, limit=limit
    )
    return JobPage(jobs=[job_out(one) for one in statuses.of_all(page)], next_cursor=next_cursor)


@router.get("/v1/jobs/{job_id}")
def get_job(
    job_id: JobId,
    statuses: JobStatusesDep,
    principal: Annotated[Principal, Allowed(Permission.JOBS_READ)],
) -> JobOut:
    """A job's state, its progress, its place in the queue and the estimated time of its end."""
    return job_out(statuses.get(principal.project, job_id))


@router.post("/v1/jobs/{job_id}/cancel")
def cancel_job(
    job_id: JobId,
    jobs: JobsDep,
    statuses: JobStatusesDep,
    principal: Annotated[Principal, Allowed(Permission.JOBS_CANCEL)],
) -> JobOut:
    """Cancels a queued or running job; a running one stops within a tile."""
    return job_out(statuses.of(jobs.cancel(principal.project, job_id)))


@router.post("/v1/jobs/{job_id}/retry", status_code=202)
def retry_job(
    job_id: JobId,
    background: BackgroundTasks,
    threads: DispatchThreadsDep,
    jobs: JobsDep,
    orders: OrdersDep,
    statuses: JobStatusesDep,
    principal: Annotated[Principal, Allowed(Permission.JOBS_CREATE)],
) -> JobOut:
    """Queues a failed or cancelled job again; its attempts are counted from zero."""
    job = jobs.retry(principal.project, job_id)
    tracing.link([job.traceparent])
    background.add_task(threads.run, orders.dispatch, [job])
    return job_out(statuses.of(job))
