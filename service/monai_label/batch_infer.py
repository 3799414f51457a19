"""Inference on many images: one of Tessera's batches."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from anyio.to_thread import run_sync
from fastapi import BackgroundTasks, Request

from imaging.errors import BadRequest, Conflict, NotFound
from jobs.audit.event import AuditObject
from jobs.batch import Batch
from jobs.job import JobState
from jobs.repository import FINAL, Batches, Jobs, Labels, Scans
from jobs.stored_scan import StoredScan
from service.auth import Permission, Principal
from service.http.audited import AuditedDep
from service.http.dependencies import DispatchThreadsDep, OrdersDep, provided
from service.http.multipart import FIELD_BYTES
from service.http.permissions import Allowed
from service.http.router import Router
from service.monai_label.endpoint import endpoint
from service.resources.usable_models import UsableModels
from service.use_cases.orders import JobOrder, Orders, PlacedBatch

router = Router()

_NAME = "MONAI Label"
_MAX_IMAGES = 10_000
_PRIORITY = 3
Images = Literal["all", "labeled", "unlabeled"]


@dataclass(frozen=True, slots=True)
class BatchInference:
    """Starts and reads the batches of MONAI Label clients."""

    batches: Batches
    jobs: Jobs
    scans: Scans
    labels: Labels
    models: UsableModels
    orders: Orders

    def start(self, project: str, model: str, images: Images) -> PlacedBatch:
        """A job for each chosen image of the model's dimension."""
        card = self.models.get(project, model).card
        scans = [
            scan for scan in self._chosen(project, images) if len(scan.shape) - 1 == card.dimension
        ]
        if not scans:
            raise NotFound("There is no such image for this model.", hint="Send images first.")
        if len(scans) > _MAX_IMAGES:
            raise BadRequest(
                f"There are {len(scans):,} such images.",
                expected=f"At most {_MAX_IMAGES:,} in a batch.",
                hint="Create several batches with POST /v1/batches.",
            )
        orders = [JobOrder(card.full_name, scan.id, priority=_PRIORITY) for scan in scans]
        return self.orders.place_batch(project, _NAME, orders)

    def latest(self, project: str) -> Batch:
        """The latest batch; raises NotFound if there is none."""
        batch_id = self.batches.latest(project, _NAME)
        if batch_id is None:
            raise NotFound("There is no batch.", hint="Start one with POST batch/infer/{model}.")
        return self.batches.get(project, batch_id)

    def cancel(self, project: str) -> Batch:
        """Cancels the latest batch's jobs that are not final."""
        for job in self.latest(project).jobs:
            with suppress(Conflict):
                self.jobs.cancel(project, job)
        return self.latest(project)

    def status(self, batch: Batch) -> dict[str, Any]:
        """A batch in the form of MONAI Label's task status."""
        final = all(JobState(state).final for state in batch.states)
        succeeded = set(batch.states) <= {JobState.SUCCEEDED}
        status = ("DONE" if succeeded else "ERROR") if final else "RUNNING"
        return {
            "id": batch.id,
            "status": status,
            "request": {"images": len(batch.jobs)},
            "start_ts": int(batch.created_at),
            "end_ts": int(self._ended_at(batch)) if final else None,
            "details": [f"{state}: {count}" for state, count in batch.states.items()],
        }

    def _chosen(self, project: str, images: Images) -> list[StoredScan]:
        chosen: list[StoredScan] = []
        labelled = {"all": None, "labeled": True, "unlabeled": False}[images]
        cursor: str | None = None
        while True:
            page, cursor = self.scans.page(project, cursor=cursor, limit=200)
            labels = self.labels.newest([scan.id for scan in page], "")
            final = {label.scan for label in labels if label.tag == FINAL}
            chosen += [s for s in page if labelled is None or (s.id in final) == labelled]
            if cursor is None:
                return chosen

    def _ended_at(self, batch: Batch) -> float:
        jobs = (self.jobs.get(batch.project, job) for job in batch.jobs)
        return max((job.finished_at or job.created_at for job in jobs), default=batch.created_at)


BatchInferenceDep = Annotated[BatchInference, provided(BatchInference)]


@endpoint(router, "GET", "/batch/infer")
def get_batch(
    batches: BatchInferenceDep,
    principal: Annotated[Principal, Allowed(Permission.JOBS_READ)],
) -> dict[str, Any]:
    """The progress of the latest batch; 404 if there is none."""
    return batches.status(batches.latest(principal.project))


@endpoint(router, "POST", "/batch/infer/{model}")
async def post_batch(
    model: str,
    request: Request,
    background: BackgroundTasks,
    threads: DispatchThreadsDep,
    batches: BatchInferenceDep,
    orders: OrdersDep,
    audited: AuditedDep,
    principal: Annotated[Principal, Allowed(Permission.JOBS_CREATE)],
    images: Images = "all",
) -> dict[str, Any]:
    """A job for each image of the model's dimension; the options in the body are ignored."""
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > FIELD_BYTES:
            raise BadRequest(
                "The body is too long.",
                expected=f"At most {FIELD_BYTES:,} bytes.",
                hint="Send fewer options.",
            )
    placed = await run_sync(batches.start, principal.project, model, images)
    audited.add(AuditObject.BATCH, placed.batch.id)
    for job in placed.new_jobs:
        audited.add(AuditObject.JOB, job.id)
        audited.add(AuditObject.SCAN, *job.scans.values())
    background.add_task(threads.run, orders.dispatch, placed.new_jobs)
    return await run_sync(batches.status, placed.batch)


@endpoint(router, "DELETE", "/batch/infer")
def delete_batch(
    batches: BatchInferenceDep,
    audited: AuditedDep,
    principal: Annotated[Principal, Allowed(Permission.JOBS_CANCEL)],
) -> dict[str, Any]:
    """Cancels the jobs of the latest batch that are not final."""
    batch = batches.cancel(principal.project)
    audited.add(AuditObject.BATCH, batch.id)
    return batches.status(batch)
