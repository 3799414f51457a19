"""Webhook messages: what receivers are told about jobs and batches that have ended.

           claim (due_at: a lease later)
waiting ------------------+
  ^  ^                    |
  |  +----postpone--------+---> delivered   the receiver answered 2xx
  |   (due_at: later)     |
  +-------resend----------+---> dead        no attempt succeeded
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from jobs.job import JobState

MAX_ATTEMPTS = 14
"""With the waits of `wait_s`, the last attempt is about a day after the first."""


class WebhookEvent(StrEnum):
    """What a message reports."""

    JOB_SUCCEEDED = "job.succeeded"
    JOB_FAILED = "job.failed"
    JOB_CANCELLED = "job.cancelled"
    BATCH_FINISHED = "batch.finished"
    """All jobs of a batch have ended; again, if one of them was retried and ended again."""
    READING_REQUESTED = "reading.requested"
    """A job was put up for a second reading."""
    READING_DISAGREED = "reading.disagreed"
    """The readings of a job differ: another reader must decide."""
    READING_COMPLETED = "reading.completed"
    """The second reading of a job has a verdict; again, if another reader has decided anew."""


@dataclass(frozen=True, slots=True)
class ReadingStage:
    """A stage of a job's second reading, for a message."""

    job: str
    project: str
    model: str
    batch: str | None
    event: WebhookEvent
    verdict: str | None
    """The job's verdict; None before the second reading is complete."""
    at: float


@dataclass(frozen=True, slots=True)
class JobEnd:
    """A job as it was when it ended; it may have been retried or deleted since."""

    job: str
    project: str
    model: str
    model_version: str
    state: JobState
    batch: str | None
    attempt: int
    created_at: float
    started_at: float | None
    finished_at: float
    error: Mapping[str, Any] | None
    traceparent: str | None = None
    """The W3C trace context of the job; None also if it has been deleted."""


@dataclass(frozen=True, slots=True)
class BatchEnd:
    """A batch whose jobs have all ended."""

    batch: str
    project: str
    states: Mapping[JobState, int]
    models: frozenset[str]
    created_at: float
    finished_at: float
    """When its last job ended."""


class MessageState(StrEnum):
    """The state of a message."""

    WAITING = "waiting"
    """It waits for its turn, or for its next attempt."""
    DELIVERED = "delivered"
    DEAD = "dead"
    """It is not sent any more, unless somebody requests it."""


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """One event for one endpoint. Times are seconds since the epoch."""

    id: str
    """The same for the same event and endpoint, so that no event is stored twice."""
    project: str
    endpoint: str
    """The endpoint's name in the routing table."""
    event: str
    """A WebhookEvent, or `webhook.test`."""
    job: str | None
    batch: str | None
    body: str
    """The JSON that is signed and sent."""
    created_at: float = 0.0
    due_at: float = 0.0
    """Cannot be claimed earlier; the end of the lease while it is being sent."""
    state: MessageState = MessageState.WAITING
    attempts: int = 0
    """Number of claims since it was stored or resent; it identifies the current holder."""
    finished_at: float | None = None
    status: int | None = None
    """HTTP status of the last answer; None: there was none."""
    error: Mapping[str, Any] | None = None
    """An RFC 9457 problem: why the last attempt failed."""
    traceparent: str | None = None
    """The W3C trace context that its spans continue: that of the job; None for a batch."""


def wait_s(attempts: int, chance: float) -> float:
    """Seconds until the next attempt: 5, 15, 45, ... at most 4 hours, times 0.75 to 1.25.

    `chance` is a random number from 0 to 1. It spreads messages that failed at the same time.
    """
    return float(min(14_400.0, 5.0 * 3.0 ** min(max(attempts, 1) - 1, 9)) * (0.75 + chance / 2))
