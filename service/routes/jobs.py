"""Jobs: asked for, followed, cancelled, asked for again."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Query, Response

from jobs.job import JobState
from service.parts import OwnerDep, PartsDep
from service.routes import serializers
from service.schemas import Cursor, IdempotencyKey, Identifier, JobIn, JobOut, JobPage, ModelName
from service.use_cases import orders
from service.use_cases.dispatch import dispatch

router = APIRouter(tags=["jobs"])


@router.post("/v1/jobs", status_code=202)
def create_job(
    asked: JobIn,
    response: Response,
    after: BackgroundTasks,
    parts: PartsDep,
    project: OwnerDep,
    idempotency_key: IdempotencyKey = None,
) -> JobOut:
    """Has a scan segmented. A model or scan that is not there is a 404, one that does not suit 422.

    The same Idempotency-Key with the same request gives the same job again.
    """
    job, created = parts.repository.jobs.add(orders.job_of(asked, parts, project), idempotency_key)
    if created:
        after.add_task(dispatch, parts, [job])
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return serializers.job_out(job, parts.repository)


@router.get("/v1/jobs")
def list_jobs(
    parts: PartsDep,
    project: OwnerDep,
    state: JobState | None = None,
    model: ModelName | None = None,
    batch: Identifier | None = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> JobPage:
    """The worklist, newest first; `next_cursor` leads to the next page."""
    jobs, following = parts.repository.jobs.page(
        project, state=state, model=model, batch=batch, cursor=cursor, limit=limit
    )
    return JobPage(jobs=serializers.jobs_out(jobs, parts.repository), next_cursor=following)


@router.get("/v1/jobs/{job_id}")
def get_job(job_id: Identifier, parts: PartsDep, project: OwnerDep) -> JobOut:
    """Where a job stands: state, progress, place in the queue, when it will be done."""
    return serializers.job_out(parts.repository.jobs.get(project, job_id), parts.repository)


@router.post("/v1/jobs/{job_id}/cancel")
def cancel_job(job_id: Identifier, parts: PartsDep, project: OwnerDep) -> JobOut:
    """Cancels a job that waits or runs; a running one stops within a tile."""
    return serializers.job_out(parts.repository.jobs.cancel(project, job_id), parts.repository)


@router.post("/v1/jobs/{job_id}/retry", status_code=202)
def retry_job(
    job_id: Identifier, after: BackgroundTasks, parts: PartsDep, project: OwnerDep
) -> JobOut:
    """Queues a failed or cancelled job again; its attempts count from nought."""
    job = parts.repository.jobs.retry(project, job_id)
    after.add_task(dispatch, parts, [job])
    return serializers.job_out(job, parts.repository)
