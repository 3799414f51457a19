"""A job's changes as server-sent events."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Response
from sse_starlette.event import ServerSentEvent
from sse_starlette.sse import EventSourceResponse

from imaging.errors import NotFound
from service.parts import OwnerDep, Parts, PartsDep
from service.routes import serializers
from service.schemas import Identifier, JobOut

router = APIRouter(tags=["jobs"])

POLL_S = 0.25
"""At most four events a second, as often as a worker writes progress."""
HEARTBEAT_S = 10
ETA_SHIFT_S = 2.0
"""An estimate that moved by less is no change."""
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events named `job`; each one's data is a JobOut. Ends when it is final.",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": 'event: job\ndata: {"id": "...", "state": "running", ...}\n\n',
            }
        },
    },
    204: {"description": "The caller has seen the last event: nothing more will come."},
}


@router.get("/v1/jobs/{job_id}/events", response_class=Response, responses=_EVENTS)
async def follow_job(
    job_id: Identifier,
    parts: PartsDep,
    project: OwnerDep,
    last_event_id: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """Follows a job: one event now and one at every change, until it is final."""
    job = await run_sync(_look, parts, project, job_id)
    if job.state.final and last_event_id == _id(job):
        return Response(status_code=204)  # tells an EventSource not to come back
    return EventSourceResponse(
        _changes(parts, project, job),
        ping=HEARTBEAT_S,
        ping_message_factory=lambda: ServerSentEvent(comment="still here"),
    )


async def _changes(parts: Parts, project: str, job: JobOut) -> AsyncIterator[ServerSentEvent]:
    told: JobOut | None = None
    while True:
        looked = time.monotonic()
        if told is None or _changed(told, job):
            yield ServerSentEvent(job.model_dump_json(), event="job", id=_id(job))
            told = job
        if job.state.final:
            return
        await asyncio.sleep(max(0.0, POLL_S - (time.monotonic() - looked)))
        try:
            job = await run_sync(_look, parts, project, job.id)
        except NotFound:  # deleted with its scan
            return


def _look(parts: Parts, project: str, job_id: str) -> JobOut:
    return serializers.job_out(parts.repository.jobs.get(project, job_id), parts.repository)


def _changed(told: JobOut, now: JobOut) -> bool:
    if told.model_copy(update={"eta": None}) != now.model_copy(update={"eta": None}):
        return True
    if told.eta is None or now.eta is None:
        return told.eta is not now.eta
    return abs((told.eta - now.eta).total_seconds()) > ETA_SHIFT_S


def _id(job: JobOut) -> str:
    return f"{job.attempt}.{job.progress.tiles_done}.{job.state}"
