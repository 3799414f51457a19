"""Inference on many images at once: one of Tessera's batches."""

from contextlib import suppress
from typing import Any, Literal

from anyio.to_thread import run_sync
from fastapi import APIRouter, BackgroundTasks, Request

from imaging.errors import BadRequest, Conflict, NotFound
from jobs.job import Batch, JobState, StoredScan
from jobs.repository import FINAL
from service.http.multipart import FIELD_BYTES
from service.monai_label.endpoint import serves
from service.parts import OwnerDep, Parts, PartsDep
from service.schemas import BatchIn, JobIn
from service.use_cases import orders
from service.use_cases.dispatch import dispatch

router = APIRouter()

_NAME = "MONAI Label"
_MOST = 10_000
_PRIORITY = 3
Images = Literal["all", "labeled", "unlabeled"]


@serves(router, "GET", "/batch/infer")
def get_batch(parts: PartsDep, project: OwnerDep) -> dict[str, Any]:
    """How far the latest batch is; 404 where there was none."""
    return _out(parts, _latest(parts, project))


@serves(router, "POST", "/batch/infer/{model}")
async def post_batch(
    model: str,
    request: Request,
    after: BackgroundTasks,
    parts: PartsDep,
    project: OwnerDep,
    images: Images = "all",
) -> dict[str, Any]:
    """A job for each image of the model's dimension; options that are sent are not needed."""
    heard = 0
    async for chunk in request.stream():
        heard += len(chunk)
        if heard > FIELD_BYTES:
            raise BadRequest("The body is far too long.", hint="Send less.")
    return await run_sync(_started, parts, project, model, images, after)


@serves(router, "DELETE", "/batch/infer")
def delete_batch(parts: PartsDep, project: OwnerDep) -> dict[str, Any]:
    """Cancels what of the latest batch is not over."""
    batch = _latest(parts, project)
    for job in batch.jobs:
        with suppress(Conflict):
            parts.repository.jobs.cancel(project, job)
    return _out(parts, _latest(parts, project))


def _started(
    parts: Parts, project: str, model: str, images: Images, after: BackgroundTasks
) -> dict[str, Any]:
    card = parts.registry.get(model).card
    scans = [
        scan for scan in _scans(parts, project, images) if len(scan.shape) - 1 == card.dimension
    ]
    if not scans:
        raise NotFound("There is no such image for this model.", hint="Send some images first.")
    if len(scans) > _MOST:
        raise BadRequest(
            f"There are {len(scans):,} such images.",
            expected=f"At most {_MOST:,} in a batch.",
            hint="Make several batches with POST /v1/batches.",
        )
    jobs = [JobIn(scan=scan.id, model=card.name, priority=_PRIORITY) for scan in scans]
    batch, stored = orders.batch_of(BatchIn(name=_NAME, jobs=jobs), parts, project)
    batch, _ = parts.repository.batches.add(batch, stored)
    after.add_task(dispatch, parts, stored)
    return _out(parts, batch)


def _scans(parts: Parts, project: str, images: Images) -> list[StoredScan]:
    found: list[StoredScan] = []
    cursor: str | None = None
    while True:
        page, cursor = parts.repository.scans.page(project, cursor=cursor, limit=200)
        labels = parts.repository.labels.newest([scan.id for scan in page])
        done = {label.scan for label in labels if label.tag == FINAL}
        wanted = {"all": None, "labeled": True, "unlabeled": False}[images]
        found += [scan for scan in page if wanted is None or (scan.id in done) == wanted]
        if cursor is None:
            return found


def _latest(parts: Parts, project: str) -> Batch:
    found = parts.repository.batches.latest(project, _NAME)
    if found is None:
        raise NotFound("No batch was begun.", hint="Begin one with POST batch/infer/{model}.")
    return parts.repository.batches.get(project, found)


def _out(parts: Parts, batch: Batch) -> dict[str, Any]:
    over = all(JobState(state).final for state in batch.states)
    good = set(batch.states) <= {JobState.SUCCEEDED}
    status = ("DONE" if good else "ERROR") if over else "RUNNING"
    return {
        "id": batch.id,
        "status": status,
        "request": {"images": len(batch.jobs)},
        "start_ts": int(batch.created_at),
        "end_ts": int(_ended(parts, batch)) if over else None,
        "details": [f"{state}: {count}" for state, count in batch.states.items()],
    }


def _ended(parts: Parts, batch: Batch) -> float:
    jobs = (parts.repository.jobs.get(batch.project, job) for job in batch.jobs)
    return max((job.finished_at or job.created_at for job in jobs), default=batch.created_at)
