"""The JSON of messages: ids, states and problems. No names of files or batches, no patient data."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from jobs.job import JobState
from jobs.webhook import BatchEnd, JobEnd, ReadingStage, WebhookEvent, WebhookMessage
from service.resources.webhook_endpoint import WebhookEndpoint

EVENTS: Mapping[JobState, WebhookEvent] = {
    JobState.SUCCEEDED: WebhookEvent.JOB_SUCCEEDED,
    JobState.FAILED: WebhookEvent.JOB_FAILED,
    JobState.CANCELLED: WebhookEvent.JOB_CANCELLED,
}
TRIAL = "webhook.test"
"""Type of a message that reports nothing."""
_PROBLEM = ("type", "title", "status", "detail", "expected", "hint", "instance")


def job_payload(end: JobEnd) -> str:
    """What a message says about a job."""
    path = f"/v1/jobs/{end.job}"
    results = {"mask": f"{path}/mask", "report": f"{path}/report"}
    error = end.error or {}
    data = {
        "job": end.job,
        "state": end.state.value,
        "model": {"name": end.model, "version": end.model_version},
        "batch": end.batch,
        "attempt": end.attempt,
        "created_at": _iso(end.created_at),
        "started_at": None if end.started_at is None else _iso(end.started_at),
        "finished_at": _iso(end.finished_at),
        "error": {name: error[name] for name in _PROBLEM if error.get(name) is not None} or None,
        "links": {"job": path, **(results if end.state is JobState.SUCCEEDED else {})},
    }
    return _payload(EVENTS[end.state], end.finished_at, data)


def batch_payload(end: BatchEnd) -> str:
    """What a message says about a batch."""
    path = f"/v1/batches/{end.batch}"
    data = {
        "batch": end.batch,
        "states": {state.value: count for state, count in sorted(end.states.items())},
        "created_at": _iso(end.created_at),
        "finished_at": _iso(end.finished_at),
        "links": {"batch": path, "jobs": f"/v1/jobs?batch={end.batch}"},
    }
    return _payload(WebhookEvent.BATCH_FINISHED, end.finished_at, data)


def reading_payload(stage: ReadingStage) -> str:
    """What a message says about a stage of a second reading: no name, and no single verdict."""
    path = f"/v1/jobs/{stage.job}"
    data = {
        "job": stage.job,
        "model": {"name": stage.model},
        "batch": stage.batch,
        "verdict": stage.verdict,
        "links": {"job": path, "second_reading": f"{path}/second-reading"},
    }
    return _payload(stage.event, stage.at, data)


def trial_message(endpoint: WebhookEndpoint, project: str) -> WebhookMessage:
    """A message that reports nothing, to try an endpoint; not stored yet."""
    return WebhookMessage(
        id=f"msg_{uuid4().hex}",
        project=project,
        endpoint=endpoint.name,
        event=TRIAL,
        job=None,
        batch=None,
        body=_payload(TRIAL, time.time(), {}),
    )


def _payload(event: str, happened_at: float, data: Mapping[str, Any]) -> str:
    """The body of a message, as Standard Webhooks recommends it."""
    return json.dumps({"type": event, "timestamp": _iso(happened_at), "data": data})


def _iso(seconds: float) -> str:
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
