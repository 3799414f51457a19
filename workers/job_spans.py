"""The spans of a job in a worker: how long it waited, and the attempt."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from jobs import tracing
from jobs.job import Job
from jobs.job_trace import attributes_of


@contextmanager
def attempt_spans(job: Job) -> Iterator[None]:
    """To be entered when the job was claimed; a span until it ends or goes back to the queue."""
    attributes: tracing.Attributes = {
        **attributes_of(job),
        "tessera.attempt": job.attempt + 1,
        "tessera.queue": job.queue,
    }
    with tracing.span(
        "wait in queue", job.traceparent, since=_queued_at(job), attributes=attributes
    ):
        pass  # it ends here
    with tracing.span("run job", job.traceparent, kind="consumer", attributes=attributes):
        yield


def note_outcome(outcome: str, problem: Mapping[str, Any] | None = None) -> None:
    """Adds to the attempt's span how it ended: `succeeded`, `failed`, `released` or `lost`."""
    tracing.annotate({"tessera.job.outcome": outcome})
    if problem is not None:
        tracing.annotate({"error.type": problem["type"]})


def note_run(report: Mapping[str, Any]) -> None:
    """Adds to the attempt's span how the mask was made."""
    tracing.annotate(
        {
            "tessera.device": report["device"],
            "tessera.precision": report["precision"],
            "tessera.tiles": report["tiling"]["tiles"],
        }
    )


def _queued_at(job: Job) -> float:
    """When the job began to wait; after another attempt, when its message was sent again. The
    clocks of machines differ."""
    sent_again_at = job.sent_at if job.fence > 1 else None
    return min(sent_again_at or job.created_at, time.time())
