"""A job's trace: what spans say of the job, and which trace it belongs to."""

from collections.abc import Iterable
from dataclasses import replace

from jobs import tracing
from jobs.job import Job


def attributes_of(job: Job) -> tracing.Attributes:
    """What every span about the job says of it."""
    own: tracing.Attributes = {
        "tessera.job.id": job.id,
        "tessera.model.name": job.model,
        "tessera.model.version": job.model_version,
    }
    batch: tracing.Attributes = {"tessera.batch.id": job.batch} if job.batch else {}
    return {**own, **batch}


def in_current_trace(job: Job, uploads: Iterable[str | None]) -> Job:
    """The job as a part of the current trace, which is linked to the `uploads` of its scans."""
    tracing.link(uploads)
    return replace(job, traceparent=tracing.traceparent())


def in_own_trace(job: Job, uploads: Iterable[str | None]) -> Job:
    """The job with a trace of its own, for one of many jobs of a request: together they would make
    a trace that nobody can read. It is linked to the current one, and to the uploads."""
    links = (tracing.traceparent(), *uploads)
    with tracing.span(
        "place job", None, kind="producer", links=links, attributes=attributes_of(job)
    ):
        return replace(job, traceparent=tracing.traceparent())
