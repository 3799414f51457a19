"""A job's changes as server-sent events."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Response
from sse_starlette.event import ServerSentEvent
from sse_starlette.sse import EventSourceResponse

from imaging.errors import NotFound
from service.auth import Permission, Principal
from service.http.dependencies import JobStatusesDep
from service.http.permissions import Allowed
from service.routes.serializers import job_out
from service.schemas import JobId, JobOut

router = APIRouter(tags=["jobs"])

POLL_S = 0.25
"""At most four events a second, as often as a worker writes progress."""
HEARTBEAT_S = 10
ETA_TOLERANCE_S = 2.0
"""An estimate that moves by less is not reported as a change."""
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events named `job`, each with a JobOut as data, until the job is final.",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": 'event: job\ndata: {"id": "...", "state": "running", ...}\n\n',
            }
        },
    },
    204: {"description": "The caller has seen the last event; no other will follow."},
}


@router.get("/v1/jobs/{job_id}/events", response_class=Response, responses=_EVENTS)
async def follow_job(
    job_id: JobId,
    statuses: JobStatusesDep,
    principal: Annotated[Principal, Allowed(Permission.JOBS_READ)],
    last_event_id: Annotated[
        str | None,
        Header(max_length=200, description="`id` of the last event that the caller received."),
    ] = None,
) -> Response:
    """Follows a job: one event at once and one at every change, until the job is final."""

    def read() -> JobOut:
        return job_out(statuses.get(principal.project, job_id))

    job = await run_sync(read)
    if job.state.final and last_event_id == _event_id(job):
        return Response(status_code=204)  # an EventSource does not reconnect after a 204
    return EventSourceResponse(
        _changes(read, job),
        ping=HEARTBEAT_S,
        ping_message_factory=lambda: ServerSentEvent(comment="heartbeat"),
    )


async def _changes(read: Callable[[], JobOut], job: JobOut) -> AsyncIterator[ServerSentEvent]:
    reported: JobOut | None = None
    while True:
        read_at = time.monotonic()
        if reported is None or _differ(reported, job):
            yield ServerSentEvent(job.model_dump_json(), event="job", id=_event_id(job))
            reported = job
        if job.state.final:
            return
        await asyncio.sleep(max(0.0, POLL_S - (time.monotonic() - read_at)))
        try:
            job = await run_sync(read)
        except NotFound:  # deleted with its scan
            return


def _differ(before: JobOut, now: JobOut) -> bool:
    if before.model_copy(update={"eta": None}) != now.model_copy(update={"eta": None}):
        return True
    if before.eta is None or now.eta is None:
        return before.eta is not now.eta
    return abs((before.eta - now.eta).total_seconds()) > ETA_TOLERANCE_S


def _event_id(job: JobOut) -> str:
    return f"{job.attempt}.{job.progress.tiles_done}.{job.state}"
