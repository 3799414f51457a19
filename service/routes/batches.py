"""Batches: many jobs asked for at once."""

from fastapi import APIRouter, BackgroundTasks, Response

from service.parts import OwnerDep, PartsDep
from service.routes import serializers
from service.schemas import BatchIn, BatchOut, IdempotencyKey, Identifier
from service.use_cases import orders
from service.use_cases.dispatch import dispatch

router = APIRouter(tags=["batches"])


@router.post("/v1/batches", status_code=202)
def create_batch(
    asked: BatchIn,
    response: Response,
    after: BackgroundTasks,
    parts: PartsDep,
    project: OwnerDep,
    idempotency_key: IdempotencyKey = None,
) -> BatchOut:
    """Stores all the jobs or none; an error says which of them is at fault."""
    batch, jobs = orders.batch_of(asked, parts, project)
    batch, created = parts.repository.batches.add(batch, jobs, idempotency_key)
    if created:
        after.add_task(dispatch, parts, jobs)
    response.headers["Location"] = f"/v1/batches/{batch.id}"
    return serializers.batch_out(batch)


@router.get("/v1/batches/{batch_id}")
def get_batch(batch_id: Identifier, parts: PartsDep, project: OwnerDep) -> BatchOut:
    """How far a batch is; GET /v1/jobs?batch= lists its jobs."""
    return serializers.batch_out(parts.repository.batches.get(project, batch_id))
