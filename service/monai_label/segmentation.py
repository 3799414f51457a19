"""The mask that a model makes of a scan: the one that there is, or a new job waited for."""

import asyncio
from time import monotonic

from anyio.to_thread import run_sync
from starlette.requests import Request

from imaging.errors import Conflict, Unavailable
from jobs.job import Job, JobState, Options, StoredScan
from models.card import ModelCard
from service.parts import Parts
from service.schemas import JobIn
from service.use_cases import orders
from service.use_cases.dispatch import dispatch

PRIORITY = 9
"""Somebody sits before the viewer and waits."""
_POLL_S = 0.2


async def finished(parts: Parts, request: Request, scan: StoredScan, card: ModelCard) -> Job:
    """The job once it is over, whichever way.

    Whoever waits may go away; the job goes on, and its mask is found the next time. Raises
    Unavailable after the settings' `monai_label_wait_s`, and what `orders.job_of` raises.
    """
    job = await run_sync(_asked, parts, scan, card)
    until = monotonic() + parts.settings.monai_label_wait_s
    while not job.state.final:
        if monotonic() > until or await request.is_disconnected():
            raise Unavailable(
                f"The mask is not made yet: the job is {job.state}.",
                expected="A worker that is free before this service's patience ends.",
                hint="Ask again: the job goes on, and its mask is kept.",
            )
        await asyncio.sleep(_POLL_S)
        job = await run_sync(parts.repository.jobs.get, scan.project, job.id)
    return job


def _asked(parts: Parts, scan: StoredScan, card: ModelCard) -> Job:
    """A job of this very network on this scan: done, on its way, or new."""
    for job in parts.repository.jobs.succeeded_on(scan.project, scan.id):
        if (job.model, job.model_sha256, job.options) == (card.name, card.sha256, Options()):
            return job
    asked = orders.job_of(
        JobIn(scan=scan.id, model=card.name, priority=PRIORITY), parts, scan.project
    )
    job, created = parts.repository.jobs.add(asked, f"monai-label {scan.id} {card.sha256}")
    if not created and job.state in (JobState.FAILED, JobState.CANCELLED):
        job = _again(parts, job)
    if job.state is JobState.QUEUED:
        dispatch(parts, [job])
    return job


def _again(parts: Parts, job: Job) -> Job:
    try:
        return parts.repository.jobs.retry(job.project, job.id)
    except Conflict:  # another client just asked for the same
        return parts.repository.jobs.get(job.project, job.id)
