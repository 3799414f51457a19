"""The announcer: turns jobs that have ended into messages for the endpoints that want them."""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256

from jobs import repository
from jobs.repository.webhooks import AT_ONCE
from jobs.webhook import BatchEnd, JobEnd, WebhookEvent, WebhookMessage
from service.auth import Authenticator, BackgroundTask, Permission, Principal, requires
from service.resources.polling_thread import PollingThread
from service.resources.webhook_endpoint import WebhookEndpoint
from service.use_cases.webhook_payloads import EVENTS, batch_payload, job_payload

GRACE_S = 300.0
"""A gateway without webhooks discards ended jobs after this time: while webhooks are being
introduced, the gateways that have them already come first."""
_FORGET_EVERY = 60
"""Rounds between two deletions of old messages."""


class WebhookAnnouncer:
    """A thread; every gateway has one, and each ended job is announced by one of them."""

    def __init__(
        self,
        rows: repository.Webhooks,
        endpoints: Sequence[WebhookEndpoint],
        authenticator: Authenticator,
        poll_s: float,
        keep_s: float,
    ) -> None:
        self._rows = rows
        self._endpoints = endpoints
        self._authenticator = authenticator
        self._keep_s = keep_s
        self._rounds = 0
        self._thread = PollingThread(
            "webhook announcer", self.step, poll_s, "Webhooks are announced again."
        )

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._thread.stop()

    def step(self) -> bool:
        """Announces some of the ended jobs; False if there are no more."""
        if self._rounds % _FORGET_EVERY == 0:
            self._rows.forget(self._keep_s)
        self._rounds += 1
        taken = self._rows.announce(self._compose, 0.0 if self._endpoints else GRACE_S)
        self._thread.log_once("")
        return taken == AT_ONCE

    @requires(Permission.WEBHOOKS_WRITE)
    def messages(self, _: Principal, end: JobEnd | BatchEnd) -> list[WebhookMessage]:
        """A message for each endpoint that wants to know of this end."""
        event, models, job, body = _described(end)
        return [
            WebhookMessage(
                id=_message_id(endpoint.name, event, job or str(end.batch), end.finished_at),
                project=end.project,
                endpoint=endpoint.name,
                event=event,
                job=job,
                batch=end.batch,
                body=body,
                traceparent=end.traceparent if isinstance(end, JobEnd) else None,
            )
            for endpoint in self._endpoints
            if endpoint.wants(event, models)
        ]

    def _compose(
        self, ends: Sequence[JobEnd], finished: Sequence[BatchEnd]
    ) -> list[WebhookMessage]:
        principal = cache(self._principal)
        news: list[JobEnd | BatchEnd] = [*ends, *finished]
        return [message for end in news for message in self.messages(principal(end.project), end)]

    def _principal(self, project: str) -> Principal:
        return self._authenticator.authenticate(BackgroundTask("webhook announcer", project))


def _described(end: JobEnd | BatchEnd) -> tuple[WebhookEvent, frozenset[str], str | None, str]:
    """Event, models, id of the job (None for a batch) and body."""
    if isinstance(end, JobEnd):
        return EVENTS[end.state], frozenset({end.model}), end.job, job_payload(end)
    return WebhookEvent.BATCH_FINISHED, end.models, None, batch_payload(end)


def _message_id(endpoint: str, event: str, subject: str, finished_at: float) -> str:
    """The same from every gateway; another one if the job or batch ends again."""
    text = "\n".join((endpoint, event, subject, repr(finished_at)))
    return "msg_" + sha256(text.encode()).hexdigest()[:32]
