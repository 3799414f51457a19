"""Changes of jobs as server-sent events."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import Header, Query, Request, Response
from sse_starlette.event import ServerSentEvent

from imaging.errors import NotFound
from jobs.repository import Forecast
from service.auth import Permission, Principal
from service.http.dependencies import JobStatusesDep, JobWatcherDep
from service.http.event_stream import event_stream, events_of
from service.http.permissions import Allowed
from service.http.router import Router
from service.routes.job_serializers import job_out
from service.schemas import Identifier, JobId, JobOut
from service.use_cases.job_status import JobStatus
from service.use_cases.job_watcher import JobWatcher

router = Router(tags=["jobs"])

MOST_JOBS = 200
"""Jobs that one stream follows, as many as a page lists."""
ETA_TOLERANCE_S = 2.0
"""An estimate that moves by less is not reported as a change."""
TOLERANCE = 0.01
"""Nor is a place, or an estimate, that moves by a smaller part of what is ahead."""
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: events_of("job", "JobOut", "until the job is final"),
    204: {"description": "The caller has seen the last event; no other will follow."},
}
_EVENTS_OF_SEVERAL: dict[int | str, dict[str, Any]] = {200: events_of("job", "JobOut", "")}


@router.get("/v1/jobs/events", response_class=Response, responses=_EVENTS_OF_SEVERAL)
async def follow_jobs(
    request: Request,
    statuses: JobStatusesDep,
    watcher: JobWatcherDep,
    principal: Annotated[Principal, Allowed(Permission.JOBS_READ, counted=False)],
    ids: Annotated[
        list[Identifier],
        Query(alias="id", min_length=1, max_length=MOST_JOBS, description="Ids of the jobs."),
    ],
) -> Response:
    """Follows several jobs: one event at once for each, and one at every change, also of verdicts.

    The stream goes on when a job is final. Ids of jobs that do not exist are ignored; if none
    exists, the response is a 404.
    """
    known = await run_sync(statuses.many, set(ids), principal.project)
    if not known:
        raise NotFound("None of these jobs exists.", hint="List the jobs with GET /v1/jobs.")
    return event_stream(request, _changes_of_several(watcher, known))


@router.get("/v1/jobs/{job_id}/events", response_class=Response, responses=_EVENTS)
async def follow_job(
    request: Request,
    job_id: JobId,
    statuses: JobStatusesDep,
    watcher: JobWatcherDep,
    principal: Annotated[Principal, Allowed(Permission.JOBS_READ, counted=False)],
    last_event_id: Annotated[
        str | None,
        Header(max_length=200, description="`id` of the last event that the caller received."),
    ] = None,
) -> Response:
    """Follows a job: one event at once and one at every change, until the job is final."""
    status = await run_sync(statuses.get, principal.project, job_id)
    if status.job.state.final and last_event_id == _event_id(job_out(status)):
        return Response(status_code=204)  # an EventSource does not reconnect after a 204
    return event_stream(request, _changes(watcher, status))


async def _changes(watcher: JobWatcher, status: JobStatus) -> AsyncIterator[ServerSentEvent]:
    reported: JobStatus | None = None
    with watcher.following(status) as follower:
        while not follower.ended:
            status = follower.status
            if reported is None or _differ(reported, status):
                yield _event(status)
                reported = status
            if status.job.state.final:
                return
            await follower.wait()


async def _changes_of_several(
    watcher: JobWatcher, statuses: Sequence[JobStatus]
) -> AsyncIterator[ServerSentEvent]:
    """Ends when all jobs are deleted, or the gateway shuts down."""
    reported: dict[str, JobStatus] = {}
    news = asyncio.Event()
    with ExitStack() as stack:
        followers = [stack.enter_context(watcher.following(one, news)) for one in statuses]
        while not all(follower.ended for follower in followers):
            news.clear()
            for status in [follower.status for follower in followers]:
                before = reported.get(status.job.id)
                if before is None or _differ(before, status):
                    reported[status.job.id] = status
                    yield _event(status)
                    await asyncio.sleep(0)  # a turn for others, and for the end of the connection
            await news.wait()


def _event(status: JobStatus) -> ServerSentEvent:
    job = job_out(status)
    return ServerSentEvent(job.model_dump_json(), event="job", id=_event_id(job))


def _differ(before: JobStatus, now: JobStatus) -> bool:
    """Whether a client would see a difference that matters to it."""
    old, new = before.forecast, now.forecast
    if now.job is not before.job and _without_forecast(before) != _without_forecast(now):
        return True
    if old.no_worker is not new.no_worker or _moved(old.place, new.place):
        return True
    if old.eta is None or new.eta is None:
        return old.eta is not new.eta
    ahead_s = new.eta - time.time()
    return abs(old.eta - new.eta) > max(ETA_TOLERANCE_S, TOLERANCE * ahead_s)


def _without_forecast(status: JobStatus) -> JobOut:
    return job_out(replace(status, forecast=Forecast()))


def _moved(old: int | None, new: int | None) -> bool:
    if old is None or new is None:
        return old is not new
    return abs(old - new) > TOLERANCE * new


def _event_id(job: JobOut) -> str:
    return f"{job.attempt}.{job.progress.tiles_done}.{job.state}"
