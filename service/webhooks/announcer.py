"""The announcer: turns jobs that have ended into messages for the endpoints that want them."""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256

from jobs import repository
from jobs.repository.webhooks import AT_ONCE
from jobs.webhook import BatchEnd, JobEnd, ReadingStage, WebhookEvent, WebhookMessage
from service.auth import Authenticator, BackgroundTask, Permission, Principal, requires
from service.resources.polling_task import PollingTask
from service.resources.webhook_endpoint import WebhookEndpoint
from service.use_cases.webhook_payloads import EVENTS, batch_payload, job_payload, reading_payload

GRACE_S = 300.0
"""A gateway without webhooks discards ended jobs after this time: while webhooks are being
introduced, the gateways that have them already come first."""
_FORGET_EVERY = 60
"""Rounds between two deletions of old messages."""


class WebhookAnnouncer(PollingTask):
    """A thread; every gateway has one, and each ended job is announced by one of them."""

    def __init__(
        self,
        rows: repository.Webhooks,
        stages: repository.ReadingStages,
        endpoints: Sequence[WebhookEndpoint],
        authenticator: Authenticator,
        poll_s: float,
        keep_s: float,
    ) -> None:
        self._rows = rows
        self._stages = stages
        self._endpoints = endpoints
        self._authenticator = authenticator
        self._keep_s = keep_s
        self._rounds = 0
        super().__init__("webhook announcer", poll_s, "Webhooks are announced again.")

    def step(self) -> bool:
        """Announces some of the ended jobs; False if there are no more."""
        if self._rounds % _FORGET_EVERY == 0:
            self._rows.forget(self._keep_s)
        self._rounds += 1
        after_s = 0.0 if self._endpoints else GRACE_S
        taken = self._rows.announce(self._compose, after_s)
        stages = self._stages.announce(self._compose_stages, after_s)
        self._thread.log_once("")
        return max(taken, stages) == AT_ONCE

    @requires(Permission.WEBHOOKS_WRITE)
    def messages(self, _: Principal, end: JobEnd | BatchEnd | ReadingStage) -> list[WebhookMessage]:
        """A message for each endpoint that wants to know of this."""
        event, models, job, at, body = _described(end)
        return [
            WebhookMessage(
                id=_message_id(endpoint.name, event, job or str(end.batch), at),
                project=end.project,
                endpoint=endpoint.name,
                event=event,
                job=job,
                batch=end.batch,
                body=body,
                traceparent=end.traceparent if isinstance(end, JobEnd) else None,
            )
            for endpoint in self._endpoints
            if endpoint.serves(end.project) and endpoint.wants(event, models)
        ]

    def _compose(
        self, ends: Sequence[JobEnd], finished: Sequence[BatchEnd]
    ) -> list[WebhookMessage]:
        principal = cache(self._principal)
        news: list[JobEnd | BatchEnd] = [*ends, *finished]
        return [message for end in news for message in self.messages(principal(end.project), end)]

    def _compose_stages(self, stages: Sequence[ReadingStage]) -> list[WebhookMessage]:
        principal = cache(self._principal)
        return [one for stage in stages for one in self.messages(principal(stage.project), stage)]

    def _principal(self, project: str) -> Principal:
        return self._authenticator.authenticate(BackgroundTask("webhook announcer", project))


def _described(
    end: JobEnd | BatchEnd | ReadingStage,
) -> tuple[WebhookEvent, frozenset[str], str | None, float, str]:
    """Event, models, id of the job (None for a batch), time and body."""
    if isinstance(end, BatchEnd):
        return WebhookEvent.BATCH_FINISHED, end.models, None, end.finished_at, batch_payload(end)
    models = frozenset({end.model})
    if isinstance(end, JobEnd):
        return EVENTS[end.state], models, end.job, end.finished_at, job_payload(end)
    return end.event, models, end.job, end.at, reading_payload(end)


def _message_id(endpoint: str, event: str, subject: str, finished_at: float) -> str:
    """The same from every gateway; another one if it happens again."""
    text = "\n".join((endpoint, event, subject, repr(finished_at)))
    return "msg_" + sha256(text.encode()).hexdigest()[:32]
