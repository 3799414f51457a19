"""Batches: many jobs in one request."""

from typing import Annotated

from fastapi import BackgroundTasks, Response

from jobs.audit.event import AuditObject
from service.auth import Permission, Principal
from service.http.audited import AuditedDep
from service.http.dependencies import BatchesDep, DispatchThreadsDep, OrdersDep, ReadingsDep
from service.http.permissions import Allowed
from service.http.router import Router
from service.routes.job_orders import order_of, put_up_batch
from service.routes.job_serializers import batch_out
from service.schemas import BatchId, BatchIn, BatchOut, IdempotencyKey

router = Router(tags=["batches"])


@router.post("/v1/batches", status_code=202)
def create_batch(
    body: BatchIn,
    response: Response,
    background: BackgroundTasks,
    threads: DispatchThreadsDep,
    orders: OrdersDep,
    readings: ReadingsDep,
    audited: AuditedDep,
    principal: Annotated[Principal, Allowed(Permission.JOBS_CREATE)],
    idempotency_key: IdempotencyKey = None,
) -> BatchOut:
    """Creates all the jobs or none; an error names the job that is wrong by its number.

    The same Idempotency-Key with the same request returns the same batch again.
    """
    if body.second_reading or any(job.second_reading for job in body.jobs):
        principal.require(Permission.READINGS_MANAGE)
    wanted = [order_of(job) for job in body.jobs]
    placed = orders.place_batch(principal.project, body.name, wanted, idempotency_key)
    put_up_batch(readings, principal, placed.batch.jobs, body)
    for job in placed.new_jobs:
        audited.add(AuditObject.JOB, job.id)
        audited.add(AuditObject.SCAN, *job.scans.values())
    if placed.new_jobs:
        background.add_task(threads.run, orders.dispatch, placed.new_jobs)
    response.headers["Location"] = f"/v1/batches/{placed.batch.id}"
    return batch_out(placed.batch)


@router.get("/v1/batches/{batch_id}")
def get_batch(
    batch_id: BatchId,
    batches: BatchesDep,
    principal: Annotated[Principal, Allowed(Permission.JOBS_READ)],
) -> BatchOut:
    """The progress of a batch; GET /v1/jobs?batch= lists its jobs."""
    return batch_out(batches.get(principal.project, batch_id))
