"""Webhooks and their messages."""

from datetime import datetime
from typing import Literal

from jobs.webhook import MessageState, WebhookEvent
from service.schemas.fields import Wire
from service.schemas.problem import Problem


class WebhookOut(Wire):
    """A system that is told when jobs and batches end."""

    name: str
    events: list[WebhookEvent]
    models: list[str]
    """Patterns of the names of models."""


class WebhookMessageOut(Wire):
    """One event for one webhook."""

    id: str
    """The header `webhook-id`; the same at each attempt."""
    webhook: str
    event: WebhookEvent | Literal["webhook.test"]
    job: str | None
    batch: str | None
    state: MessageState
    attempts: int
    """Attempts since the message was created or resent."""
    created_at: datetime
    due_at: datetime | None
    """Time of the next attempt; null if there is none."""
    finished_at: datetime | None
    status: int | None
    """HTTP status of the last answer; null: there was none."""
    error: Problem | None
    """Why the last attempt failed."""


class WebhookMessagePage(Wire):
    """One page of messages."""

    messages: list[WebhookMessageOut]
    next_cursor: str | None = None


class ResentOut(Wire):
    """How many messages are sent again."""

    resent: int
