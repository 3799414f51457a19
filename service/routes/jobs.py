"""Jobs: created, followed, cancelled, retried."""

from typing import Annotated

from fastapi import BackgroundTasks, Query, Response

from jobs import tracing
from jobs.audit.event import AuditObject
from jobs.job_filter import JobSort
from service.auth import Permission, Principal
from service.http.audited import AuditedDep
from service.http.dependencies import (
    DispatchThreadsDep,
    JobsDep,
    JobStatusesDep,
    OrdersDep,
    ReadingsDep,
    WorklistDep,
)
from service.http.permissions import Allowed
from service.http.router import Router
from service.routes.job_filters import JobFilterDep, of_caller
from service.routes.job_orders import order_of, put_up
from service.routes.job_serializers import job_counts_out, job_out
from service.routes.reading_serializers import options_of
from service.schemas import (
    Cursor,
    IdempotencyKey,
    JobCountsOut,
    JobId,
    JobIn,
    JobOut,
    JobPage,
    PageLimit,
)

router = Router(tags=["jobs"])


@router.post("/v1/jobs", status_code=202)
def create_job(
    body: JobIn,
    response: Response,
    background: BackgroundTasks,
    threads: DispatchThreadsDep,
    orders: OrdersDep,
    readings: ReadingsDep,
    statuses: JobStatusesDep,
    audited: AuditedDep,
    principal: Annotated[Principal, Allowed(Permission.JOBS_CREATE)],
    idempotency_key: IdempotencyKey = None,
) -> JobOut:
    """Segments a scan. An unknown model or scan is a 404, a scan that does not fit the model a 422.

    The same Idempotency-Key with the same request returns the same job again.
    """
    if body.second_reading is not None:
        principal.require(Permission.READINGS_MANAGE)
    placed = orders.place(principal.project, order_of(body), idempotency_key)
    audited.add(AuditObject.SCAN, *placed.job.scans.values())
    if placed.created:
        background.add_task(threads.run, orders.dispatch, [placed.job])
    if body.second_reading is not None:
        put_up(readings, principal, [placed.job.id], options_of(body.second_reading))
    response.headers["Location"] = f"/v1/jobs/{placed.job.id}"
    return job_out(statuses.of(placed.job))


@router.get("/v1/jobs")
def list_jobs(
    worklist: WorklistDep,
    statuses: JobStatusesDep,
    principal: Annotated[Principal, Allowed(Permission.JOBS_READ)],
    wanted: JobFilterDep,
    sort: Annotated[
        JobSort,
        Query(
            description="`priority`: the highest first, then the oldest job. `suspicion`: the job "
            "with the most warnings in its report and `unusual_sizes` first, then the newest."
        ),
    ] = JobSort.NEWEST,
    cursor: Cursor = None,
    offset: Annotated[
        int,
        Query(ge=0, le=10_000_000, description="How many jobs to leave out; see `next_cursor`."),
    ] = 0,
    limit: PageLimit = 50,
) -> JobPage:
    """The worklist; `next_cursor` leads to the next page.

    Pages by cursor have no gaps and no job twice, also while jobs are added. `offset` jumps to any
    place of the list, such as the one that a scroll bar points to.
    """
    page, next_cursor = worklist.page(
        principal.project,
        of_caller(wanted, principal),
        sort=sort,
        cursor=cursor,
        offset=offset,
        limit=limit,
    )
    return JobPage(jobs=[job_out(one) for one in statuses.of_all(page)], next_cursor=next_cursor)


@router.get("/v1/jobs/counts")
def count_jobs(
    worklist: WorklistDep,
    principal: Annotated[Principal, Allowed(Permission.JOBS_READ)],
    wanted: JobFilterDep,
) -> JobCountsOut:
    """How many jobs match the filter, in total and by state, verdict, model, modality, reviewer,
    assignee, and state of the second reading."""
    return job_counts_out(worklist.counts(principal.project, of_caller(wanted, principal)))


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
    orders: OrdersDep,
    statuses: JobStatusesDep,
    principal: Annotated[Principal, Allowed(Permission.JOBS_CREATE)],
) -> JobOut:
    """Queues a failed or cancelled job again; its attempts are counted from zero."""
    job = orders.retry(principal.project, job_id)
    tracing.link([job.traceparent])
    background.add_task(threads.run, orders.dispatch, [job])
    return job_out(statuses.of(job))
